using VideoSim.Models.Progress;
using VideoSim.Models.Reports;
using Xunit;

namespace VideoSim.Models.Tests.Reports;

/// <summary>Each rule fires above its limit, and is silent below.</summary>
public sealed class AdviceTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("videosim-test-");
    private readonly ReportData _data;

    public AdviceTests()
    {
        ArtificialRuns.WriteRun(_root.FullName, "mix", 1, 400);
        _data = ReportBuilder.Build([_root.FullName], null, IProgressSink.None, TestContext.Current.CancellationToken);
    }

    private RunSummary Run => _data.Runs[0];

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public void Advice_OnAnOrdinaryRun_IsNone() => Assert.Empty(_data.Advice);

    [Theory]
    [InlineData(1.4, false)]
    [InlineData(1.6, true)]
    public void Norms_OfTwoModels(double ratio, bool fires) =>
        Check(_data with { Ensemble = new EnsembleShares(null, null, [new("mix", 0, 0.1, 2, null, null, null), new("uniter", 1, 0.1, 2 * ratio, null, null, null)]) }, fires, "Embeddings of uniter are 1.6 times as long as those of mix");

    [Theory]
    [InlineData(280, 0.01, true)]
    [InlineData(300, 0.01, false)]
    [InlineData(280, 0.004, false)]
    public void Best_FarBeforeTheEnd(long step, double lost, bool fires) =>
        Check(_data with { Runs = [Run with { BestStep = step, BestValidation = 0.5 + lost, LastValidation = 0.5 }] }, fires, "This is overfitting.");

    [Fact]
    public void Best_BeforeTraining() =>
        Check(_data with { Runs = [Run with { BestStep = 0, BestValidation = 0.6, LastValidation = 0.5 }] }, fires: true, "no validation is better than the one before training: mix fold 1 falls from 0.6000 to 0.5000");

    [Theory]
    [InlineData(0.5, 0.503, true)]
    [InlineData(0.5, 0.501, false)]
    [InlineData(0.51, 0.503, false)]
    public void Validation_AtTheEnd(double before, double last, bool fires) =>
        Check(_data with { Curves = [Curve(RunReader.Validation, 0.1, 0.2, 0.3, before, last)] }, fires, "the validation is still rising at the end: mix fold 1 gained 0.0030 in the last quarter");

    [Theory]
    [InlineData(9, false)]
    [InlineData(11, true)]
    public void GradientNorm_WithASpike(double largest, bool fires) =>
        Check(_data with { Curves = [Curve(RunReader.GradientNorm, 1, 1, largest, 1, 1)] }, fires, "the largest is 11.0 times the median");

    [Fact]
    public void Rollback() => Check(_data with { Runs = [Run with { Events = [new("rollback", 5, "")] }] }, fires: true, "the run was rolled back");

    [Theory]
    [InlineData(0.29, false)]
    [InlineData(0.31, true)]
    public void Input_OfTheTime(double share, bool fires) => Check(_data with { Times = [_data.Times[0] with { InputShare = share }] }, fires, "waits for input 31 % of its time");

    [Theory]
    [InlineData(0.89, 2, false)]
    [InlineData(0.91, 2, true)]
    [InlineData(0.31, 3, true)]
    public void Embeddings_ThatLieClose(double cosine, int near, bool fires) =>
        Check(_data with { Runs = [Run with { Health = Run.Health! with { MeanCosine = cosine, NearDuplicates = near } }] }, fires, "embeddings lie close together");

    private static CurveFigure Curve(string measure, params double[] values) => new("finetune", measure, 1, [new("mix fold 1", "mix", 0, [0, 100, 200, 300, 400], values)], []);

    private static void Check(ReportData data, bool fires, string text)
    {
        string[] all = [.. Advice.For(data).Select(static finding => finding.Text)];
        if (fires)
            Assert.Contains(text, Assert.Single(all), StringComparison.Ordinal);
        else
            Assert.Empty(all);
    }
}
