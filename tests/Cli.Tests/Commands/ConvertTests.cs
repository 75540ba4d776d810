using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary><c>convert</c>, and models that start from the encoder of another model.</summary>
[Collection(nameof(CommandTests))]
public sealed class ConvertTests(CommandWorld world)
{
    [Fact]
    public void Convert_PublishedEncoder_TrainsAsTheOriginal()
    {
        string golden = Path.Combine(AppContext.BaseDirectory, "Golden", "pretrained", "bert"), source = world.New(), target = world.New();
        Directory.CreateDirectory(source);
        foreach (string file in new[] { "config.json", "vocab.txt", "tokenizer_config.json" })
            File.Copy(Path.Combine(golden, file), Path.Combine(source, file));
        File.Copy(Path.Combine(golden, "keras.h5"), Path.Combine(source, "tf_model.h5"));
        var outcome = Shell.RunAloud("convert", source, target);
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Output));
        Assert.Contains($"{source}: left out: 'mlm___cls/", outcome.Error, StringComparison.Ordinal);
        Assert.Matches($@"(?m)^{target}: 40 tensors of a bert, \d+ values$", outcome.Error);

        string[] runs = [world.New(), world.New()];
        Shell.Run(CommandWorld.Pretrain(world.Data, runs[0], "--encoder", source)).AssertDone();
        Shell.Run(CommandWorld.Pretrain(world.Data, runs[1], "--encoder", target)).AssertDone();
        Assert.Equal(Weights(runs[0]), Weights(runs[1]));
        Shell.Run("convert", source, target).AssertFailed(1, $"{target}: is a folder with files; choose a new one");
    }

    [Fact]
    public void Convert_NoEncoder_SaysSoAndLeavesNothing()
    {
        string target = world.New(), model = Path.Combine(world.Pretrained, "last");
        Shell.Run("convert", world.Data, target).AssertFailed(1, $"{world.Data}: has no config.json");
        Shell.Run("convert", model, target).AssertFailed(1, $"{model}: is the folder of a model, whose weights are in model.safetensors already");
        Shell.Run("convert", model).AssertFailed(2, "'convert' needs SOURCE_DIR and TARGET_DIR");
        Shell.Run("convert", "", target).AssertFailed(2, "SOURCE_DIR is empty");
        Assert.False(Directory.Exists(target));
    }

    [Fact]
    public void Pretrain_FromTheEncoderOfAModel_StartsWithItsWeights()
    {
        string model = Path.Combine(world.Pretrained, "last"), output = world.New();
        var outcome = Shell.RunAloud(CommandWorld.Pretrain(world.Data, output, "--encoder", model));
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains($"{model}: weights: model.safetensors\n", outcome.Error, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^used +1 +0\.0 +bert\.embeddings\.word_embeddings\.weight$", outcome.Error);
        Assert.Matches(@"(?m)^ignored +\d+ .* +experts\.", outcome.Error);
        Assert.DoesNotContain("warning", outcome.Error, StringComparison.Ordinal);
    }

    private static byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(run, "last", "model.safetensors"));
}
