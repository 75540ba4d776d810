using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Models.Batches;
using VideoSim.Models.Recipes;
using VideoSim.Models.Tests.Cuda;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Architectures;

/// <summary>
/// Inference steps use memory of a tensor again after its last reader. They give the same bits as a step whose tensors
/// all keep their values.
/// </summary>
[Collection(EmulatedMachine.Collection)]
public sealed class InferenceMemoryTests
{
    private const int Videos = 5;

    public static TheoryData<string> Models => [.. ModelZoo.Names];

    [Theory]
    [MemberData(nameof(Models))]
    public void Predict_WithAndWithoutSharing_GivesTheSameBits(string model)
    {
        using var device = new CpuDevice(threads: 2);
        AssertSameBits(device, model, runs: 2);
    }

    // The third run replays a graph.
    [Theory]
    [InlineData("mix")]
    [InlineData("uniter-roformer")]
    public void Predict_WithAndWithoutSharingOnCuda_GivesTheSameBits(string model)
    {
        using var device = EmulatedMachine.Open();
        AssertSameBits(device, model, runs: 3);
    }

    private static void AssertSameBits(Device device, string name, int runs)
    {
        var config = Preset.Load("micro", name, []).Model with { Tags = 40 };
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: false);
        parameters.Initialize(seed: 1);
        using var input = new BatchBlock(device, BatchShape.OfVideos(config, Videos));
        var random = new Random(1);
        int Length() => random.Next(2, config.TextLength + 1);
        int[] lengths = [.. Enumerable.Range(0, Videos).Select(_ => Length())];
        Upload(input.TokenIds, [.. Enumerable.Range(0, Videos * config.TextLength).Select(_ => random.Next(config.Encoder.VocabSize))]);
        Upload(input.AttentionMask, [.. Enumerable.Range(0, Videos * config.TextLength).Select(i => i % config.TextLength < lengths[i / config.TextLength] ? 1 : 0)]);
        Upload(input.FrameCounts, [.. Enumerable.Range(0, Videos).Select(_ => random.Next(1, config.Frames + 1))]);
        Upload(input.Frames, [.. Enumerable.Range(0, Videos * config.Frames * config.FrameWidth).Select(_ => (Half)(random.NextSingle() - 0.5f))]);
        using Step<(Tensor Embedding, Tensor TagLogits)> planned = Build(eager: false), eager = Build(eager: true);
        using var apart = new Step<(Tensor Embedding, Tensor TagLogits)>(device, new StepMode(Training: false), input, tape => model.Predict(tape, input));
        apart.Run();
        int[] embedding = Bits(apart.Result.Embedding), logits = Bits(apart.Result.TagLogits);
        Assert.DoesNotContain([.. embedding, .. logits], static bits => !float.IsFinite(BitConverter.Int32BitsToSingle(bits)));
        Assert.True(planned.ArenaBytes < apart.ArenaBytes / 2, $"{planned.ArenaBytes} bytes with sharing, {apart.ArenaBytes} without");
        for (int run = 0; run < runs; run++)
        {
            foreach (var step in new[] { planned, eager })
            {
                step.Run();
                Assert.Equal(embedding, Bits(step.Result.Embedding));
                Assert.Equal(logits, Bits(step.Result.TagLogits));
            }
        }

        Step<(Tensor Embedding, Tensor TagLogits)> Build(bool eager) =>
            InferenceStep.Build(device, input, tape => model.Predict(tape, input), static result => [result.Embedding, result.TagLogits], eager);
        int[] Bits(Tensor tensor) => [.. device.Read<float>(tensor).Select(BitConverter.SingleToInt32Bits)];
        void Upload<T>(Tensor tensor, T[] values) where T : unmanaged => device.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes<T>(values), tensor.Address);
    }
}
