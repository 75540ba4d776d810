using VideoSim.Engine.Devices;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>A whole model trains through the CUDA path, every kernel from its CUDA source, and comes out as on the CPU.</summary>
[Collection(EmulatedMachine.Collection)]
public sealed class MixTrainingTests
{
    private const double LeastFall = 0.1, LossTolerance = 1e-4;

    // Of a tensor's norm. A step sums some hundred values for an element, each rounded to 2^-24 of itself, and all steps add up:
    // 20 x 100 x 2^-24 = 1.2e-4. Measured: 2.6e-5 at most.
    private const double Tolerance = MixTraining.Steps * 100.0 / (1 << 24);

    // The softmax over keys does not see what is added to all of them: the gradient of their bias is 0, and what Adam gets is
    // rounding, this much of the gradient of their weights. It moves the bias by up to a rate each step, in any direction.
    private const string KeyBias = "attention.self.key.bias", KeyWeight = "attention.self.key.weight";
    private const double Rounding = 1e-5;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_MixOnCuda_LowersTheLossAndFollowsTheCpu(bool pairs)
    {
        using var cuda = EmulatedMachine.Open();
        Assert.Empty(Complaints(pairs, MixTraining.Run(cuda, pairs, eager: false)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Train_MixOnCuda_GivesTheSameBitsEagerPlannedAndAgain(bool pairs)
    {
        using var cuda = EmulatedMachine.Open();
        var eager = MixTraining.Run(cuda, pairs, eager: true);
        for (int i = 0; i < 2; i++)
        {
            var planned = MixTraining.Run(cuda, pairs, eager: false);
            Assert.Equal(eager.Losses, planned.Losses);
            Assert.All(planned.Values, pair => Assert.True(pair.Value.AsSpan().SequenceEqual(eager.Values[pair.Key]), pair.Key));
        }
    }

    [Fact]
    public void Train_AdamWithTheWrongSign_IsFoundOut()
    {
        using var planted = EmulatedMachine.OpenWithPlantedAdam();
        string[] complaints = [.. Complaints(pairs: false, MixTraining.Run(planted, pairs: false, eager: false))];
        Assert.Contains(complaints, static complaint => complaint.StartsWith("the loss went from", StringComparison.Ordinal));
        Assert.Contains(complaints, static complaint => complaint.StartsWith("step 2: the loss is", StringComparison.Ordinal));
        Assert.Contains(complaints, static complaint => complaint.StartsWith("bert.embeddings.word_embeddings.weight:", StringComparison.Ordinal));
    }

    // What is wrong with a training on CUDA, a line each.
    private static IEnumerable<string> Complaints(bool pairs, Trained actual)
    {
        using var cpu = new CpuDevice(threads: 2);
        var expected = MixTraining.Run(cpu, pairs, eager: false);
        double first = actual.Losses[..MixTraining.Batches].Average(), last = actual.Losses[^MixTraining.Batches..].Average();
        if (!(last <= (1 - LeastFall) * first))
            yield return $"the loss went from {first} to {last}";
        for (int i = 0; i < MixTraining.Steps; i++)
        {
            if (!(Math.Abs(actual.Losses[i] / expected.Losses[i] - 1) <= LossTolerance))
                yield return $"step {i}: the loss is {actual.Losses[i]} instead of {expected.Losses[i]}";
        }
        if (!expected.Values.Keys.SequenceEqual(actual.Values.Keys))
            yield return "the tensors are others";
        foreach (var (name, values) in expected.Values)
        {
            double bound = name.Contains(KeyBias, StringComparison.Ordinal) ? BoundOfRounding(name, expected) : Tolerance * Norm(values);
            double difference = Norm([.. values.Zip(actual.Values[name], static (a, b) => a - b)]);
            if (!(difference <= bound))
                yield return $"{name}: off by {difference:E2}, bound {bound:E2}";
        }
    }

    private static double BoundOfRounding(string name, Trained expected)
    {
        double root = Math.Sqrt(expected.Values[name].Length);
        if (name.EndsWith(KeyBias, StringComparison.Ordinal))
            return 2 * MixTraining.Steps * MixTraining.Rate * root;
        double largest = expected.Values[name.Replace(KeyBias, KeyWeight, StringComparison.Ordinal)].Max(Math.Abs);
        return root * largest * (name.EndsWith("second moment", StringComparison.Ordinal) ? Rounding * Rounding : Rounding);
    }

    private static double Norm(IEnumerable<float> values) => Math.Sqrt(values.Sum(static value => (double)value * value));
}
