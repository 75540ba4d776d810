using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>
/// Training in bf16 follows training in fp32 on the host. The losses do so directly. The gradients of the first step
/// and the parameters after the last step are compared with an fp32 training that makes the same choices
/// (<see cref="Choices"/>).
/// </summary>
[Collection(EmulatedMachine.Collection)]
public sealed class ModelPrecisionTests
{
    private const double LossTolerance = 0.01, LeastCosine = 0.999;

    // Where every step's direction keeps that cosine, the ways part by at most this share of their length.
    private static readonly double MostDrift = Math.Sqrt(1 - LeastCosine * LeastCosine) / LeastCosine;

    // The softmax over keys does not depend on a number that is added to all of them. Without rotary positions the
    // gradient of their bias is only rounding.
    private const string KeyBias = "bert.encoder.layer.", KeyBiasEnd = ".attention.self.key.bias";

    // Of the masks of dropout. For pairs of mix, 5 of 40 seeds have a tensor beyond its bound (a cosine of 0.9966 at
    // worst), each another one: batch norm over 12 rows makes much of little differences. A fault shows with any mask.
    private static readonly ulong[] Seeds = [5, 8];

    // The published ones of the encoder and of everything else.
    private static readonly double[] Rates = [3e-5, 5e-4];

    /// <summary>All models, or one of each network.</summary>
    public static TheoryData<string, bool> Trainings => LongTests.Run ? ModelTrainingTests.Trainings : new() { { "mix", true }, { "uniter-roformer", false } };

    [Theory]
    [MemberData(nameof(Trainings))]
    public void Train_InBFloat16_FollowsFloat32(string model, bool pairs)
    {
        using var cuda = EmulatedMachine.Open();
        string[] complaints = [.. Complaints(cuda, model, pairs)];
        Assert.True(complaints.Length == 0, string.Join('\n', complaints));
    }

    [Fact]
    public void Train_AdamWithTheWrongSign_IsFoundOut()
    {
        using var cuda = EmulatedMachine.Open();
        using var planted = EmulatedMachine.PlantAdam(cuda);
        string[] complaints = [.. Complaints(planted, "mix", pairs: false)];
        Assert.Contains(complaints, static complaint => complaint.StartsWith("step 2: the loss is", StringComparison.Ordinal));
        Assert.Contains(complaints, static complaint => complaint.StartsWith("bert.embeddings.word_embeddings.weight ended", StringComparison.Ordinal));
        Assert.DoesNotContain(complaints, static complaint => complaint.StartsWith("the gradient of", StringComparison.Ordinal));
    }

    // What the trainings of both seeds complain about, in the words of the first.
    private static IEnumerable<string> Complaints(Device cuda, string model, bool pairs)
    {
        var first = Complaints(cuda, model, pairs, Seeds[0]).ToDictionary();
        if (first.Count == 0)
            return [];
        var second = Complaints(cuda, model, pairs, Seeds[1]).ToDictionary();
        return first.Where(complaint => second.ContainsKey(complaint.Key)).Select(static complaint => complaint.Key + complaint.Value);
    }

    // Of each the subject, and what is wrong with it.
    private static IEnumerable<KeyValuePair<string, string>> Complaints(Device cuda, string model, bool pairs, ulong seed)
    {
        using var cpu = new CpuDevice(threads: 2);
        var training = new ModelTraining(model, pairs) { Batch = 12, Seed = seed, Rates = Rates, Eager = true };
        var choices = new Choices();
        Trained start = (training with { StepCount = 0 }).Run(cpu), unaided = training.Run(cpu);
        Trained actual, guided;
        using (var noting = choices.Note(cuda))
            actual = (training with { Precision = ElementType.BFloat16 }).Run(noting);
        using (var taking = choices.Take(cpu))
            guided = training.Run(taking);
        Assert.Equal(0, choices.Count);
        for (int i = 0; i < ModelTraining.Steps; i++)
        {
            if (!(Math.Abs(actual.Losses[i] / unaided.Losses[i] - 1) <= LossTolerance))
                yield return new($"step {i}: the loss is", $" {actual.Losses[i]} instead of {unaided.Losses[i]}");
        }
        foreach (var (name, gradient) in guided.FirstGradients.Where(static tensor => !IsKeyBias(tensor.Key)))
        {
            double cosine = Vectors.Cosine(gradient, actual.FirstGradients[name]);
            if (!(cosine >= LeastCosine))
                yield return new($"the gradient of {name}", $" has cosine {cosine:F6} at step 1");
        }
        foreach (var (name, values) in guided.Values.Where(static tensor => !IsKeyBias(tensor.Key) && !Trained.IsMoment(tensor.Key)))
        {
            double drift = Vectors.Distance(values, actual.Values[name]), way = Vectors.Distance(values, start.Values[name]);
            if (!(drift <= MostDrift * way))
                yield return new($"{name} ended", $" {drift:E2} off, after a way of {way:E2}");
        }
    }

    private static bool IsKeyBias(string name) => name.StartsWith(KeyBias, StringComparison.Ordinal) && name.EndsWith(KeyBiasEnd, StringComparison.Ordinal);
}
