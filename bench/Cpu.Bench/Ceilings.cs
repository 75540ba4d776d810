using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Cpu.Bench;

/// <summary>The highest rates of the machine. They run first, in every run.</summary>
public class Ceilings : Group
{
    private const long BytesInCaches = 4 << 20, BytesInMemory = 256 << 20;

    /// <inheritdoc/>
    public override IEnumerable<Subject> Subjects =>
    [
        new MultiplyAdds(),
        new Update(BytesInCaches, Ceiling.Caches),
        new Update(BytesInMemory, Ceiling.Memory),
        new Copy(BytesInMemory),
    ];
}

/// <summary>A subject that is a ceiling of others: its best rate is the ceiling.</summary>
/// <param name="name">Its name.</param>
/// <param name="unit">What its rate counts.</param>
/// <param name="ceiling">Which ceiling it is.</param>
internal abstract class CeilingSubject(string name, Unit unit, Ceiling ceiling) : Subject(name, unit, ceiling);

/// <summary>Multiply-adds in registers, on the widest vectors that .NET uses.</summary>
internal sealed unsafe class MultiplyAdds() : CeilingSubject($"multiply-adds, {Bits} bits", Unit.Flops, Ceiling.MultiplyAdds)
{
    // Twelve independent sums hide the latency of a multiply-add on current processors. Many short items let all
    // threads end at about the same time.
    private const int Items = 512, Steps = 4096, Sums = 12;

    private struct Args
    {
        public float* Results;
    }

    private static readonly Kernel<Args> Kernel = new("multiply_adds")
    {
        CountItems = static (in Args _) => Items,
        CountCost = static (in Args _) => new(2.0 * Items * Steps * Sums * Bits / 32, 0),
        Twin = static (in Args a, int from, int to) =>
        {
            for (int item = from; item < to; item++)
                a.Results[item] = Vector512.IsHardwareAccelerated ? Sum512() : Sum256();
        },
    };

    private static int Bits => Vector512.IsHardwareAccelerated ? 512 : 256;

    protected override Action Open(int threads)
    {
        var device = Own(new CpuDevice(threads));
        var args = new Args { Results = Own(new Arena(device, Items * sizeof(float))).Allocate(new Shape(Items)).Floats };
        Amount = Kernel.CountCost(args).Flops;
        return () => device.Stream.Run(Kernel, args);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum512()
    {
        Vector512<float> x = Vector512.Create(0.9999f), y = Vector512.Create(1e-5f);
        Vector512<float> s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x;
        for (int i = 0; i < Steps; i++)
        {
            s0 = Vector512.FusedMultiplyAdd(s0, x, y);
            s1 = Vector512.FusedMultiplyAdd(s1, x, y);
            s2 = Vector512.FusedMultiplyAdd(s2, x, y);
            s3 = Vector512.FusedMultiplyAdd(s3, x, y);
            s4 = Vector512.FusedMultiplyAdd(s4, x, y);
            s5 = Vector512.FusedMultiplyAdd(s5, x, y);
            s6 = Vector512.FusedMultiplyAdd(s6, x, y);
            s7 = Vector512.FusedMultiplyAdd(s7, x, y);
            s8 = Vector512.FusedMultiplyAdd(s8, x, y);
            s9 = Vector512.FusedMultiplyAdd(s9, x, y);
            s10 = Vector512.FusedMultiplyAdd(s10, x, y);
            s11 = Vector512.FusedMultiplyAdd(s11, x, y);
        }
        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Sum256()
    {
        Vector256<float> x = Vector256.Create(0.9999f), y = Vector256.Create(1e-5f);
        Vector256<float> s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x;
        for (int i = 0; i < Steps; i++)
        {
            s0 = Vector256.FusedMultiplyAdd(s0, x, y);
            s1 = Vector256.FusedMultiplyAdd(s1, x, y);
            s2 = Vector256.FusedMultiplyAdd(s2, x, y);
            s3 = Vector256.FusedMultiplyAdd(s3, x, y);
            s4 = Vector256.FusedMultiplyAdd(s4, x, y);
            s5 = Vector256.FusedMultiplyAdd(s5, x, y);
            s6 = Vector256.FusedMultiplyAdd(s6, x, y);
            s7 = Vector256.FusedMultiplyAdd(s7, x, y);
            s8 = Vector256.FusedMultiplyAdd(s8, x, y);
            s9 = Vector256.FusedMultiplyAdd(s9, x, y);
            s10 = Vector256.FusedMultiplyAdd(s10, x, y);
            s11 = Vector256.FusedMultiplyAdd(s11, x, y);
        }
        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)[0];
    }
}

/// <summary>
/// Changes a block in place. Every byte is read once and written once, so this is the highest rate of counted bytes:
/// other writes first read the memory that they overwrite, and costs do not count that.
/// </summary>
/// <param name="bytes">Size of the block.</param>
/// <param name="ceiling">Which ceiling it is.</param>
internal sealed unsafe class Update(long bytes, Ceiling ceiling) : CeilingSubject($"update of {bytes >> 20} MiB in place", Unit.MovedBytes, ceiling)
{
    private const int ItemBytes = 1 << 20; // the block is a multiple

    private struct Args
    {
        public byte* Data;
        public long Bytes;
    }

    private static readonly Kernel<Args> Kernel = new("update_in_place")
    {
        CountItems = static (in Args a) => (int)(a.Bytes / ItemBytes),
        CountCost = static (in Args a) => new(0, 2.0 * a.Bytes),
        Twin = static (in Args a, int from, int to) =>
        {
            byte* end = a.Data + (long)to * ItemBytes;
            for (byte* at = a.Data + (long)from * ItemBytes; at < end; at += Vector512<byte>.Count)
                (~Vector512.Load(at)).Store(at);
        },
    };

    protected override Action Open(int threads)
    {
        var device = Own(new CpuDevice(threads));
        var args = new Args { Data = (byte*)Own(new Arena(device, bytes)).Base, Bytes = bytes };
        Amount = Kernel.CountCost(args).MovedBytes;
        return () => device.Stream.Run(Kernel, args);
    }
}

/// <summary>
/// Copies a block. It is slower than the update: the processor first reads the memory that it overwrites, and costs do
/// not count that.
/// </summary>
/// <param name="bytes">Size of the block.</param>
internal sealed unsafe class Copy(long bytes) : Subject($"copy of {bytes >> 20} MiB", Unit.MovedBytes, Ceiling.Memory)
{
    protected override Action Open(int threads)
    {
        var device = Own(new CpuDevice(threads));
        var args = new BlockCopyArgs { Source = (byte*)Own(new Arena(device, bytes)).Base, Destination = (byte*)Own(new Arena(device, bytes)).Base, Bytes = bytes };
        Amount = BlockCopy.Kernel.CountCost(args).MovedBytes;
        return () => device.Stream.Run(BlockCopy.Kernel, args);
    }
}
