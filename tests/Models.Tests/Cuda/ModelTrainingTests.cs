using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>
/// All models train with the CUDA sources of all kernels: in fp32 with the results of the CPU, in bf16 close to
/// them.
/// </summary>
[Collection(EmulatedMachine.Collection)]
public sealed class ModelTrainingTests
{
    private const double LeastFall = 0.1, LossTolerance = 1e-4;
    private const double Unit = 1.0 / (1 << 23); // in the last place of 1

    private const int StepsOfRepetition = 4; // the first is planned, the second captured, the others replayed

    /// <summary>All models in both stages, or each model in one.</summary>
    public static TheoryData<string, bool> Trainings
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var (i, model) in ModelZoo.Names.Index())
            {
                foreach (bool pairs in LongTests.Run ? (bool[])[false, true] : [i % 2 == 0])
                    data.Add(model, pairs);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Trainings))]
    public void Train_OnCuda_LowersTheLossAndFollowsTheCpu(string model, bool pairs)
    {
        using var cuda = EmulatedMachine.Open();
        var training = new ModelTraining(model, pairs);
        string[] complaints = [.. Complaints(training, training.Run(cuda))];
        Assert.True(complaints.Length == 0, string.Join('\n', complaints)); // all of them: Assert.Empty shortens
    }

    /// <summary>The same, or one model of each network.</summary>
    public static TheoryData<string, bool> Repetitions => LongTests.Run ? Trainings : new() { { "mix-asl", false }, { "uniter-roformer", true } };

    [Theory]
    [MemberData(nameof(Repetitions))]
    public void Train_OnCuda_GivesTheSameBitsEagerPlannedAndCaptured(string model, bool pairs)
    {
        using var cuda = EmulatedMachine.Open();
        foreach (var precision in ElementTypes.Precisions)
        {
            var training = new ModelTraining(model, pairs) { StepCount = StepsOfRepetition, Precision = precision };
            var eager = (training with { Eager = true }).Run(cuda);
            for (int i = 0; i < 2; i++)
            {
                var planned = training.Run(cuda);
                Assert.Equal(eager.Losses, planned.Losses);
                Assert.All(planned.Values, pair => Assert.True(pair.Value.AsSpan().SequenceEqual(eager.Values[pair.Key]), $"{pair.Key}, {precision}"));
            }
        }
    }

    // The second run of a plan is captured as a graph: here it is the second micro-batch of the first update.
    [Fact]
    public void Train_OnCudaInMicroBatches_GivesTheSameBitsAndFollowsTheCpu()
    {
        using var cuda = EmulatedMachine.Open();
        foreach (var precision in ElementTypes.Precisions)
        {
            var training = new ModelTraining("uniter", Pairs: false) { StepCount = 3, Batch = 2, Parts = 3, Precision = precision };
            Trained eager = (training with { Eager = true }).Run(cuda), planned = training.Run(cuda);
            Assert.Equal(eager.Losses, planned.Losses);
            Assert.All(planned.Values, pair => Assert.True(pair.Value.AsSpan().SequenceEqual(eager.Values[pair.Key]), $"{pair.Key}, {precision}"));
            if (precision != ElementType.Float32)
                continue;
            using var cpu = new CpuDevice(threads: 2);
            Assert.All(training.Run(cpu).Losses.Zip(planned.Losses), static pair => Assert.InRange(Math.Abs(pair.First - pair.Second), 0, LossTolerance * pair.First));
        }
    }

    [Fact]
    public void Train_AdamWithTheWrongSign_IsFoundOut()
    {
        using var cuda = EmulatedMachine.Open();
        using var planted = EmulatedMachine.PlantAdam(cuda);
        var training = new ModelTraining("mix", Pairs: false);
        string[] complaints = [.. Complaints(training, training.Run(planted))];
        Assert.Contains(complaints, static complaint => complaint.StartsWith("the loss went from", StringComparison.Ordinal));
        Assert.Contains(complaints, static complaint => complaint.StartsWith("step 2: the loss is", StringComparison.Ordinal));
        Assert.Contains(complaints, static complaint => complaint.StartsWith("bert.embeddings.word_embeddings.weight:", StringComparison.Ordinal));
    }

    // The faults of a training on CUDA, a line each. A step rounds in other places than on the CPU, by about a unit
    // in the last place. How far a unit in every weight changes a training is measured on the CPU, up and down, for
    // each tensor. The bound is the sum of both, and a unit of the tensor itself, for every step.
    private static IEnumerable<string> Complaints(ModelTraining training, Trained actual)
    {
        using var cpu = new CpuDevice(threads: 2);
        Trained expected = training.Run(cpu), up = (training with { Nudge = 1 }).Run(cpu), down = (training with { Nudge = -1 }).Run(cpu);
        double first = actual.Losses[..ModelTraining.Batches].Average(), last = actual.Losses[^ModelTraining.Batches..].Average();
        if (!(last <= (1 - LeastFall) * first))
            yield return $"the loss went from {first} to {last}";
        for (int i = 0; i < ModelTraining.Steps; i++)
        {
            if (!(Math.Abs(actual.Losses[i] / expected.Losses[i] - 1) <= LossTolerance))
                yield return $"step {i}: the loss is {actual.Losses[i]} instead of {expected.Losses[i]}";
        }
        if (!expected.Values.Keys.SequenceEqual(actual.Values.Keys))
            yield return "the tensors are others";
        foreach (var (name, values) in expected.Values)
        {
            double bound = ModelTraining.Steps * (Vectors.Distance(values, up.Values[name]) + Vectors.Distance(values, down.Values[name]) + Unit * Vectors.Distance(values, new float[values.Length]));
            double difference = Vectors.Distance(values, actual.Values[name]);
            if (!(difference <= bound))
                yield return $"{name}: off by {difference:E2}, bound {bound:E2}";
        }
    }
}
