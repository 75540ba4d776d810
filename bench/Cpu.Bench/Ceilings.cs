using System.Numerics;
using System.Runtime.CompilerServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Cpu.Bench;

/// <summary>The highest rates of the machine, measured in the same rounds as the subjects.</summary>
internal static unsafe class Ceilings
{
    public const string MultiplyAdds = "fma peak", Memory = "memory, updated in place", L2 = "L2, updated in place";

    /// <summary>Bytes of one thread that fit in L2: half of an L2 of 512 KiB.</summary>
    public const int L2Bytes = 256 << 10;

    private const int PeakSteps = 400_000, PeakAccumulators = 10;
    private const int L2Passes = 64; // so many that the start of the threads takes no visible time

    private struct PeakArgs
    {
        public float* Sums;
        public int Items;
    }

    private struct UpdateArgs
    {
        public float* Data;
        public long Elements; // of an item
        public int Items, Passes;
    }

    // Ten independent sums hide the latency of a multiply-add on current processors.
    private static readonly Kernel<PeakArgs> Peak = new("fma_peak")
    {
        CountItems = static (in PeakArgs a) => a.Items,
        CountCost = static (in PeakArgs a) => new(2.0 * a.Items * PeakSteps * PeakAccumulators * Vector<float>.Count, 0),
        Twin = static (in PeakArgs a, int from, int to) =>
        {
            for (int item = from; item < to; item++)
                a.Sums[item] = SumOfProducts();
        },
    };

    // In place every byte is read once and written once. A write elsewhere would first read that memory, uncounted.
    private static readonly Kernel<UpdateArgs> Update = new("update_in_place")
    {
        CountItems = static (in UpdateArgs a) => a.Items,
        CountCost = static (in UpdateArgs a) => new(2.0 * a.Items * a.Passes * a.Elements, 8.0 * a.Items * a.Passes * a.Elements),
        Twin = static (in UpdateArgs a, int from, int to) =>
        {
            for (int item = from; item < to; item++)
            {
                for (int pass = 0; pass < a.Passes; pass++)
                    UpdateAll(a.Data + item * a.Elements, a.Elements);
            }
        },
    };

    /// <summary>The three ceilings.</summary>
    /// <param name="stream">Runs them.</param>
    /// <param name="data">Memory to write to, far larger than the caches.</param>
    public static IReadOnlyList<Subject> All(CpuStream stream, Tensor data)
    {
        int threads = stream.Threads;
        var update = new UpdateArgs { Data = data.Floats, Elements = data.Shape.Count / threads, Items = threads, Passes = 1 };
        return
        [
            Subject.OfFlops(MultiplyAdds, stream, Peak, new PeakArgs { Sums = data.Floats, Items = threads }),
            Subject.OfBytes(Memory, stream, Update, update),
            Subject.OfBytes(L2, stream, Update, update with { Elements = L2Bytes / sizeof(float), Passes = L2Passes }),
        ];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SumOfProducts()
    {
        Vector<float> x = new(0.9999f), y = new(1e-5f);
        Vector<float> s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x;
        for (int i = 0; i < PeakSteps; i++)
        {
            s0 = Vector.FusedMultiplyAdd(s0, x, y);
            s1 = Vector.FusedMultiplyAdd(s1, x, y);
            s2 = Vector.FusedMultiplyAdd(s2, x, y);
            s3 = Vector.FusedMultiplyAdd(s3, x, y);
            s4 = Vector.FusedMultiplyAdd(s4, x, y);
            s5 = Vector.FusedMultiplyAdd(s5, x, y);
            s6 = Vector.FusedMultiplyAdd(s6, x, y);
            s7 = Vector.FusedMultiplyAdd(s7, x, y);
            s8 = Vector.FusedMultiplyAdd(s8, x, y);
            s9 = Vector.FusedMultiplyAdd(s9, x, y);
        }
        return (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9)[0];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void UpdateAll(float* data, long count)
    {
        Vector<float> x = new(0.9999f), y = new(1e-5f);
        int width = Vector<float>.Count;
        long quarter = count / 4 / width * width; // four streams, as in kernels: one stream does not reach the bandwidth
        for (long i = 0; i < quarter; i += width)
        {
            for (float* at = data + i; at < data + 4 * quarter; at += quarter)
                Vector.FusedMultiplyAdd(Vector.Load(at), x, y).Store(at);
        }
    }
}
