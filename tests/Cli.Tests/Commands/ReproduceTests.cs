using System.Text.Json;
using VideoSim.Models.Submissions;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

[Collection(nameof(CommandTests))]
public sealed class ReproduceTests(CommandWorld world)
{
    private static readonly string[] Models = ["mix", "mix-asl"];

    [Fact]
    public void Reproduce_TwoModelsAndFolds_WritesSummaryAndSubmission_AndDoesNothingTwice()
    {
        string output = world.New();
        string[] command = ["reproduce", "--data", world.Data, "--output-dir", output, "--models", .. Models, "--folds", "2", "--json", .. CommandWorld.Options];
        string printed = Shell.Run(command).AssertDone().Output;
        using var summary = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(output, "summary.json")));
        AssertSummary(summary.RootElement);
        AssertTiming(Path.Combine(output, "timing.json"));
        Assert.Equal(printed.Length - 1, printed.IndexOf('\n', StringComparison.Ordinal)); // the file is indented
        using var onStdout = JsonDocument.Parse(printed);
        Assert.True(JsonElement.DeepEquals(summary.RootElement, onStdout.RootElement));

        var table = SubmissionFile.Read(Path.Combine(output, "result.zip"));
        Assert.Equal(Enumerable.Range(4000, TinyData.TestVideos).Select(TinyData.Id), table.Ids);
        Assert.Equal((string.Join('+', Models), 2 * Models.Length), (table.Origin!.Model, table.Origin.CheckpointCount));
        double ensemble = summary.RootElement.GetProperty("ensemble").GetProperty("test_spearman").GetDouble();
        string evaluated = Shell.Run("evaluate", "--embeddings", Path.Combine(output, "result.zip"), "--labels", Path.Combine(world.Data, "test_b", "label.tsv"), "--json").AssertDone().Output;
        Assert.Equal($$"""{"spearman":{{JsonSerializer.Serialize(ensemble)}}}""", evaluated.TrimEnd());
        Assert.DoesNotContain(Directory.GetDirectories(output, "*", SearchOption.AllDirectories), folder => Path.GetFileName(folder) is "test_a" or "test_b");

        string first = world.New();
        Directory.Move(output, first);
        Directory.CreateDirectory(output);
        foreach (string file in Directory.GetFiles(first, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(output, Path.GetRelativePath(first, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        Shell.Run(command).AssertDone();
        Folders.AssertEqual(first, output); // also timing.json: a part that is done takes no time
        string report = Path.Combine(output, "report.html");
        Assert.Contains($"The ensemble scores {ensemble.ToString("F4", System.Globalization.CultureInfo.InvariantCulture).Replace('-', '\u2212')} on test_b", File.ReadAllText(report), StringComparison.Ordinal);
        // A report that fails is a note.
        File.Delete(report);
        Directory.CreateDirectory(report);
        var aloud = Shell.RunAloud(command);
        Assert.Equal(0, aloud.ExitCode);
        Assert.Contains($"there is no report, because it failed: {report}: cannot be written", aloud.Error, StringComparison.Ordinal);
        Assert.Equal(File.GetLastWriteTimeUtc(Path.Combine(first, "mix", "pretrain", "last", "model.safetensors")), File.GetLastWriteTimeUtc(Path.Combine(output, "mix", "pretrain", "last", "model.safetensors")));
    }

    [Fact]
    public void Reproduce_WithOtherOptions_NamesTheOneThatDiffers()
    {
        string output = world.New();
        string[] command = ["reproduce", "--data", world.Data, "--output-dir", output, "--models", "mix", "--folds", "1", .. CommandWorld.Options];
        Shell.Run(command).AssertDone();
        command[Array.IndexOf(command, "--seed") + 1] = "6";
        Shell.Run(command).AssertFailed(1, output, "seed was 5 and is 6");
    }

    // The shape that the README promises, no key more and none less.
    private static void AssertSummary(JsonElement summary)
    {
        AssertKeys(summary, "models", "baselines", "ensemble", "best_possible_spearman");
        AssertKeys(summary.GetProperty("models"), [.. Models]);
        var mix = summary.GetProperty("models").GetProperty("mix");
        AssertKeys(mix, "random_spearman", "pretrain_spearman", "folds", "test_spearman");
        AssertKeys(summary.GetProperty("baselines"), "mean_frame_cosine", "title_overlap", "linear_probe");
        var ensemble = summary.GetProperty("ensemble");
        AssertKeys(ensemble, "test_spearman", "normalized_test_spearman", "weights", "mean_norms");
        AssertKeys(ensemble.GetProperty("weights"), [.. Models]);
        AssertKeys(ensemble.GetProperty("mean_norms"), [.. Models]);
        Assert.Equal([1, 2], mix.GetProperty("folds").EnumerateArray().Select(fold => fold.GetProperty("fold").GetInt32()));
        foreach (var fold in mix.GetProperty("folds").EnumerateArray())
        {
            AssertKeys(fold, "fold", "val_spearman", "test_spearman");
            Assert.InRange(fold.GetProperty("test_spearman").GetDouble(), -1, 1);
        }
    }

    private static void AssertTiming(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var timing = document.RootElement;
        AssertKeys(timing, "seconds", "devices", "mixed", "models", "parts");
        Assert.Empty(timing.GetProperty("mixed").EnumerateArray());
        Assert.StartsWith("cpu", Assert.Single(timing.GetProperty("devices").EnumerateArray()).GetString(), StringComparison.Ordinal);
        AssertKeys(timing.GetProperty("models").GetProperty("mix"), "pretrain", "finetune", "embed");
        AssertKeys(timing.GetProperty("parts"), "mix/pretrain", "mix-asl/pretrain", "mix/fold-1", "mix/fold-2", "mix-asl/fold-1", "mix-asl/fold-2");
        double sum = 0;
        foreach (var part in timing.GetProperty("parts").EnumerateObject().Select(static part => part.Value))
        {
            AssertKeys(part, "host", "process", "device", "made_by", "training_seconds", "embedding_seconds", "sessions");
            Assert.Equal(1, part.GetProperty("sessions").GetInt32());
            sum += part.GetProperty("training_seconds").GetDouble() + part.GetProperty("embedding_seconds").GetDouble();
        }
        Assert.Equal(sum, timing.GetProperty("seconds").GetDouble(), 6);
        Assert.True(sum > 0);
    }

    private static void AssertKeys(JsonElement element, params string[] keys) => Assert.Equal(keys, element.EnumerateObject().Select(property => property.Name));
}
