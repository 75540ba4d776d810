using VideoSim.Engine.Autograd;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>Matrix products through cuBLASLt, or its stand-in, against float64.</summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class MatMulTests : IDisposable
{
    // Half a unit in the last place of 1: what one fp32 operation may be off.
    private const double Unit = 1.0 / (1 << 24);

    // The same of a result that is stored in bf16.
    private const double UnitOfBFloat16 = 1.0 / (1 << 8);

    public void Dispose()
    {
        if (CudaMachine.IsEmulator && EmulatorBuild.Problem is null)
            CudaMachine.RefuseProducts();
    }

    private static IEnumerable<CheckCase> Cases => MatMulChecks.All.SelectMany(static check => check.Cases()).Concat(MatMulChecks.BFloat16Cases());

    [Fact]
    public void MatMul_EveryCase_IsWithinTheBoundOfSumsInAnyOrder()
    {
        using var device = CudaMachine.Open();
        foreach (var check in Cases)
        {
            var actual = CheckRunner.Execute(device, check, new ProductLauncher(device.Stream));
            var truth = CheckRunner.Expected<double>(check);
            foreach (var (buffer, values) in actual)
            {
                double[] bounds = Bounds(check, truth[buffer]);
                for (int i = 0; i < values.Length; i++)
                    Assert.True(Math.Abs(values[i] - truth[buffer][i]) <= bounds[i], $"{check.Name}, element {i}: {values[i]} instead of {truth[buffer][i]}, bound {bounds[i]:E2}");
            }
        }
    }

    /// <summary>Whether a library adds no bias, and the most alignment that it offers, in bytes.</summary>
    public static TheoryData<bool, int> Libraries => LongTests.Run ? new() { { true, 256 }, { false, 4 }, { true, 4 } } : new() { { true, 4 } };

    [Theory]
    [MemberData(nameof(Libraries))]
    public void MatMul_LibraryWithFewAlgorithms_IsWithinTheBound(bool withoutBias, int mostAlignment)
    {
        CudaMachine.SkipUnlessEmulator();
        CudaMachine.RefuseProducts(withoutBias, mostAlignment);
        MatMul_EveryCase_IsWithinTheBoundOfSumsInAnyOrder();
    }

    [Fact]
    public void MatMul_LibraryWithoutAlgorithms_NamesCallShapeAndDevice()
    {
        CudaMachine.SkipUnlessEmulator();
        CudaMachine.RefuseProducts(mostAlignment: 1);
        using var device = CudaMachine.Open();
        nint memory = device.Allocate(64);
        var args = new MatMulArgs { A = (float*)memory, B = (float*)memory, C = (float*)memory, M = 4, N = 4, K = 4, LdA = 4, LdB = 4, LdC = 4, Batch = 1 };
        var failure = Assert.Throws<CudaException>(() => device.Stream.Run(MatMulKernels.Multiply, args));
        Assert.Equal((15, device.Name), (failure.Code, failure.Device));
        Assert.StartsWith("cublasLtMatmulAlgoGetHeuristic of ProductKind { M = 4, N = 4, K = 4, LdA = 4", failure.Message, StringComparison.Ordinal);
        device.Free(memory);
    }

    // The CPU would pack an operand of a product this large ahead, in two parts.
    [Fact]
    public void MatMul_LargeProductOfAStep_IsOneLaunch()
    {
        using var device = CudaMachine.Open();
        using var arena = new Arena(device, 4 << 20);
        Tensor x = arena.Allocate(new Shape(300, 600)), weight = arena.Allocate(new Shape(40, 600));
        using var step = new Step<Tensor>(device, new StepMode(Training: false), null, tape => Linear.Forward(tape, x, weight));
        Assert.Equal((1, 0L), (step.Launches, step.WorkspaceBytes));
    }

    [Fact]
    public void MatMul_PackedOperand_IsRefused()
    {
        using var device = CudaMachine.Open();
        var args = new MatMulArgs { Packed = (float*)64, M = 4, N = 4, K = 4, Batch = 1 };
        Assert.Throws<ArgumentException>(() => device.Stream.Run(MatMulKernels.Multiply, args));
    }

    [Fact]
    public void MatMul_Again_GivesTheSameBits()
    {
        using var device = CudaMachine.Open();
        using var other = CudaMachine.Open();
        foreach (var check in Cases)
        {
            var first = CheckRunner.Execute(device, check, new ProductLauncher(device.Stream));
            foreach (var again in new[] { device, other })
                Assert.All(CheckRunner.Execute(again, check, new ProductLauncher(again.Stream)), output => Assert.Equal(first[output.Key], output.Value));
        }
    }

    [Fact]
    public void MatMul_SameShapeAgain_CreatesNothing()
    {
        using var device = CudaMachine.Open();
        const int Size = 16;
        nint memory = device.Allocate(4 * Size * Size * sizeof(float));
        var args = new MatMulArgs
        {
            A = (float*)memory, B = (float*)memory + Size * Size, C = (float*)memory + 2 * Size * Size, Bias = (float*)memory + 3 * Size * Size,
            M = Size, N = Size, K = Size, LdA = Size, LdB = Size, LdC = Size, Batch = 1,
        };
        device.Stream.Run(MatMulKernels.Multiply, args);
        args.Bias = (float*)args.Bias + 64; // as aligned as before
        device.Stream.Run(MatMulKernels.Multiply, args);
        Assert.Equal(1, ((CudaStream)device.Stream).Products.Count);
        long before = GC.GetAllocatedBytesForCurrentThread();
        device.Stream.Run(MatMulKernels.Multiply, args);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        args.Bias = (float*)args.Bias + 1;
        device.Stream.Run(MatMulKernels.Multiply, args);
        args.TransposeB = 1;
        device.Stream.Run(MatMulKernels.Multiply, args);
        Assert.Equal(3, ((CudaStream)device.Stream).Products.Count); // the second one without a bias, which is not aligned
        device.Free(memory);
    }

    [Fact]
    public void MatMul_SizesThatDoNotFit_NamesCallShapeAndDevice()
    {
        CudaMachine.SkipUnlessEmulator();
        using var device = CudaMachine.Open();
        nint memory = device.Allocate(64);
        var args = new MatMulArgs { A = (float*)memory, B = (float*)memory, C = (float*)memory, M = 4, N = 4, K = 4, LdA = 1, LdB = 4, LdC = 4, Batch = 1 };
        var failure = Assert.Throws<CudaException>(() => device.Stream.Run(MatMulKernels.Multiply, args));
        Assert.Equal((7, device.Name, "matmul"), (failure.Code, failure.Device, failure.Kernel));
        Assert.StartsWith("cublasLtMatmulAlgoGetHeuristic of ProductKind { M = 4, N = 4, K = 4, LdA = 1", failure.Message, StringComparison.Ordinal);
        device.Free(memory);
    }

    // A sum of n values in any order is off by at most (n - 1) u times the sum of their magnitudes, to first order
    // (Higham, Accuracy and Stability of Numerical Algorithms, 4.2). Here n counts K products with a rounding each,
    // the bias and the old value. The magnitudes come from the reference with the magnitudes of all inputs. A bf16
    // result is rounded once more when it is stored, and twice if bias and product are added to it one after the
    // other. Another rounding in bf16 would exceed the bound.
    private static double[] Bounds(CheckCase check, double[] truth)
    {
        var sizes = new SizeLauncher();
        check.Launch(sizes);
        double[] magnitudes = CheckRunner.Expected<double>(check with { Buffers = [.. check.Buffers.Select(Magnitudes)] })["c"];
        double stored = check.Buffers.Single(static buffer => buffer.Name == "c").Element == ElementType.BFloat16 ? UnitOfBFloat16 : 0;
        bool twice = sizes.Add != 0 && check.Buffers.Any(static buffer => buffer.Name == "bias");
        return [.. magnitudes.Zip(truth, (magnitude, value) =>
        {
            double summed = (sizes.K + 2) * Unit * magnitude + (twice ? stored * magnitude : 0);
            return summed + stored * (Math.Abs(value) + summed);
        })];
    }

    private static CheckBuffer Magnitudes(CheckBuffer buffer)
    {
        byte[] data = (byte[])buffer.Data.Clone();
        int size = buffer.Element == ElementType.BFloat16 ? sizeof(ushort) : sizeof(float);
        for (int i = size - 1; i < data.Length; i += size)
            data[i] &= 0x7f; // the sign
        return new CheckBuffer(buffer.Name, buffer.Role, data, buffer.Element);
    }

    /// <summary>The whole product in one launch, where the check packs an operand of it for the CPU.</summary>
    private sealed class ProductLauncher(ComputeStream stream) : ICheckLauncher
    {
        public void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged
        {
            if (ReferenceEquals(kernel, MatMulKernels.Multiply) && args is MatMulArgs { Part: 0 } product)
                stream.Run(MatMulKernels.Multiply, product with { Packed = null });
        }
    }

    private sealed class SizeLauncher : ICheckLauncher
    {
        public int K { get; private set; }

        public int Add { get; private set; }

        public void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged
        {
            if (args is MatMulArgs product)
                (K, Add) = (product.K, product.Add);
        }
    }
}
