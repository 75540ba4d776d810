using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Cpu.Bench;

/// <summary>Matrix products of an encoder step and of small presets.</summary>
internal static unsafe class Products
{
    /// <summary>Memory for a packed part of the widest matrix here: up to 512 rows of 3,072 columns.</summary>
    public const long WorkspaceBytes = 512L * 3072 * sizeof(float);

    public static IReadOnlyList<Subject> All(CpuStream stream, Arena workspace, Buffers buffers)
    {
        var subjects = new List<Subject>();
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
                A = buffers.A, B = buffers.B, C = buffers.C, M = m, N = n, K = k, Batch = batch,
                StrideA = (long)m * k, StrideB = (long)k * n, StrideC = (long)m * n,
                TransposeA = order[0] == 'T' ? 1 : 0, TransposeB = order[1] == 'T' ? 1 : 0,
                LdA = order[0] == 'T' ? m : k, LdB = order[1] == 'T' ? k : n, LdC = n,
            };
            string name = batch == 1 ? $"{order} {m}x{n}x{k}" : $"{order} {m}x{n}x{k}, {batch} of them";
            return new(name, "GFLOP/s", 1e-9 * MatMulKernels.Multiply.CountCost(args).Flops, () => MatrixProduct.Run(stream, args, workspace), Ceilings.MultiplyAdds);
        }
    }
}
