using System.Runtime.InteropServices;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Kernels;
using VideoSim.Kernels.Attention;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Vlad;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Kernels on tensor cores give the same bits every time. For a video they do not depend on its place in the batch.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed class DeterminismTests
{
    private static int Repeats => CudaMachine.IsEmulator ? 3 : 100;

    public static TheoryData<string> Entries =>
        [.. Catalog.Kernels.Where(static kernel => kernel.Source?.EndsWith("TensorCore.cu", StringComparison.Ordinal) == true).Select(static kernel => kernel.Entry)];

    [Theory]
    [MemberData(nameof(Entries))]
    public void Kernel_LaunchedAgain_GivesTheSameBits(string entry)
    {
        using var device = CudaMachine.Open();
        var check = Catalog.All.Single(check => check.Kernel.Entry == entry).Cases().MaxBy(static check => check.Buffers.Sum(static buffer => (long)buffer.Data.Length))!;
        var expected = CheckRunner.Execute(device, check);
        Assert.NotEmpty(expected);
        for (int i = 1; i < Repeats; i++)
        {
            foreach (var (name, values) in CheckRunner.Execute(device, check))
                AssertSameBits(expected[name], values, $"{check.Name}, {name}, launch {i}");
        }
    }

    [Theory]
    [InlineData(32, 64)]
    [InlineData(61, 64)]
    [InlineData(127, 64)]
    [InlineData(24, 32)]
    public void Attention_VideoElsewhereInABatch_GivesTheSameBits(int s, int d)
    {
        const int Videos = 4;
        var (forward, backward) = AttentionKernels.For(ElementType.BFloat16, s, d);
        using var device = CudaMachine.Open();
        foreach (var (kernel, isBackward) in new[] { (forward, false), (backward, true) })
        {
            AssertSamePlaces(device, videos => AttentionChecks.Case(kernel, ElementType.BFloat16, new(videos, s, Heads: 2, d, Rotary: true, Bias: true), isBackward),
                Videos, ["queryKeyValue", "mask", "dContext"]);
        }
    }

    // The first and the last video are the first and the second of a block. The gradient of the centres is a sum over
    // all.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Vlad_VideoElsewhereInABatch_GivesTheSameBits(bool backward)
    {
        const int Videos = 140;
        using var device = CudaMachine.Open();
        AssertSamePlaces(device, videos => VladTensorCoreChecks.Case(new(new(Stack: 1, videos, Rows: 18, D: 48, K: 8), Groups: 3), backward, ofCentres: false),
            Videos, ["hidden", "clusterLogits", "groupLogits", "dY"]);
    }

    // A batch that begins with the one video there is in a batch of one, and ends with a copy of it.
    private static void AssertSamePlaces(Device device, Func<int, CheckCase> caseOf, int videos, string[] ofVideos)
    {
        CheckCase one = caseOf(1), many = caseOf(videos);
        foreach (var buffer in many.Buffers.Where(buffer => ofVideos.Contains(buffer.Name)))
        {
            int bytes = buffer.Data.Length / videos;
            one.Buffers.Single(only => only.Name == buffer.Name).Data.CopyTo(buffer.Data, 0);
            buffer.Data.AsSpan(0, bytes).CopyTo(buffer.Data.AsSpan(buffer.Data.Length - bytes));
        }
        var expected = CheckRunner.Execute(device, one);
        var actual = CheckRunner.Execute(device, many);
        Assert.Contains(expected, static output => output.Value.Length > 0);
        foreach (var (name, values) in expected)
        {
            AssertSameBits(values, actual[name].AsSpan(0, values.Length), $"{many.Name}, {name}, first video");
            AssertSameBits(values, actual[name].AsSpan(actual[name].Length - values.Length), $"{many.Name}, {name}, last video");
            Assert.Equal(values.Length * videos, actual[name].Length);
        }
    }

    private static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string where) =>
        Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)), where);
}
