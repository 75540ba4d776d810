using System.Numerics;
using System.Runtime.CompilerServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Cpu.Bench;

/// <summary>Matrix products of an encoder step and of small presets, and the multiply-adds that the machine can do at most.</summary>
internal static unsafe class Products
{
    private const string Peak = "fma peak";
    private const int PeakSteps = 400_000, PeakAccumulators = 10;

    private struct PeakArgs
    {
        public float* Sums;
        public int Items;
    }

    // Ten independent sums cover the latency of a multiply-add on any processor of today.
    private static readonly Kernel<PeakArgs> PeakKernel = new("fma_peak")
    {
        CountItems = static (in PeakArgs a) => a.Items,
        CountCost = static (in PeakArgs a) => new(1e9, 0),
        Twin = static (in PeakArgs a, int from, int to) =>
        {
            for (int item = from; item < to; item++)
                a.Sums[item] = MultiplyAdds();
        },
    };

    public static IReadOnlyList<Subject> All(CpuDevice device, Arena arena, int threads)
    {
        var stream = device.Stream;
        float* sums = arena.Allocate(new Shape(threads)).Floats;
        Tensor a = Filled(arena, 4096 * 3072), b = Filled(arena, 10000 * 3072), c = arena.Allocate(new Shape(4096, 3072));
        var subjects = new List<Subject>
        {
            new(Peak, "GFLOP/s", 2e-9 * threads * PeakSteps * PeakAccumulators * Vector<float>.Count,
                () => stream.Run(PeakKernel, new PeakArgs { Sums = sums, Items = threads })),
        };
        foreach (int rows in new[] { 512, 2048 })
        {
            subjects.AddRange(
            [
                Product("NT", rows, 768, 768), Product("NN", rows, 768, 768), Product("TN", 768, 768, rows),
                Product("NT", rows, 3072, 768), Product("NT", rows, 768, 3072), Product("NN", rows, 768, 3072),
                Product("NN", rows, 3072, 768), Product("TN", 3072, 768, rows),
            ]);
        }
        subjects.AddRange(
        [
            Product("NT", 256, 3072, 1536), Product("NT", 32, 10000, 768), Product("NT", 2048, 128, 128),
            Product("NT", 2048, 512, 128), Product("TN", 512, 128, 2048),
            Product("NT", 64, 64, 64, batch: 96), Product("NN", 64, 64, 64, batch: 96), Product("TN", 64, 64, 64, batch: 96),
        ]);
        return subjects;

        Subject Product(string order, int m, int n, int k, int batch = 1)
        {
            var args = new MatMulArgs
            {
                A = a.Floats, B = b.Floats, C = c.Floats, M = m, N = n, K = k, Batch = batch,
                StrideA = (long)m * k, StrideB = (long)k * n, StrideC = (long)m * n,
                TransposeA = order[0] == 'T' ? 1 : 0, TransposeB = order[1] == 'T' ? 1 : 0,
                LdA = order[0] == 'T' ? m : k, LdB = order[1] == 'T' ? k : n, LdC = n,
            };
            string name = batch == 1 ? $"{order} {m}x{n}x{k}" : $"{order} {m}x{n}x{k}, {batch} of them";
            return new(name, "GFLOP/s", 2e-9 * batch * m * n * k, () => stream.MatMul(args));
        }
    }

    private static Tensor Filled(Arena arena, int count)
    {
        var tensor = arena.Allocate(new Shape(count));
        for (int i = 0; i < count; i++)
            tensor.Floats[i] = (i % 61 - 30) / 32f;
        return tensor;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float MultiplyAdds()
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
}
