using VideoSim.Engine;
using VideoSim.Models.Batches;
using Xunit;

namespace VideoSim.Models.Tests.Batches;

public sealed class EpochOrderTests
{
    private static readonly int[] Samples = [.. Enumerable.Range(100, 10)];

    [Fact]
    public void BatchAt_OneEpoch_HasEverySampleOnce()
    {
        var order = new EpochOrder(Samples, batch: 5, seed: 1, purpose: 1);
        Assert.Equal(2, order.BatchesPerEpoch);
        for (int epoch = 0; epoch < 5; epoch++)
            Assert.Equal(Samples, Epoch(order, epoch).Order());
    }

    [Fact]
    public void BatchAt_RestThatFillsNoBatch_IsLeftOutAndDiffersByEpoch()
    {
        var order = new EpochOrder(Samples, batch: 4, seed: 1, purpose: 1);
        Assert.Equal(2, order.BatchesPerEpoch);
        var left = Enumerable.Range(0, 20).SelectMany(epoch => Samples.Except(Epoch(order, epoch))).ToList();
        Assert.Equal(2 * 20, left.Count);
        Assert.InRange(left.Distinct().Count(), 9, 10);
    }

    [Fact]
    public void BatchAt_AnotherEpochSeedOrPurpose_IsAnotherOrder()
    {
        int[][] orders = [Of(1, 1, 0), Of(1, 1, 1), Of(1, 1, 2), Of(2, 1, 0), Of(1, 2, 0), Of(2, 2, 0), Of(1UL << 40, 1, 0)];
        Assert.Equal(orders.Length, orders.Select(static order => string.Join(' ', order)).Distinct().Count());

        static int[] Of(ulong seed, uint purpose, int epoch) => Epoch(new EpochOrder(Samples, batch: 5, seed, purpose), epoch);
    }

    // A resumed run begins anywhere.
    [Fact]
    public void BatchAt_AnyOrderOfCalls_GivesTheSameBatches()
    {
        var forward = new EpochOrder(Samples, batch: 3, seed: 7, purpose: 2);
        int[][] batches = [.. Enumerable.Range(0, 9).Select(number => forward.BatchAt(number).ToArray())];
        foreach (int number in new[] { 8, 2, 0, 5, 5, 1, 7 })
        {
            Assert.Equal(batches[number], new EpochOrder(Samples, batch: 3, seed: 7, purpose: 2).BatchAt(number));
            Assert.Equal(batches[number], forward.BatchAt(number));
        }
    }

    // Chi-square over all 24 orders. With 23 degrees of freedom, one run in 1,000 is above 49.7. The seed is fixed,
    // so the result does not vary.
    [Fact]
    public void BatchAt_ManyEpochs_ReachesEveryOrderEquallyOften()
    {
        const int Epochs = 24_000, Orders = 24;
        var order = new EpochOrder([0, 1, 2, 3], batch: 4, seed: 3, purpose: 1);
        var counts = new Dictionary<string, int>();
        for (int epoch = 0; epoch < Epochs; epoch++)
        {
            string key = string.Join(' ', Epoch(order, epoch));
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        Assert.Equal(Orders, counts.Count);
        const double Expected = (double)Epochs / Orders;
        Assert.InRange(counts.Values.Sum(static count => (count - Expected) * (count - Expected) / Expected), 5, 49.7);
    }

    [Fact]
    public void Constructor_FewerSamplesThanABatch_Throws()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new EpochOrder(Samples, batch: 11, seed: 1, purpose: 1));
        Assert.Equal(1, new EpochOrder(Samples, batch: 10, seed: 1, purpose: 1).BatchesPerEpoch);
    }

    [Theory]
    [InlineData(10, "f: fold 1 has 10 of the 11 pairs of a batch; pass --batch-size 10 (--set finetune.batch=10) or less")]
    [InlineData(0, "f: fold 1 has none of the 11 pairs of a batch")]
    public void Require_FewerSamplesThanABatch_NamesFileAndSetting(int count, string message)
    {
        Assert.Equal(message, Assert.Throws<DataException>(() => EpochOrder.Require("f", "fold 1", "pairs", count, "finetune", batch: 11)).Message);
        EpochOrder.Require("f", "fold 1", "pairs", 11, "finetune", batch: 11);
    }

    [Fact]
    public void Require_FewerSamplesThanAllParts_NamesBothSettings()
    {
        const string Message = "f: fold 1 has 10 of the 12 pairs of a batch, which is finetune.batch (--batch-size) 4 times finetune.gradient_accumulation_steps (--gradient-accumulation-steps) 3; " +
            "lower one of them, so that the product is 10 or less";
        Assert.Equal(Message, Assert.Throws<DataException>(() => EpochOrder.Require("f", "fold 1", "pairs", 10, "finetune", batch: 4, parts: 3)).Message);
        EpochOrder.Require("f", "fold 1", "pairs", 12, "finetune", batch: 4, parts: 3);
    }

    private static int[] Epoch(EpochOrder order, int epoch) =>
        [.. Enumerable.Range(0, order.BatchesPerEpoch).SelectMany(batch => order.BatchAt((long)epoch * order.BatchesPerEpoch + batch).ToArray())];
}
