using System.Text.Json;
using VideoSim.Models.Submissions;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>What comes before training and after it: splits and ensembles.</summary>
[Collection(nameof(CommandTests))]
public sealed class FoldsAndEnsembleTests(CommandWorld world)
{
    [Fact]
    public void Folds_VideoDisjoint_ShareNoVideo()
    {
        Assert.Contains(Folds(), fold => fold.GetProperty("shared_videos").GetInt32() > 0);
        Assert.All(Folds("--video-disjoint"), fold => Assert.Equal(0, fold.GetProperty("shared_videos").GetInt32()));
    }

    [Fact]
    public void Folds_OutputFolder_TakesEveryPairOnce()
    {
        string output = world.New();
        Folds("--output-dir", output);
        int pairs = File.ReadLines(Path.Combine(world.Data, "pairwise", "label.tsv")).Count();
        var lines = new[] { "train", "validation" }.SelectMany(side => File.ReadLines(Path.Combine(output, $"fold-3.{side}.txt"))).Select(int.Parse);
        Assert.Equal(Enumerable.Range(1, pairs), lines.Order());
    }

    [Fact]
    public void Ensemble_NamedModels_HaveTheirPublishedWeights()
    {
        var (mix, asl, output) = (Embeddings([1, 0]), Embeddings([0, 4]), world.New() + ".json");
        Shell.Run("ensemble", "--inputs", $"mix={mix}", $"mix-asl={asl}", "--output", output).AssertDoneWithUnknownModel();
        Assert.Equal([0.17, 4 * 0.20], SubmissionFile.Read(output)[0].ToArray());
        Shell.Run("ensemble", "--inputs", mix, asl, "--weights", "3", "0.5", "--normalize", "--output", output).AssertDoneWithUnknownModel();
        Assert.Equal([3, 0.5], SubmissionFile.Read(output)[0].ToArray());
        Shell.Run("ensemble", "--inputs", mix, asl, "--output", output).AssertDoneWithUnknownModel();
        Assert.Equal([0.5, 2], SubmissionFile.Read(output)[0].ToArray());
    }

    [Fact]
    public void Ensemble_FilesOfSeveralModels_MustBeNamedRightly()
    {
        string[] files = [.. new[] { "mix", "mix", "uniter" }.Select(model =>
        {
            string file = world.New() + ".zip";
            SubmissionFile.Write(file, SubmissionFile.Read(Embeddings([1, 0])).From(new EmbeddingOrigin(model, new string('a', 64), EmbeddingRounding.Double)), EmbeddingRounding.Double);
            return file;
        })];
        string output = world.New() + ".json";
        Assert.EndsWith("the mean of 2 files, as folds of mix\n", Shell.RunAloud("ensemble", "--inputs", files[0], files[1], "--output", output).Error, StringComparison.Ordinal);
        Shell.Run("ensemble", "--inputs", files[0], files[2], "--output", output)
            .AssertFailed(1, $"{files[0]} has embeddings of mix and {files[2]} of uniter", $"name the models: mix={files[0]} uniter={files[2]}");
        Shell.Run("ensemble", "--inputs", $"uniter={files[0]}", $"mix={files[2]}", "--output", output).AssertFailed(1, $"--inputs uniter={files[0]}: has embeddings of mix");
        Shell.Run("ensemble", "--inputs", $"mix={files[0]}", $"uniter={files[2]}", "--output", output).AssertDone();
        Shell.Run("ensemble", "--inputs", files[0], files[2], "--weights", "1", "2", "--output", output).AssertDone();
    }

    [Fact]
    public void Ensemble_FilesWithoutAModel_AreNamedOnce()
    {
        string[] files = [Embeddings([1]), Embeddings([2]), Embeddings([3])];
        Assert.StartsWith($"warning: {files[0]} and 2 more do not say which model computed them\n", Shell.RunAloud(["ensemble", "--inputs", .. files, "--output", world.New() + ".zip"]).Error, StringComparison.Ordinal);
        string known = world.New() + ".zip";
        SubmissionFile.Write(known, SubmissionFile.Read(files[0]).From(new EmbeddingOrigin("mix", new string('a', 64), EmbeddingRounding.Double)), EmbeddingRounding.Double);
        Assert.StartsWith($"warning: {files[0]} does not say which model computed it\n", Shell.RunAloud("ensemble", "--inputs", known, files[0], "--output", world.New() + ".zip").Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "3 weights for 2 inputs", "--weights", "1", "2", "3")]
    [InlineData(2, "-1 is not a positive number", "--weights", "1", "-1")]
    [InlineData(2, "--weights: '0,7' is not a number", "--weights", "0,7", "0,03")]
    [InlineData(2, "--weights: '1,000' is not a number", "--weights", "1,000", "1")]
    [InlineData(2, "--weights: 'x' is not a number", "--weights", "x", "1")]
    public void Ensemble_BadWeights_AreNamed(int code, string complaint, params string[] more) =>
        Shell.Run(["ensemble", "--inputs", Embeddings([1]), Embeddings([2]), "--output", world.New() + ".json", .. more]).AssertFailed(code, complaint);

    [Fact]
    public void Ensemble_ModelGivenTwice_IsNamed() =>
        Shell.Run("ensemble", "--inputs", "mix=a.zip", "MixNextvlad=b.zip", "--output", world.New() + ".json").AssertFailed(2, "--inputs: mix is given twice");

    [Fact]
    public void Ensemble_SomeInputsNamed_NamesTheOther()
    {
        string unnamed = Embeddings([1]);
        Shell.Run("ensemble", "--inputs", $"mix={Embeddings([2])}", unnamed, "--output", world.New() + ".json").AssertFailed(2, $"{unnamed} has no model name");
    }

    [Fact]
    public void Ensemble_UnknownModel_IsNamed() =>
        Shell.Run("ensemble", "--inputs", "mixture=a.zip", "--output", world.New() + ".json").AssertFailed(2, "there is no model 'mixture'");

    [Fact]
    public void Study_UnknownOrWithData_IsRefused()
    {
        Shell.Run("reproduce", "--study", "claim", "--output-dir", world.New()).AssertFailed(2, "--study claim: the only study is 'claims'");
        Shell.Run("reproduce", "--study", "claims", "--data", world.Data, "--output-dir", world.New()).AssertFailed(1, "--study", "--data is not allowed");
    }

    [Fact]
    public void DryRun_Reference_ShowsEveryRunAndTouchesNothing()
    {
        string output = world.New();
        using var plan = JsonDocument.Parse(Shell.Run("reproduce", "--preset", "reference", "--dry-run", "--json", "--output-dir", output).AssertDone().Output);
        Assert.Equal(12 * ModelZoo.Names.Length, plan.RootElement.GetProperty("total_runs").GetInt32());
        Assert.False(Directory.Exists(output));
    }

    private JsonElement[] Folds(params string[] more)
    {
        using var json = JsonDocument.Parse(Shell.Run(["data", "folds", "--data", world.Data, "--json", .. more]).AssertDone().Output);
        return [.. json.RootElement.EnumerateArray().Select(fold => fold.Clone())];
    }

    private string Embeddings(double[] embedding)
    {
        string path = world.New() + ".json";
        var builder = new EmbeddingTableBuilder(path);
        builder.Add("1", embedding);
        SubmissionFile.Write(path, builder.Build(), EmbeddingRounding.Double);
        return path;
    }
}
