using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using VideoSim.Kernels.Random;

namespace VideoSim.Engine.Benchmarks;

/// <summary>What a device reaches at best: what the times of kernels are held against.</summary>
/// <param name="CopyBytesPerSecond">Bytes read and bytes written, both counted, while a large block is copied within the device.</param>
/// <param name="FlopsPerSecond">Of a large matrix product.</param>
/// <param name="ProductSize">Rows and columns of its matrices.</param>
/// <param name="ProductPrecision">Of its matrices, as names of kernels end: bf16 on CUDA, fp32 on the CPU.</param>
/// <param name="EmptyMicroseconds">What the clock says of a call that does nothing.</param>
public sealed record DeviceRates(double CopyBytesPerSecond, double FlopsPerSecond, int ProductSize, string ProductPrecision, double EmptyMicroseconds)
{
    private const long CopyBytes = 256 << 20; // five times the L2 cache of an H100
    private const int SmallestProduct = 256, LargestProduct = 8192;

    // A product that takes this long keeps every part of the device busy; a slow device, such as the emulator, is not kept longer.
    private static readonly TimeSpan LongProduct = TimeSpan.FromMilliseconds(1), Limit = TimeSpan.FromSeconds(0.5);

    /// <summary>The least time that work can take, in microseconds: its bytes or its operations, whichever takes longer.</summary>
    public double FloorMicroseconds(in KernelCost cost) => 1e6 * Math.Max(cost.MovedBytes / CopyBytesPerSecond, cost.Flops / FlopsPerSecond);

    /// <summary>Measures.</summary>
    /// <param name="device">Of which.</param>
    /// <param name="clock">Its clock.</param>
    /// <param name="cancellation">Stops between calls.</param>
    public static DeviceRates Measure(Device device, LaunchClock clock, CancellationToken cancellation)
    {
        double empty = clock.Sample(static () => { }, Limit, cancellation).Median;
        var (size, precision, rate) = Product(device, clock, cancellation);
        return new DeviceRates(Copy(device, clock, cancellation), rate, size, precision.Suffix(), empty);
    }

    private static double Copy(Device device, LaunchClock clock, CancellationToken cancellation)
    {
        nint source = device.Allocate(CopyBytes), destination = device.Allocate(CopyBytes);
        try
        {
            var time = clock.Sample(() => Copy(device, source, destination), Limit, cancellation);
            return 2 * CopyBytes / (1e-6 * time.Median);
        }
        finally
        {
            device.Free(source);
            device.Free(destination);
        }
    }

    private static unsafe void Copy(Device device, nint source, nint destination)
    {
        if (device.Stream is CudaStream cuda)
            cuda.Copy(source, destination, CopyBytes);
        else
            device.Stream.Run(BlockCopy.Kernel, new BlockCopyArgs { Source = (byte*)source, Destination = (byte*)destination, Bytes = CopyBytes });
    }

    private static (int Size, ElementType Precision, double FlopsPerSecond) Product(Device device, LaunchClock clock, CancellationToken cancellation)
    {
        var precision = device is CudaDevice ? ElementType.BFloat16 : ElementType.Float32;
        for (int size = SmallestProduct; ; size *= 2)
        {
            double time = Product(device, clock, size, precision, cancellation);
            if (size == LargestProduct || time >= LongProduct.TotalMicroseconds)
                return (size, precision, 2.0 * size * size * size / (1e-6 * time));
        }
    }

    private static unsafe double Product(Device device, LaunchClock clock, int size, ElementType precision, CancellationToken cancellation)
    {
        long bytes = (long)size * size * precision.Size();
        nint a = device.Allocate(bytes), b = device.Allocate(bytes), c = device.Allocate(bytes);
        try
        {
            Scatter(device, a, bytes, precision);
            Scatter(device, b, bytes, precision);
            var product = new MatMulArgs
            {
                A = (void*)a, B = (void*)b, C = (void*)c, M = size, N = size, K = size, LdA = size, LdB = size, LdC = size, Batch = 1, Operands = precision, Result = precision,
            };
            using var workspace = device.PacksProducts ? new Arena(device, MatMulKernels.PackedElements(product) * sizeof(float)) : null;
            return clock.Sample(() => MatrixProduct.Run(device.Stream, product, workspace), Limit, cancellation).Median;
        }
        finally
        {
            device.Free(a);
            device.Free(b);
            device.Free(c);
        }
    }

    // Values of all sizes between -1 and 1: products of zeros are faster. The first row is made, the others repeat it in parts of a power of two.
    private static void Scatter(Device device, nint address, long bytes, ElementType precision)
    {
        const int Values = 1 << 16;
        float[] floats = new float[Values];
        for (int i = 0; i < Values; i++)
            floats[i] = 2 * (float)Philox.Uniform(seed: 1, step: 0, site: 0, i) - 1;
        ReadOnlySpan<byte> block = precision == ElementType.Float32 ? MemoryMarshal.AsBytes(floats.AsSpan())
            : MemoryMarshal.AsBytes(Array.ConvertAll(floats, static value => new BFloat16(value)).AsSpan());
        for (long offset = 0; offset < bytes; offset += block.Length)
            device.Upload(block[..(int)Math.Min(block.Length, bytes - offset)], address + (nint)offset);
    }
}
