using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>All six models train through the CUDA path, every kernel from its CUDA source: in fp32 they come out as on the CPU, in bf16 close to it.</summary>
[Collection(EmulatedMachine.Collection)]
public sealed class ModelTrainingTests
{
    private const double LeastFall = 0.1, LossTolerance = 1e-4;

    // Of a tensor's norm. A step sums up to 128 values for an element of a hidden state, each rounded to 2^-24 of itself, and all steps add up:
    // 20 x 128 x 2^-24 = 1.5e-4. A second moment holds squares: twice that.
    private const double Tolerance = ModelTraining.Steps * 128.0 / (1 << 24);

    // The softmax over keys does not see what is added to all of them: the gradient of their bias is 0, or with rotary positions small, and all or
    // much of it is rounding, this much of the gradient of their weights.
    private const string KeyBias = "attention.self.key.bias", KeyWeight = "attention.self.key.weight";
    private const double Rounding = 1e-5;
    private const string FirstMoment = "first moment", SecondMoment = "second moment";

    private const int StepsOfRepetition = 4; // the first is planned, the second captured, the others replayed

    public static TheoryData<string, bool> Trainings
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (string model in ModelZoo.Names)
            {
                data.Add(model, false);
                data.Add(model, true);
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
        string[] complaints = [.. Complaints(Expected(training), training.Run(cuda))];
        Assert.True(complaints.Length == 0, string.Join('\n', complaints)); // all of them: Assert.Empty shortens
    }

    [Theory]
    [MemberData(nameof(Trainings))]
    public void Train_OnCuda_GivesTheSameBitsEagerPlannedAndCaptured(string model, bool pairs)
    {
        using var cuda = EmulatedMachine.Open();
        foreach (var values in new[] { ElementType.Float32, ElementType.BFloat16 })
        {
            var training = new ModelTraining(model, pairs) { StepCount = StepsOfRepetition, Values = values };
            var eager = (training with { Eager = true }).Run(cuda);
            for (int i = 0; i < 2; i++)
            {
                var planned = training.Run(cuda);
                Assert.Equal(eager.Losses, planned.Losses);
                Assert.All(planned.Values, pair => Assert.True(pair.Value.AsSpan().SequenceEqual(eager.Values[pair.Key]), $"{pair.Key}, {values}"));
            }
        }
    }

    [Fact]
    public void Train_AdamWithTheWrongSign_IsFoundOut()
    {
        using var planted = EmulatedMachine.OpenWithPlantedAdam();
        var training = new ModelTraining("mix", Pairs: false);
        string[] complaints = [.. Complaints(Expected(training), training.Run(planted))];
        Assert.Contains(complaints, static complaint => complaint.StartsWith("the loss went from", StringComparison.Ordinal));
        Assert.Contains(complaints, static complaint => complaint.StartsWith("step 2: the loss is", StringComparison.Ordinal));
        Assert.Contains(complaints, static complaint => complaint.StartsWith("bert.embeddings.word_embeddings.weight:", StringComparison.Ordinal));
    }

    private static Trained Expected(ModelTraining training)
    {
        using var cpu = new CpuDevice(threads: 2);
        return training.Run(cpu);
    }

    // What is wrong with a training on CUDA, a line each.
    private static IEnumerable<string> Complaints(Trained expected, Trained actual)
    {
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
            double bound = Bound(name, expected);
            double difference = Norm([.. values.Zip(actual.Values[name], static (a, b) => a - b)]);
            if (!(difference <= bound))
                yield return $"{name}: off by {difference:E2}, bound {bound:E2}";
        }
    }

    private static double Bound(string name, Trained expected)
    {
        var values = expected.Values[name];
        bool squared = name.EndsWith(SecondMoment, StringComparison.Ordinal);
        double bound = (squared ? 2 : 1) * Tolerance * Norm(values);
        if (!name.Contains(KeyBias, StringComparison.Ordinal))
            return bound;
        bool isMoment = name.EndsWith("moment", StringComparison.Ordinal);
        string first = isMoment ? name.Replace(SecondMoment, FirstMoment, StringComparison.Ordinal) : $"{name}, {FirstMoment}";
        double rounding = Rounding * expected.Values[first.Replace(KeyBias, KeyWeight, StringComparison.Ordinal)].Max(Math.Abs), gradient = expected.Values[first].Max(Math.Abs);
        double each = squared ? rounding * (rounding + 2 * gradient) : isMoment ? rounding : ModelTraining.Steps * ModelTraining.Rate / ModelTraining.Epsilon * rounding;
        return bound + Math.Sqrt(values.Length) * each;
    }

    private static double Norm(IEnumerable<float> values) => Math.Sqrt(values.Sum(static value => (double)value * value));
}
