using VideoSim.Engine;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;
using VideoSim.Onnx;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// <c>export</c> as a command. What the files compute is tested in tests/Oracles, with another program.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class ExportTests(CommandWorld world)
{
    [Fact]
    public void Export_OverAnOlderFile_ReplacesItByTheSameBytes()
    {
        string first = world.New() + ".onnx", second = world.New() + ".onnx";
        var outcome = Shell.RunAloud(Export(world.Pretrained, first));
        Assert.Equal(0, outcome.ExitCode);
        Assert.Matches($@"^{first}: embedding network of mix, \d+\.\d MB of weights\n$", outcome.Error);
        File.WriteAllText(second, "old");
        using var old = File.OpenText(second);
        Shell.Run(Export(Path.Combine(world.Pretrained, "best"), second)).AssertDone();
        Assert.Equal("old", old.ReadToEnd()); // another file has its name now
        byte[] bytes = File.ReadAllBytes(first);
        Assert.Equal(bytes, File.ReadAllBytes(second));
        // The file begins with field 1, the version.
        Assert.Equal([0x08, OnnxModel.IrVersion], bytes[..2]);
    }

    // Weights that the embedding does not need are left out: the tag heads, and the head of masked tokens.
    [Theory]
    [InlineData("mix", ".classifier.")]
    [InlineData("uniter", "classifier.", "mlm.")]
    public void WeightBytes_OfAModel_AreThoseOfAllOthers(string name, params string[] heads)
    {
        var config = Preset.Load("micro", name, []).Model;
        using var parameters = ModelZoo.Create(config).Parameters;
        var parts = parameters.Parameters.SelectMany(static parameter => parameter.Parts).Concat(parameters.States.SelectMany(static state => state.Parts));
        long expected = parts.Where(part => !heads.Any(head => part.Name.Contains(head, StringComparison.Ordinal))).Sum(static part => part.Shape.Count * sizeof(float));
        Assert.Equal(expected, new OnnxModel(config).WeightBytes);
    }

    // docs/onnx.md has these sizes.
    [Theory]
    [InlineData("mix", 796_934_252)]
    [InlineData("mix-roformer", 881_693_804)]
    [InlineData("uniter", 412_217_344)]
    [InlineData("uniter-roformer", 499_339_264)]
    public void WeightBytes_OfThePublishedSizes_FitTheFormat(string name, long bytes) =>
        Assert.Equal(bytes, new OnnxModel(Preset.Load("reference", name, []).Model).WeightBytes);

    // 2 GiB is the limit of the format. The weights have no memory yet.
    [Fact]
    public void Model_LargerThanTheFormatAllows_IsRefused()
    {
        var fits = Preset.Load("micro", "mix", ["model.encoder.vocab_size=1000000", "model.encoder.hidden_size=512"]).Model;
        Assert.InRange(new OnnxModel(fits).WeightBytes, 2_000_000_000, int.MaxValue);
        var large = Preset.Load("micro", "mix", ["model.encoder.vocab_size=1050000", "model.encoder.hidden_size=512"]).Model;
        var refusal = Assert.Throws<DataException>(() => new OnnxModel(large));
        Assert.Matches(@"^mix would need 2,1\d\d,\d\d\d,\d\d\d bytes as ONNX; an ONNX file has at most 2,147,483,647$", refusal.Message);
    }

    [Fact]
    public void Export_BadInput_IsNamedAndTheOldFileStays()
    {
        string file = world.New() + ".onnx", run = world.CopyOfRun(), weights = Path.Combine(run, "best", "model.safetensors");
        File.WriteAllText(file, "old");
        Shell.Run(Export(world.Data, file)).AssertFailed(1, Path.Combine(world.Data, "config.json"));
        byte[] bytes = File.ReadAllBytes(weights);
        BitConverter.TryWriteBytes(bytes.AsSpan(bytes.Length - sizeof(float)), float.NaN);
        File.WriteAllBytes(weights, bytes);
        File.Delete(Path.Combine(run, "best", "checksums.json"));
        Shell.Run(Export(run, file)).AssertFailed(1, weights, "has a value that is not finite");
        Assert.Equal("old", File.ReadAllText(file));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(file)!, $".tmp-{Path.GetFileName(file)}*"));
    }

    [Fact]
    public void Export_FileThatCannotBeWritten_IsRefusedBeforeTheWeightsAreRead()
    {
        string run = world.CopyOfRun(), folder = world.New() + ".onnx";
        Directory.CreateDirectory(folder);
        File.Delete(Path.Combine(run, "best", "model.safetensors"));
        Shell.Run(Export(run, folder)).AssertFailed(1, folder, "cannot be written: it is a folder");
        Shell.Run(Export(run, Path.Combine(run, "best", "model.safetensors"))).AssertFailed(2, "--onnx", "the file's name must end in .onnx");
        Shell.Run("export", "--checkpoint", run).AssertFailed(2, "--onnx");
    }

    private static string[] Export(string checkpoint, string file) => ["export", "--checkpoint", checkpoint, "--onnx", file];
}
