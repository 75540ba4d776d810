using VideoSim.Engine;
using VideoSim.Models.Submissions;
using Xunit;

namespace VideoSim.Models.Tests.Submissions;

public sealed class EnsembleTests
{
    [Fact]
    public void Mean_FoldsInOtherOrders_AveragesById()
    {
        var mean = Ensemble.Mean([
            Tables.Of(("a", [1, 2]), ("b", [0.1, 0])),
            Tables.Of(("b", [0.2, 0]), ("a", [2, 4])),
            Tables.Of(("a", [6, -3]), ("b", [0.3, 0]))]);

        Assert.Equal(["a: 3, 1", $"b: {(0.1 + 0.2 + 0.3) / 3}, 0"], Tables.Show(mean));
    }

    [Fact]
    public void Mean_OneFold_IsItself()
    {
        var table = Tables.Of(("a", [0.1, 0.7]));
        Assert.Equal(Tables.Show(table), Tables.Show(Ensemble.Mean([table])));
    }

    [Fact]
    public void Mean_InputTable_IsNotChanged()
    {
        var table = Tables.Of(("a", [1.0]));
        Ensemble.Mean([table, Tables.Of(("a", [3.0]))]);
        Assert.Equal([1.0], table[0].ToArray());
    }

    [Fact]
    public void Mean_IdsMissingInOneInput_NamesTheFirstOfThemAndTheCount()
    {
        (string, double[])[] all = [.. "abcdef".Select(id => (id.ToString(), new[] { 1.0 }))];
        var first = Tables.Of("fold_1.zip", all);
        var second = Tables.Of("fold_2.zip", all[1]);

        var lacking = Assert.Throws<DataException>(() => Ensemble.Mean([first, second]));
        var surplus = Assert.Throws<DataException>(() => Ensemble.Mean([second, first]));
        Assert.Equal("fold_2.zip: lacks 5 ids of fold_1.zip: 'a', 'c', 'd', ...", lacking.Message);
        Assert.Equal(lacking.Message, surplus.Message);
    }

    [Fact]
    public void Mean_OtherWidth_NamesBothInputs()
    {
        var failure = Assert.Throws<DataException>(() => Ensemble.Mean([Tables.Of("x", ("a", [1])), Tables.Of("y", ("a", [1, 2]))]));
        Assert.Equal("y: 2 values per id, but x has 1", failure.Message);
    }

    [Fact]
    public void Mean_Nothing_IsRefused() => Assert.Throws<ArgumentException>(() => Ensemble.Mean([]));

    [Fact]
    public void WeightedSum_Raw_AddsWeightTimesValue()
    {
        var sum = Ensemble.WeightedSum([(Tables.Of(("a", [1, 2]), ("b", [0, 4])), 0.25), (Tables.Of(("b", [1, 1]), ("a", [8, 0])), 0.5)], normalize: false);
        Assert.Equal(["a: 4.25, 0.5", "b: 0.5, 1.5"], Tables.Show(sum));
    }

    [Fact]
    public void WeightedSum_Normalized_ScalesEveryEmbeddingFirstAndLeavesZero()
    {
        var sum = Ensemble.WeightedSum([(Tables.Of(("a", [8, 0]), ("b", [0, 0])), 0.5), (Tables.Of(("a", [0, -4]), ("b", [2, 0])), 1)], normalize: true);
        Assert.Equal(["a: 0.5, -1", "b: 1, 0"], Tables.Show(sum));
    }

    [Fact]
    public void MeanNorm_Rows_IsTheMeanOfTheirLengths() => Assert.Equal(3.5, Ensemble.MeanNorm(Tables.Of(("a", [3, 4]), ("b", [0, 2]))));
}
