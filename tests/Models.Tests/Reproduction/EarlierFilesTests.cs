using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Tests.Training;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

/// <summary>Damage in the files of an earlier start is found before the first stage runs.</summary>
public sealed class EarlierFilesTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    [Fact]
    public void Require_WholeFiles_Passes()
    {
        string output = Reproduction("whole");
        Require(output);
        Require(runs.New("nothing"));
    }

    [Theory]
    [InlineData("embeddings/random.zip")]
    [InlineData("embeddings/pretrain.zip")]
    [InlineData("embeddings/fold-1.zip")]
    public void Require_DamagedEmbeddings_AreNamed(string name)
    {
        string output = Reproduction(name.Replace('/', '-')), file = Path.Combine(output, "mix", name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, "PK");
        string message = Assert.Throws<DataException>(() => Require(output)).Message;
        Assert.StartsWith(file, message, StringComparison.Ordinal);
        Assert.EndsWith($"; delete {file}, and the same command makes it again", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pretrain/args.json", "has the key 'x' twice")]
    [InlineData("pretrain/last/vocab.txt", "has changed since")]
    [InlineData("pretrain/checkpoint-20/trainer_state.json", "is not JSON")]
    [InlineData("fold-1/checkpoint-20/optimizer.safetensors", "has changed since")]
    [InlineData("fold-1/metrics.jsonl", "have changed since")]
    public void Require_DamagedRun_NamesTheFile(string name, string expected)
    {
        string output = Reproduction(name.Replace('/', '-')), file = Path.Combine(output, "mix", name);
        if (name.EndsWith("args.json", StringComparison.Ordinal))
        {
            File.WriteAllText(file, File.ReadAllText(file).Replace("{\n", "{\n  \"x\": 1,\n  \"x\": 2,\n", StringComparison.Ordinal));
        }
        else
        {
            byte[] content = File.ReadAllBytes(file);
            content[^3] ^= 1;
            File.WriteAllBytes(file, content);
        }
        string message = Assert.Throws<DataException>(() => Require(output)).Message;
        Assert.StartsWith($"{file}: ", message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"test_b":[]}""")]
    [InlineData("""{"test_b":{"best_possible_spearman":"1"}}""")]
    [InlineData("""{"test_b":{"best_possible_spearman":1.5}}""")]
    public void Run_DamagedTruth_IsRefusedBeforeAnythingIsWritten(string content)
    {
        string data = runs.New($"truth-{content.GetHashCode(StringComparison.Ordinal)}"), output = data + "-out", file = Path.Combine(data, "truth.json");
        TinyData.Write(data);
        File.WriteAllText(file, content);
        using var device = new CpuDevice(1);
        var options = new ReproductionOptions { OutputDirectory = output, Preset = "micro", Models = ["mix"], Data = data, Folds = 1, Overrides = [.. TinyData.Overrides] };
        string message = Assert.Throws<DataException>(() => new ReproductionRun(device, options, IProgressSink.None, TimeProvider.System, CancellationToken.None).RunAll()).Message;
        Assert.StartsWith($"{file}: ", message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }

    // A finished pretraining without embeddings, and a fold that is not finished.
    private string Reproduction(string name)
    {
        string output = runs.New($"reproduction-{name}"), model = Path.Combine(output, "mix");
        Folders.Copy(runs.Pretrained, Path.Combine(model, "pretrain"));
        Folders.Copy(runs.Finetuned, Path.Combine(model, "fold-1"));
        Directory.Delete(Path.Combine(model, "fold-1", "last"), recursive: true);
        return output;
    }

    private static void Require(string output) => EarlierFiles.Require(output, ["mix"], static _ => 1);
}
