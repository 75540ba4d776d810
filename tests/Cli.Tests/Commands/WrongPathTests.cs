using VideoSim.Models.Submissions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>Paths of something else than an option needs, and outputs that are inputs.</summary>
[Collection(nameof(CommandTests))]
public sealed class WrongPathTests(CommandWorld world)
{
    private string Videos => Path.Combine(world.Data, "test_b");

    [Fact]
    public void Output_ThatIsAnInput_IsRefusedAndStays()
    {
        string folder = Directory.CreateDirectory(world.New()).FullName, frames = Path.Combine(folder, "keep.npy"), link = Path.Combine(folder, "link.npy"), linked = world.New();
        File.WriteAllBytes(frames, NumpyFile.Of(3, TinyData.FrameWidth));
        File.CreateSymbolicLink(link, frames);
        Directory.CreateSymbolicLink(linked, folder);
        byte[] before = File.ReadAllBytes(frames);
        foreach (string output in new[] { frames, link, Path.Combine(linked, "keep.npy") })
        {
            Shell.Run("embed", "--checkpoint", world.Pretrained, "--frames", frames, "--title", "x", "--output", output)
                .AssertFailed(1, $"{output}: cannot be written: it is {(output == frames ? "an input" : $"the input {frames}")} of the same command");
        }
        Assert.Equal(before, File.ReadAllBytes(frames));
        Assert.Equal(["keep.npy", "link.npy"], Directory.GetFiles(folder).Select(static path => Path.GetFileName(path)!).Order());
    }

    [Fact]
    public void Output_OfEveryCommand_IsNoInput()
    {
        string embeddings = world.New() + ".npy", other = world.New() + ".npy";
        Shell.Run(CommandWorld.Embed(world.Pretrained, Videos, embeddings)).AssertDone();
        Shell.Run("ensemble", "--inputs", embeddings, "--output", embeddings).AssertFailed(1, $"{embeddings}: cannot be written: it is an input of the same command");
        File.CreateSymbolicLink(Path.ChangeExtension(other, ".ids.txt"), Path.ChangeExtension(embeddings, ".ids.txt"));
        Shell.Run("ensemble", "--inputs", embeddings, "--output", other).AssertFailed(1, Path.ChangeExtension(other, ".ids.txt"), Path.ChangeExtension(embeddings, ".ids.txt"));

        string run = world.CopyOfRun(), weights = Path.Combine(run, "last", "model.safetensors"), onnx = world.New() + ".onnx", dump = Path.Combine(run, "last", "model.safetensors");
        Shell.Run(CommandWorld.Embed(Path.Combine(run, "last"), Videos, Path.Combine(run, "last", "config.json"))).AssertFailed(1, "config.json: cannot be written: it is an input of the same command");
        File.CreateSymbolicLink(onnx, weights);
        Shell.Run("export", "--checkpoint", Path.Combine(run, "last"), "--onnx", onnx).AssertFailed(1, $"{onnx}: cannot be written: it is the input {weights} of the same command");
        Shell.Run("inspect", "--step", "--checkpoint", run, "--records", Videos, "--output", dump).AssertFailed(1, $"{dump}: cannot be written: it is an input of the same command");
        Assert.Equal(File.ReadAllBytes(Path.Combine(world.Pretrained, "last", "model.safetensors")), File.ReadAllBytes(weights));
    }

    [Fact]
    public void Data_NoDataFolder_IsNamedWithItsOption()
    {
        string missing = world.New(), file = Path.Combine(world.Data, "vocab.txt"), run = world.New();
        string[][] commands =
        [
            CommandWorld.Pretrain(missing, run), CommandWorld.Finetune(missing, world.Pretrained, run), ["data", "folds", "--data", missing],
            ["reproduce", "--data", missing, "--output-dir", run],
        ];
        foreach (string[] command in commands)
        {
            Shell.Run(command).AssertFailed(1, $"--data {missing}: there is no such folder");
            Shell.Run(With(command, missing, file)).AssertFailed(1, $"--data {file}: is a file, not a data folder");
            Shell.Run(With(command, missing, world.Pretrained)).AssertFailed(1, $"--data {world.Pretrained}: is not a data folder; 'data import' makes one");
        }
        Assert.False(Directory.Exists(run));

        static string[] With(string[] command, string old, string now) => Array.ConvertAll(command, text => text == old ? now : text);
    }

    // DATA, RUN and FILE are right; NO does not exist.
    [Theory]
    [InlineData("report NO --output NEW.html")]
    [InlineData("embed --checkpoint NO --records DATA/test_b --output NEW.npy")]
    [InlineData("embed --checkpoint RUN --records NO --output NEW.zip")]
    [InlineData("ensemble --inputs NO.zip --output NEW.zip")]
    [InlineData("export --checkpoint NO --onnx NEW.onnx")]
    [InlineData("inspect --step --checkpoint NO --records DATA/test_b --output NEW.safetensors")]
    [InlineData("inspect --step --checkpoint RUN --records DATA/test_b --labels NO --output NEW.safetensors")]
    [InlineData("data import --table NO --output-dir NEW")]
    [InlineData("data synth --tag-list NO --output-dir NEW")]
    [InlineData("data synth --vocab NO --output-dir NEW")]
    [InlineData("data synth --test-pairs 1000000 --test-videos 3 --output-dir NEW")]
    [InlineData("convert NO NEW")]
    [InlineData("convert DATA NEW")]
    [InlineData("kernels compile --kernels NO --output-dir NEW")]
    [InlineData("pretrain --model mix --data NO --output-dir NEW")]
    [InlineData("pretrain --model mix --data DATA --vocab NO --output-dir NEW")]
    [InlineData("pretrain --model mix --data DATA --config NO --output-dir NEW")]
    [InlineData("pretrain --model mix --data DATA --jieba-dict NO --output-dir NEW")]
    [InlineData("pretrain --model mix --data DATA --device cuda:77 --output-dir NEW")]
    [InlineData("finetune --model mix --data DATA --pretrained NO --fold 1 --output-dir NEW")]
    [InlineData("finetune --model uniter --data DATA --pretrained RUN --fold 1 --output-dir NEW")]
    [InlineData("reproduce --models mix --data NO --output-dir NEW")]
    [InlineData("reproduce --models mix --encoder NO --output-dir NEW")]
    public void Output_WhenAnInputIsWrong_LeavesNoFolder(string command)
    {
        string parent = world.New(), output = Path.Combine(parent, "a", "b"), missing = world.New();
        var outcome = Shell.Run([.. CommandText.Words(command).Select(word => word.Replace("DATA", world.Data, StringComparison.Ordinal).Replace("RUN", world.Pretrained, StringComparison.Ordinal)
            .Replace("NO", missing, StringComparison.Ordinal).Replace("NEW", output, StringComparison.Ordinal))]);
        Assert.True(outcome.ExitCode is 1 or 2, outcome.Error);
        Assert.False(Directory.Exists(parent), outcome.Error);
    }

    [Fact]
    public void Model_NoFolder_IsNamedWithItsOption()
    {
        string missing = world.New(), weights = Path.Combine(world.Pretrained, "last", "model.safetensors"), output = world.New() + ".npy";
        Shell.Run(CommandWorld.Embed(missing, Videos, output)).AssertFailed(1, $"--checkpoint {missing}: there is no such folder");
        Shell.Run(CommandWorld.Embed(weights, Videos, output)).AssertFailed(1, $"--checkpoint {weights}: is a file, not the folder of a model or of a run");
        Shell.Run("export", "--checkpoint", missing, "--onnx", world.New() + ".onnx").AssertFailed(1, $"--checkpoint {missing}: there is no such folder");
        Shell.Run(CommandWorld.Finetune(world.Data, weights, world.New())).AssertFailed(1, $"--pretrained {weights}: is a file, not the folder of a model or of a run");
        Shell.Run("inspect", "--step", "--checkpoint", missing, "--records", Videos, "--output", world.New() + ".safetensors").AssertFailed(1, $"--checkpoint {missing}: there is no such folder");
    }

    [Fact]
    public void Records_ATableOrADataFolder_TellWhatToDo()
    {
        string table = world.New() + ".csv", output = world.New() + ".npy", embeddings = world.New() + ".json";
        File.WriteAllText(table, "id,title\n1,cat\n");
        File.WriteAllText(embeddings, """{"1":[1,2],"2":[2,1]}""");
        string refused = $"{table}: a table must be imported first: data import";
        Shell.Run(CommandWorld.Embed(world.Pretrained, table, output)).AssertFailed(1, refused);
        Shell.Run("search", "--embeddings", embeddings, "--id", "1", "--records", table).AssertFailed(1, refused);
        Shell.Run("data", "inspect", table).AssertFailed(1, refused);
        Shell.Run("data", "verify", table).AssertFailed(1, refused);

        string parts = $"{world.Data}: has no .tfrecords files itself; its folders pairwise, pointwise, test_a and test_b have";
        Shell.Run(CommandWorld.Embed(world.Pretrained, world.Data, output)).AssertFailed(1, parts);
        Shell.Run("search", "--embeddings", embeddings, "--id", "1", "--records", world.Data).AssertFailed(1, parts);
    }

    [Fact]
    public void Embeddings_FramesWithoutIds_TellWhatToDo()
    {
        string frames = world.New() + ".npy", embeddings = world.New() + ".json";
        File.WriteAllBytes(frames, NumpyFile.Of(3, TinyData.FrameWidth));
        File.WriteAllText(embeddings, """{"1":[1,2],"2":[2,1]}""");
        Shell.Run("search", "--embeddings", embeddings, "--query", frames)
            .AssertFailed(1, $"{frames}: {TinyData.FrameWidth} values per id, but {embeddings} has 2; for the frames of a video use --frames");
        Shell.Run("search", "--embeddings", frames, "--id", "1")
            .AssertFailed(1, $"{frames}: has no {Path.GetFileNameWithoutExtension(frames)}.ids.txt beside it; if it has frames, 'embed --frames' makes an embedding of it");
    }

    [Fact]
    public void Search_RecordsWithoutSomeTitles_SaysHowMany()
    {
        string embeddings = world.New() + ".npy";
        Shell.Run(CommandWorld.Embed(world.Pretrained, Videos, embeddings)).AssertDone();
        string id = SubmissionFile.Read(embeddings).Ids[0];
        var outcome = Shell.RunAloud("search", "--embeddings", embeddings, "--id", id, "--top", "3", "--records", Path.Combine(world.Data, "pointwise"));
        Assert.EndsWith("no title for 3 videos in --records\n", outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("no title", Shell.RunAloud("search", "--embeddings", embeddings, "--id", id, "--records", Videos).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Ensemble_Done_SaysWhatItWrote()
    {
        string file = world.New() + ".json", output = world.New() + ".npy";
        File.WriteAllText(file, """{"1":[1,2],"2":[2,1]}""");
        Assert.Equal($"{output}: 2 embeddings, the mean of 1 file, as folds of one model\n", Shell.RunAloud("ensemble", "--inputs", file, "--output", output).Error);
        Assert.Equal($"{output}: 2 embeddings, the weighted sum of 1 file\n", Shell.RunAloud("ensemble", "--inputs", file, "--weights", "2", "--output", output).Error);
    }

    [Theory]
    [InlineData("pretrain.steps=1", "pretrain.warmup is 1, but it must be less than pretrain.steps, which is 1")]
    [InlineData("finetune.encoder_warmup=5", "finetune.encoder_warmup is 5, but it must be less than finetune.encoder_schedule_steps, which is 2")]
    public void Set_KeyThatDoesNotFitAnother_NamesBoth(string set, params string[] complaint) =>
        Shell.Run(CommandWorld.Pretrain(world.Data, world.New(), "--set", set)).AssertFailed(2, complaint);
}
