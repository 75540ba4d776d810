using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using VideoSim.Kernels.Vlad;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>NeXtVLAD's aggregation as an operator, its batch normalisation included, in bf16 on a CUDA device against fp32 on the CPU.</summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class VladAggregationPrecisionTests
{
    private sealed record Sizes(int Stack, int Videos, int Frames, int Groups, int Width, int Clusters, int Sides)
    {
        // Hidden, cluster logits, group logits; then fp32: centres, weight, bias.
        public Shape[] Shapes =>
        [
            new(Stack, Videos * Frames, Groups * Width), new(Stack, Videos * Frames, Groups * Clusters), new(Stack, Videos * Frames, Groups),
            new(Stack, Width, Clusters), new(Stack, Groups * Clusters), new(Stack, Groups * Clusters),
        ];
    }

    [Theory]
    [InlineData(48, 8, 2, true)]
    [InlineData(384, 64, 8, true)]
    [InlineData(384, 64, 16, true)]
    [InlineData(384, 64, 17, false)] // too many columns
    [InlineData(12, 4, 8, false)]
    [InlineData(400, 64, 8, false)]
    [InlineData(384, 128, 8, false)]
    [InlineData(384, 24, 8, false)]
    public void Fits_Sizes_AreThoseOfTheKernels(int width, int clusters, int groups, bool fits) => Assert.Equal(fits, VladTensorCoreKernels.Fits(width, clusters, groups));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 256)] // 129 blocks of 6 videos
    [InlineData(3, 133)]
    [InlineData(140, 2)]
    public void Chunks_OfAnyVideos_AreFewAndHoldAll(int stack, int videos)
    {
        int chunks = VladTensorCoreKernels.Chunks(stack, videos), ofChunk = (videos + chunks - 1) / chunks;
        Assert.InRange(stack * chunks, 1, Math.Max(stack, 132));
        Assert.True((chunks - 1) * ofChunk < videos, "the last chunk is empty");
    }

    [Theory]
    [InlineData(3, 4, 5, 2, 48, 8, 2, 0.2f, false)] // on tensor cores
    [InlineData(3, 4, 5, 2, 48, 8, 1, 0f, true)]
    [InlineData(2, 2, 9, 8, 12, 4, 2, 0.2f, false)] // plain
    public void Gradients_InBFloat16_PointWhereThoseOfFloat32Do(
        int stack, int videos, int frames, int groups, int width, int clusters, int sides, float dropProbability, bool earlier)
    {
        var sizes = new Sizes(stack, videos, frames, groups, width, clusters, sides);
        using var cuda = CudaMachine.Open();
        using var cpu = new CpuDevice(threads: 1);
        float[][] expected = Run(cpu, ElementType.Float32, sizes, dropProbability, earlier);
        float[][] actual = Run(cuda, ElementType.BFloat16, sizes, dropProbability, earlier);
        string[] names = ["y", "dHidden", "dClusterLogits", "dGroupLogits", "dCentres", "dWeight", "dBias"];
        for (int i = 0; i < names.Length; i++)
        {
            double cosine = Vectors.Cosine(expected[i], actual[i]);
            Assert.True(cosine > 0.9995, $"{names[i]}: cosine {cosine}");
        }
        for (int i = 0; i < expected[0].Length; i++)
            Assert.Equal(expected[0][i] == 0, actual[0][i] == 0); // the same are dropped
    }

    private static float[][] Run(Device device, ElementType type, Sizes sizes, float dropProbability, bool earlier)
    {
        using var arena = new Arena(device, 16 << 20);
        nint scalars = device.Allocate(sizeof(StepScalars));
        var step = new StepScalars { Step = 9 };
        device.Upload(MemoryMarshal.AsBytes(new Span<StepScalars>(ref step)), scalars);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: true, 5), Scalars = (StepScalars*)scalars };
        var inputs = sizes.Shapes.Select((shape, i) => tape.Result(shape, differentiable: true, i < 3 ? type : ElementType.Float32)).ToArray();
        for (int i = 0; i < inputs.Length; i++)
            Fill(device, inputs[i], (uint)i, i == 1 ? 2 : 1);
        Tensor mean = tape.Scratch(inputs[4].Shape), variance = tape.Scratch(inputs[4].Shape);
        Fill(device, mean, 10, 1);
        Fill(device, variance, 11, 1);
        var norm = BatchNorm.Prepare(tape, inputs[1], inputs[4], inputs[5], mean, variance, sizes.Sides, momentum: 0.9f, epsilon: 1e-3f);
        var y = VladAggregation.Forward(tape, inputs[0], norm, inputs[2], inputs[3], sizes.Videos, sizes.Groups, sizes.Clusters, site: 4, dropProbability);
        Fill(device, tape.GradientToWrite(y, out _), 20, 1);
        for (int i = 0; earlier && i < inputs.Length; i++)
            Fill(device, tape.GradientToWrite(inputs[i], out _), 30 + (uint)i, 0.1f);
        tape.RunBackward();
        float[][] results = [TensorValues.Read(device, y), .. inputs.Select(input => TensorValues.Read(device, tape.GradientOf(input)))];
        device.Free(scalars);
        return results;
    }

    private static void Fill(Device device, Tensor tensor, uint site, float size) => TensorValues.Fill(device, tensor, site, -size, size);
}
