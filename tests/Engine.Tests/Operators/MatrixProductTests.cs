using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Random;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

/// <summary>How products are launched: packed ahead on the CPU, in memory that all of a step share.</summary>
public sealed unsafe class MatrixProductTests
{
    // Rows enough to pack ahead, and more of k than one part takes.
    private const int Rows = 300, K = 600, Parts = 2, Narrow = 261, Wide = 323;

    [Fact]
    public void Step_PackedProducts_ShareOneWorkspaceOfTheLargest()
    {
        using var device = new CpuDevice(threads: 1);
        using var arena = new Arena(device, 4 << 20);
        using var step = Build(device, arena);
        using var seen = new PackedOperands();
        step.Replay(seen);
        Assert.Equal(MatMulKernels.PackedElements(new MatMulArgs { M = Rows, N = Wide, K = K, TransposeB = 1, Batch = 1 }) * sizeof(float), step.WorkspaceBytes);
        Assert.Equal(3 * Parts, seen.Addresses.Count);
        Assert.NotEqual(0, Assert.Single(seen.Addresses.Distinct()));
        Assert.Equal(2 * 3 * Parts, step.Launches);
    }

    [Fact]
    public void Step_DeviceThatPacksNothing_LaunchesEachProductOnceAtTheSameCost()
    {
        using var packing = new CountingDevice(packsProducts: true);
        using var other = new CountingDevice();
        using Arena first = new(packing, 4 << 20), second = new(other, 4 << 20);
        using Step<Tensor> packed = Build(packing, first), whole = Build(other, second);
        using var seen = new PackedOperands();
        whole.Replay(seen);
        Assert.Equal((3, 0L), (whole.Launches, whole.WorkspaceBytes));
        Assert.Equal([0, 0, 0], seen.Addresses);
        Assert.Equal(whole.MatMulCost, packed.MatMulCost);
        Assert.Equal(2.0 * Rows * K * (2 * Narrow + Wide), whole.MatMulCost.Flops);
    }

    [Theory]
    [InlineData(0, 0, Narrow, 0)]
    [InlineData(0, 1, Wide, 1)]
    [InlineData(1, 0, Narrow, 1)]
    [InlineData(1, 1, Wide, 0)]
    public void Run_WithAndWithoutWorkspace_GivesTheSameBits(int transposeA, int transposeB, int n, int add)
    {
        using var device = new CpuDevice(threads: 2);
        using Arena arena = new(device, 8 << 20), workspace = new(device, 1 << 20);
        Tensor a = Uniform(arena, Rows * K), b = Uniform(arena, n * K), bias = Uniform(arena, n), c = Uniform(arena, Rows * n);
        var args = new MatMulArgs
        {
            A = a.Values, LdA = transposeA == 0 ? K : Rows, TransposeA = transposeA, B = b.Values, LdB = transposeB == 0 ? n : K, TransposeB = transposeB,
            C = c.Values, LdC = n, Bias = bias.Values, M = Rows, N = n, K = K, Batch = 1, Add = add,
        };
        float[] before = Values(c), packed, plain;
        MatrixProduct.Run(device.Stream, args, workspace);
        packed = Values(c);
        before.CopyTo(new Span<float>(c.Floats, before.Length));
        MatrixProduct.Run(device.Stream, args, workspace: null);
        plain = Values(c);
        Assert.True(workspace.Peak > 0);
        Assert.NotEqual(before, packed);
        Assert.Equal(plain.Select(BitConverter.SingleToInt32Bits), packed.Select(BitConverter.SingleToInt32Bits));
    }

    [Fact]
    public void Run_BFloat16OnTheCpu_IsRefused()
    {
        using var device = new CpuDevice(threads: 1);
        var args = new MatMulArgs { M = 1, N = 1, K = 1, Batch = 1, Operands = ElementType.BFloat16 };
        Assert.Contains("CUDA devices only", Assert.Throws<NotSupportedException>(() => MatrixProduct.Run(device.Stream, args, null)).Message, StringComparison.Ordinal);
    }

    // Three products: narrow, wide, narrow.
    private static Step<Tensor> Build(Device device, Arena arena)
    {
        Tensor x = arena.Allocate(new Shape(Rows, K)), narrow = arena.Allocate(new Shape(Narrow, K)), wide = arena.Allocate(new Shape(Wide, K));
        return new Step<Tensor>(device, new StepMode(Training: false), null, tape =>
        {
            Linear.Forward(tape, x, narrow);
            Linear.Forward(tape, x, wide);
            return Linear.Forward(tape, x, narrow);
        });
    }

    private static Tensor Uniform(Arena arena, int count)
    {
        var tensor = arena.Allocate(new Shape(count));
        for (int i = 0; i < count; i++)
            tensor.Floats[i] = 2 * (float)Philox.Uniform(seed: 3, step: 0, site: (uint)count, i) - 1;
        return tensor;
    }

    private static float[] Values(Tensor tensor) => new Span<float>(tensor.Floats, (int)tensor.Shape.Count).ToArray();

    /// <summary>Notes where each product finds its packed operand, and runs nothing.</summary>
    private sealed class PackedOperands : ComputeStream
    {
        public List<nint> Addresses { get; } = [];

        public override void Launch(Kernel kernel, void* args, int bytes)
        {
            if (kernel == MatMulKernels.Multiply)
                Addresses.Add((nint)((MatMulArgs*)args)->Packed);
        }
    }
}
