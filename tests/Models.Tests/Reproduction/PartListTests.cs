using VideoSim.Engine;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

/// <summary>The parts of a reproduction: their order, names and needs, and the plan for a scheduler.</summary>
public sealed class PartListTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    // The arrays of a scheduler: 1 to 6, then 7 to 72.
    [Fact]
    public void AllOf_ThePublishedProcedure_HasThePretrainingsFirst()
    {
        var parts = ReproductionPart.AllOf(Options(ModelZoo.Names, 11));
        Assert.Equal(Enumerable.Range(1, 72), parts.Select(static part => part.Index));
        Assert.Equal(ModelZoo.Names.Select(static model => $"{model}/pretrain"), parts.Take(6).Select(static part => part.Name));
        Assert.Equal(from model in ModelZoo.Names from fold in Enumerable.Range(1, 11) select $"{model}/fold-{fold}", parts.Skip(6).Select(static part => part.Name));
        Assert.All(parts.Take(6), static part => Assert.Empty(part.Needs));
        Assert.All(parts.Skip(6), part => Assert.Equal(part.Model, parts[Assert.Single(part.Needs) - 1].Model));
        Assert.Equal(72, parts.Select(static part => part.FileName).Distinct().Count());
        Assert.Equal(6 + 6, ReproductionPart.AllOf(Options(ModelZoo.Names, null)).Count(part => part.Fold is null or 1)); // the preset's number
    }

    [Fact]
    public void Find_IndexOrName_IsThatPart_AndOthersAreRefused()
    {
        var parts = ReproductionPart.AllOf(Options(["mix", "uniter"], 3));
        Assert.Equal(("mix/fold-3", "uniter/pretrain"), (ReproductionPart.Find(parts, "5").Name, ReproductionPart.Find(parts, "uniter/pretrain").Name));
        foreach (string wrong in new[] { "0", "9", "99999999999" })
            Assert.StartsWith($"--part {wrong}: ", Refused(wrong), StringComparison.Ordinal);
        Assert.Equal("--part 9: the parts are 1 to 8", Refused("9"));
        Assert.Equal("--part mix/fold3: there is no such part; the parts are 1 to 8, or their names in --plan; did you mean 'mix/fold-3'?", Refused("mix/fold3"));

        string Refused(string text) => Assert.Throws<DataException>(() => ReproductionPart.Find(parts, text)).Message;
    }

    [Fact]
    public void List_ManyParts_AreRanges()
    {
        var parts = ReproductionPart.AllOf(Options(["mix", "uniter"], 3));
        Assert.Equal("1 to 8 (mix/pretrain to uniter/fold-3)", ReproductionPart.List(parts));
        Assert.Equal("2 (uniter/pretrain), 4 to 5 (mix/fold-2 to mix/fold-3)", ReproductionPart.List([parts[1], parts[3], parts[4]]));
    }

    [Fact]
    public void Plan_BeforeTheBegin_HasCostsAndWritesNothing()
    {
        string output = Path.Combine(_root, "out");
        var options = Options(["mix", "uniter"], 2) with { OutputDirectory = output };
        var rates = new Dictionary<(string, string), double> { [("mix", "pretrain")] = 1e-9 };
        var plan = PartsPlan.Of(options, packsProducts: true, rates, static more => $"command {more}");
        Assert.False(Directory.Exists(output));
        Assert.Equal(["free", "free", "waits", "waits", "waits", "waits"], plan.Parts.Select(static part => part.State));
        Assert.Equal(Enumerable.Range(1, 6).Select(static i => $"command --part {i}"), plan.Parts.Select(static part => part.Command));
        Assert.Equal("command --collect", plan.Collect);
        var runs = ReproductionPlan.Of(options, packsProducts: true).Runs;
        Assert.Equal(runs.Sum(static run => run.Runs * run.Steps * run.FlopsPerStep), plan.Parts.Sum(static part => part.Flops), 1e-6);
        Assert.Equal([runs[0].DeviceBytes, runs[2].DeviceBytes, runs[1].DeviceBytes], plan.Parts.Take(3).Select(static part => part.MemoryBytes));
        Assert.Equal([plan.Parts[0].Flops * 1e-9, null, null], plan.Parts.Take(3).Select(static part => part.Seconds));
    }

    [Fact]
    public void ReadRates_ResultsOfBench_AreSecondsOfAnOperation_AndOtherFilesAreRefused()
    {
        string file = Path.Combine(_root, "rates");
        File.WriteAllText(file, """
            {"model":"mix","stage":"pretrain","median_milliseconds":9,"flops":1e9}

            {"model":"mix","stage":"pretrain","median_milliseconds":20,"flops":4e9,"kernels":[]}
            {"model":"uniter","stage":"finetune","median_milliseconds":5,"flops":1e9}
            """);
        var rates = PartsPlan.ReadRates(file, "micro", Assert.Fail);
        Assert.Equal(2, rates.Count);
        Assert.Equal(0.02 / 4e9, rates[("mix", "pretrain")], 1e-20);
        foreach (string wrong in new[] { "", "x", "{}", "[]", """{"model":"mix","stage":"pretrain","median_milliseconds":null,"flops":1e9}""", """{"model":3}""", """{"model":"mixx","stage":"pretrain","median_milliseconds":9,"flops":1e9}""",
            """{"model":"mix","stage":"train","median_milliseconds":9,"flops":1e9}""" })
        {
            File.WriteAllText(file, wrong);
            Assert.StartsWith(file, Assert.Throws<DataException>(() => PartsPlan.ReadRates(file, "micro", Assert.Fail)).Message, StringComparison.Ordinal);
        }
    }

    private static ReproductionOptions Options(IReadOnlyList<string> models, int? folds) => new() { OutputDirectory = "out", Preset = "micro", Models = models, Folds = folds };
}
