using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Configuration;
using VideoSim.Models.Submissions;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// Models that start from published encoders. The two here are small, and made by PyTorch and by h5py.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class EncoderTests(CommandWorld world)
{
    // The challenge's folder has no vocabulary and no labels of its test sets.
    [Fact]
    public void Reproduce_ChallengesFolderAndTwoEncoders_MakesTheSubmissionOfAllModels()
    {
        string data = ChallengeData(), output = world.New(), bert = Encoder("bert", "zip.bin", "pytorch_model.bin"), roformer = Encoder("roformer", "keras.h5", "tf_model.h5");
        string[] command = ["reproduce", "--folds", "1", "--data", data, "--output-dir", output, .. CommandWorld.Options, "--encoder", $"bert={bert}", $"roformer={roformer}"];
        Shell.Run(command).AssertDone();
        Assert.Equal(TinyData.TestVideos, SubmissionFile.Read(Path.Combine(output, "result.zip")).Ids.Count);
        foreach (string model in ModelZoo.Names)
        {
            string type = ModelZoo.Find(model).Encoder, folder = type == EncoderConfig.RoFormer ? roformer : bert;
            Assert.Equal(File.ReadAllText(Path.Combine(folder, "vocab.txt")), File.ReadAllText(Path.Combine(output, model, "fold-1", "last", "vocab.txt")));
            AssertWeights(Path.Combine(AppContext.BaseDirectory, "Golden", "pretrained", type, "plain.safetensors"), Path.Combine(output, model, "pretrain", "checkpoint-0", "model.safetensors"), type);
        }
    }

    [Fact]
    public void Pretrain_Encoder_SaysWhereTheWeightsComeFrom()
    {
        string bert = Encoder("bert", "zip.bin", "pytorch_model.bin"), output = world.New();
        var outcome = Shell.RunAloud(CommandWorld.Pretrain(ChallengeData(), output, "--encoder", bert));
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains($"{bert}: weights: pytorch_model.bin\n", outcome.Error, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^weights +tensors +MB +name$", outcome.Error);
        Assert.Matches(@"(?m)^used +1 +0\.0 +bert\.embeddings\.word_embeddings\.weight$", outcome.Error);
        Assert.Matches(@"(?m)^new +\d+ +\d+\.\d +experts$", outcome.Error);
        Assert.Matches(@"(?m)^ignored +1 +0\.0 +cls\.predictions\.bias ", outcome.Error);
        Assert.Equal(bert, (string)JsonNode.Parse(File.ReadAllText(Path.Combine(output, "args.json")))!["encoder"]!);
    }

    [Fact]
    public void Encoder_MissingOrOfTheWrongType_IsWrongUsage()
    {
        string data = ChallengeData(), output = world.New(), bert = Encoder("bert", "zip.bin", "pytorch_model.bin"), roformer = Encoder("roformer", "zip.bin", "pytorch_model.bin");
        string[] reproduce = ["reproduce", "--data", data, "--output-dir", output, "--preset", "micro"];
        Shell.Run([.. reproduce, "--encoder", $"bert={bert}"]).AssertFailed(2, "--encoder: mix-roformer needs a roformer encoder, and none is given; add roformer=DIR");
        Shell.Run([.. reproduce, "--encoder", $"bert={roformer}", $"roformer={roformer}"]).AssertFailed(2, $"{roformer}: is a roformer, but mix needs a bert");
        Shell.Run([.. reproduce, "--models", "mix", "--encoder", $"uniter={bert}"]).AssertFailed(2, "mix needs a bert encoder");
        Shell.Run([.. reproduce, "--encoder", $"albert={bert}"]).AssertFailed(2, "'albert' is not known; use one of bert, roformer, mix");
        Shell.Run(CommandWorld.Pretrain(data, output, "--encoder", roformer)).AssertFailed(2, $"{roformer}: is a roformer, but mix needs a bert");
        Shell.Run(CommandWorld.Pretrain(data, output, "--encoder", data)).AssertFailed(2, $"{data}: has no config.json");
        Shell.Run(CommandWorld.Pretrain(data, output, "--encoder", bert, "--set", "model.encoder.hidden_size=16")).AssertFailed(1, $"--set model.encoder.hidden_size=16, but in {bert} it is 8");
        Assert.False(Directory.Exists(output));
        string dry = Shell.Run([.. reproduce, "--dry-run", "--json", "--models", "mix", "uniter", "--encoder", $"mix={bert}", $"Uniter={bert}", "--set", $"model.frame_width={TinyData.FrameWidth}", "--set", "model.vlad_expansion=1"]).AssertDone().Output;
        Assert.InRange((long)JsonNode.Parse(dry)!["runs"]![2]!["parameters"]!, 2_000, 20_000); // of uniter, whose sizes are the encoder's; of the preset's own it has 100,000
    }

    // Dropouts are no sizes: they may be overridden.
    [Fact]
    public void Encoder_Changed_RefusesAHalfDoneRun()
    {
        string data = ChallengeData(), output = world.New(), bert = Encoder("bert", "zip.bin", "pytorch_model.bin"), weights = Path.Combine(bert, "pytorch_model.bin");
        string[] command = CommandWorld.Pretrain(data, output, "--encoder", bert, "--set", "model.encoder.hidden_dropout_prob=0");
        Shell.Run(command).AssertDone();
        Assert.Equal(0, (double)JsonNode.Parse(File.ReadAllText(Path.Combine(output, "args.json")))!["model"]!["encoder"]!["hidden_dropout_prob"]!);
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Golden", "pretrained", "bert", "legacy.bin"), weights, overwrite: true);
        Assert.Contains($"{output} is complete and stays as it is, but {weights} has changed since it began", Shell.RunAloud(command).Error, StringComparison.Ordinal);
        Directory.Delete(Path.Combine(output, "last"), recursive: true);
        Shell.Run(command).AssertFailed(1, $"{output} cannot continue: {weights} has changed since the run began");
    }

    // Before the first model is trained: damage that only a later stage, or the last, would meet.
    [Fact]
    public void Reproduce_DamageThatALaterStageWouldMeet_IsFoundFirst()
    {
        string data = ChallengeData(), output = world.New(), bert = Encoder("bert", "zip.bin", "pytorch_model.bin"), roformer = Encoder("roformer", "zip.bin", "pytorch_model.bin");
        string weights = Path.Combine(roformer, "pytorch_model.bin"), test = Path.Combine(data, "test_b", "test_b.tfrecords");
        string[] command = ["reproduce", "--models", "mix", "mix-roformer", "--folds", "1", "--data", data, "--output-dir", output, .. CommandWorld.Options, "--encoder", $"bert={bert}", $"roformer={roformer}"];
        byte[] good = File.ReadAllBytes(test), damaged = [.. good];
        damaged[^40] ^= 1;
        File.WriteAllBytes(test, damaged);
        Shell.Run(command).AssertFailed(1, test, $"record {TinyData.TestVideos - 1} ", "the payload fails its checksum");
        File.WriteAllBytes(test, good);
        byte[] bin = File.ReadAllBytes(weights), flipped = [.. bin];
        flipped[9000] ^= 1;
        File.WriteAllBytes(weights, flipped);
        Shell.Run(command).AssertFailed(1, weights, "tensor 'roformer.");
        Assert.False(Directory.Exists(Path.Combine(output, "mix")));
        File.WriteAllBytes(weights, bin);
        Shell.Run(command).AssertDone();
    }

    [Fact]
    public void Encoder_ConfigOfAnotherModelThanTheTensors_IsRefused()
    {
        string data = ChallengeData(), bert = Encoder("bert", "zip.bin", "pytorch_model.bin"), config = Path.Combine(bert, "config.json"), text = File.ReadAllText(config);
        File.Delete(Path.Combine(bert, "tokenizer_config.json")); // which would tell as well
        Refused("\"model_type\": \"bert\"", "\"model_type\": \"roformer\"", $"{config}: model_type is roformer, but pytorch_model.bin has the tensors of a bert", "mix-roformer");
        Refused("\"num_hidden_layers\": 2", "\"num_hidden_layers\": \"two\"", $"{config}: line ", code: 2);
        Refused("{", "\uFEFF{", $"{config}: line 1: begins with a byte order mark", code: 2);

        void Refused(string from, string to, string complaint, string model = "mix", int code = 1)
        {
            File.WriteAllText(config, text.Replace(from, to, StringComparison.Ordinal));
            string[] command = CommandWorld.Pretrain(data, world.New(), "--encoder", bert);
            command[Array.IndexOf(command, "mix")] = model;
            var outcome = Shell.Run(command);
            outcome.AssertFailed(code, complaint);
            Assert.DoesNotContain("VideoSim.", outcome.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("System.", outcome.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Reference_WithoutEncoders_SaysThatTheyStartFromRandomWeights()
    {
        const string Note = "text encoders start from random weights; for the published scores, start from published encoders: --encoder bert=DIR roformer=DIR\n";
        string[] dry = ["reproduce", "--dry-run", "--models", "mix", "--output-dir", world.New(), "--preset"];
        Assert.Equal(Note, Shell.RunAloud([.. dry, "reference"]).Error);
        Assert.Equal("", Shell.RunAloud([.. dry, "micro"]).Error);
        string[] pretrain = ["pretrain", "--model", "mix", "--data", world.New(), "--output-dir", world.New(), "--preset"];
        Assert.StartsWith(Note, Shell.RunAloud([.. pretrain, "reference"]).Error, StringComparison.Ordinal);
        Assert.StartsWith("error: ", Shell.RunAloud([.. pretrain, "micro"]).Error, StringComparison.Ordinal);
    }

    private string ChallengeData()
    {
        string data = world.CopyOfData();
        foreach (string file in new[] { "vocab.txt", "test_a/label.tsv", "test_b/label.tsv" })
            File.Delete(Path.Combine(data, file));
        return data;
    }

    // A folder as Hugging Face has it.
    private string Encoder(string type, string weights, string name)
    {
        string golden = Path.Combine(AppContext.BaseDirectory, "Golden", "pretrained", type), folder = Path.Combine(Path.GetDirectoryName(world.New())!, $"{type}-{Guid.NewGuid().ToString("N")[..8]}");
        Directory.CreateDirectory(folder);
        foreach (string file in new[] { "config.json", "vocab.txt", "tokenizer_config.json" })
            File.Copy(Path.Combine(golden, file), Path.Combine(folder, file));
        File.Copy(Path.Combine(golden, weights), Path.Combine(folder, name));
        return folder;
    }

    // Every tensor of the encoder that the model has, bit for bit.
    private static void AssertWeights(string published, string trained, string type)
    {
        using var from = SafetensorsReader.Open(published);
        using var to = SafetensorsReader.Open(trained);
        int compared = 0;
        foreach (var entry in to.Entries.Where(entry => entry.Name.StartsWith($"{type}.", StringComparison.Ordinal)))
        {
            var (expected, actual) = (new float[entry.ElementCount], new float[entry.ElementCount]);
            from.ReadFloats(from.TryFind(entry.Name)!, expected);
            to.ReadFloats(entry, actual);
            Assert.Equal(expected, actual);
            compared++;
        }
        Assert.True(compared >= 36, $"{compared} tensors of {type}");
    }
}
