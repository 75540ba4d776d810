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
    [InlineData(280, 0.01, 0.009, 4, true)]
    [InlineData(300, 0.01, 0.009, 4, false)]
    [InlineData(280, 0.004, 0.001, 4, false)]
    [InlineData(280, 0.01, 0.011, 4, false)] // within the noise of the validation
    [InlineData(280, 0.01, 0.009, 3, false)]
    public void Best_FarBeforeTheEnd(long step, double lost, double half, int validations, bool fires) =>
        Check(_data with { Runs = [Run with { BestStep = step, BestValidation = 0.5 + lost, LastValidation = 0.5, IntervalLow = 0.5 - half, IntervalHigh = 0.5 + half, Validations = validations }] }, fires, "This is overfitting.");

    [Fact]
    public void Best_BeforeTraining() =>
        Check(_data with { Runs = [Run with { BestStep = 0, BestValidation = 0.6, LastValidation = 0.5, IntervalLow = 0.45, IntervalHigh = 0.55 }] }, fires: true, "no validation is better than the one before training: mix fold 1 falls from 0.6000 to 0.5000");

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
    [InlineData(0.89, 2, "")]
    [InlineData(0.91, 0, "two videos have a mean cosine of 0.9100. Train longer")]
    [InlineData(0.31, 3, "3 of 40 videos have a near-duplicate. Check the data for duplicate videos.")]
    public void Embeddings_ThatLieClose(double cosine, int near, string text) =>
        Check(_data with { Runs = [Run with { Health = Run.Health! with { MeanCosine = cosine, NearDuplicates = near } }] }, text.Length > 0, text);

    [Theory]
    [InlineData(0.6, 0.5, "Below the best baseline, linear probe with 0.5500: mix with 0.5000. ")]
    [InlineData(0.5, 0.6, "Below the best baseline, linear probe with 0.5500: ensemble with 0.5000. ")]
    [InlineData(0.6, 0.56, "Below their own random weights: mix with 0.5600, before 0.5800. ")]
    [InlineData(0.6, 0.6, "")]
    public void Score_BelowBaselineOrRandomWeights(double ensemble, double model, string text) => Check(_data with
    {
        Standing = [new("title", "baseline", 0, 0.1), new("linear probe", "baseline", 0, 0.55), new("mix, untrained", "random weights", 0, model == 0.56 ? 0.58 : 0.2), new("mix", "model", 0, model), new("ensemble", "ensemble", 0, ensemble)],
    }, text.Length > 0, text);

    [Theory]
    [InlineData(0.6, 0.5, "")]
    [InlineData(0.5, 0.6, "Use ensemble --normalize: it scores 0.6000, not 0.5000.")]
    public void Norms_OfAScoredEnsemble_CountItsOtherScore(double raw, double normalized, string text) =>
        Check(_data with { Ensemble = new EnsembleShares(raw, normalized, [new("mix", 0, 0.1, 2, null, null, null), new("uniter", 1, 0.1, 4, null, null, null)]) }, text.Length > 0, text);

    [Fact]
    public void Runs_OfAReproduction_AreNamedOnce_AndItsKeys()
    {
        RunSummary[] runs = [.. new[] { "pretrain", "finetune" }.Select(stage => Run with { Name = $"mix {stage}", Stage = stage, Events = [new("rollback", 5, "")] })];
        string text = Assert.Single(Advice.For(_data with { Runs = runs }, isReproduction: true)).Text;
        Assert.Equal("In mix pretrain, mix finetune, the run was rolled back because a value was not finite. Limit the gradient with --set pretrain.max_grad_norm and --set finetune.max_grad_norm, or lower --set pretrain.rate and --set finetune.rate.", text);
    }

    private static CurveFigure Curve(string measure, params double[] values) => new("finetune", measure, 1, [new("mix fold 1", "mix", 0, [0, 100, 200, 300, 400], values)], []);

    private static void Check(ReportData data, bool fires, string text)
    {
        string[] all = [.. Advice.For(data, isReproduction: false).Select(static finding => finding.Text)];
        if (fires)
            Assert.Contains(text, Assert.Single(all), StringComparison.Ordinal);
        else
            Assert.Empty(all);
    }
}
