using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tests.Tensors;
using VideoSim.Kernels.Attention;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>Which kernel attention takes for a shape, and that all of them drop the same probabilities.</summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class AttentionTensorCoreTests
{
    [Theory]
    [InlineData(1, 64, "attention_forward_d64_s32_bf16")]
    [InlineData(32, 64, "attention_forward_d64_s32_bf16")]
    [InlineData(33, 64, "attention_forward_d64_s64_bf16")]
    [InlineData(65, 64, "attention_forward_d64_s128_bf16")]
    [InlineData(24, 32, "attention_forward_d32_s64_bf16")]
    [InlineData(129, 64, "attention_forward_bf16")] // too long
    [InlineData(65, 32, "attention_forward_bf16")]
    [InlineData(32, 48, "attention_forward_bf16")] // another width
    public void For_BFloat16_IsTheSmallestInstanceOrThePlainKernel(int s, int d, string entry)
    {
        var (forward, backward) = AttentionKernels.For(ElementType.BFloat16, s, d);
        Assert.Equal((entry, entry.Replace("forward", "backward", StringComparison.Ordinal)), (forward.Entry, backward.Entry));
    }

    [Fact]
    public void For_Float32_IsThePlainKernel() => Assert.Equal("attention_forward_f32", AttentionKernels.For(ElementType.Float32, 64, 64).Forward.Entry);

    // All scores are equal, and the values of some keys are rows of the identity. The context is then 0 exactly where
    // these keys are dropped.
    [Theory]
    [InlineData(32, 64, 0)] // 8 keys of two lanes share a block of random numbers
    [InlineData(64, 64, 0)]
    [InlineData(60, 64, 0)] // in every second row they lie in two
    [InlineData(61, 64, 0)] // they begin anywhere in a block
    [InlineData(128, 64, 64)]
    [InlineData(127, 64, 63)]
    [InlineData(24, 32, 0)]
    [InlineData(130, 64, 66)] // the plain kernel
    public void Dropout_InBothPrecisions_DropsTheSame(int s, int d, int firstKey)
    {
        using var device = CudaMachine.Open();
        bool[] expected = Dropped(device, ElementType.Float32, s, d, firstKey);
        Assert.Equal(expected, Dropped(device, ElementType.BFloat16, s, d, firstKey));
        int existing = 2 * s * Math.Min(s - firstKey, d);
        Assert.InRange(expected.Count(static dropped => dropped) - (expected.Length - existing), existing / 4, existing / 2); // of about 0.4
    }

    private static bool[] Dropped(CudaDevice device, ElementType precision, int s, int d, int firstKey)
    {
        const int heads = 2;
        int width = heads * d;
        float[] values = new float[s * 3 * width];
        for (int i = 0; i < values.Length; i++)
            values[i] = i / width % 3 == 2 && i / (3 * width) - firstKey == i % d ? 1 : 0;
        int[] mask = Enumerable.Repeat(1, s).ToArray();
        var scalars = new StepScalars { Step = 5 };
        nint input = TensorValues.Upload(device, precision, values), keys = device.Allocate(s * sizeof(int)), step = device.Allocate(sizeof(StepScalars));
        nint output = device.Allocate(s * width * precision.Size());
        device.Upload(MemoryMarshal.AsBytes(mask.AsSpan()), keys);
        device.Upload(MemoryMarshal.AsBytes(new Span<StepScalars>(ref scalars)), step);
        device.Stream.Run(AttentionKernels.For(precision, s, d).Forward, new AttentionArgs
        {
            Query = (void*)input, Key = (byte*)input + width * precision.Size(), Value = (byte*)input + 2 * width * precision.Size(), Mask = (int*)keys,
            Context = (void*)output, Dropout = new DropoutSite { Scalars = (StepScalars*)step, Seed = 99, Site = 3, DropProbability = 0.4f },
            B = 1, Queries = s, S = s, Heads = heads, D = d, QueryRow = 3 * width, KeyRow = 3 * width,
        });
        bool[] dropped = [.. TensorValues.Read(device, precision, output, s * width).Select(static value => value == 0)];
        foreach (nint address in (ReadOnlySpan<nint>)[input, keys, step, output])
            device.Free(address);
        return dropped;
    }
}
