using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Cpu.Bench;

/// <summary>Matrix products: those of an encoder, some with few rows, and those of small presets.</summary>
public class Products : Group
{
    /// <inheritdoc/>
    public override IEnumerable<Subject> Subjects =>
    [
        .. OfEncoder(512), .. OfEncoder(2048),
        new Product("NT", 8, 10000, 256), new Product("NT", 8, 768, 768), new Product("NT", 70, 21128, 768),
        new Product("NT", 2048, 128, 64), new Product("TN", 128, 64, 2048),
    ];

    // Forward, gradient of x, gradient of the weights: of a square map, then of the two maps of a feed-forward layer.
    private static IEnumerable<Subject> OfEncoder(int rows) =>
        from shape in new[]
        {
            ("NT", rows, 768, 768), ("NN", rows, 768, 768), ("TN", 768, 768, rows), ("NT", rows, 3072, 768), ("NT", rows, 768, 3072),
            ("NN", rows, 768, 3072), ("NN", rows, 3072, 768), ("TN", 3072, 768, rows),
        }
        select new Product(shape.Item1, shape.Item2, shape.Item3, shape.Item4, ofEncoder: true);
}

/// <summary>A matrix product [M, K] [K, N].</summary>
/// <param name="order">N or T for each operand: T if it is stored transposed.</param>
/// <param name="m">Rows of the result.</param>
/// <param name="n">Columns of the result.</param>
/// <param name="k">Length of the sums.</param>
/// <param name="ofEncoder">Whether it counts in the mean over the products of an encoder.</param>
internal sealed unsafe class Product(string order, int m, int n, int k, bool ofEncoder = false) : Subject($"{order} {m}x{n}x{k}", Unit.Flops, Ceiling.MultiplyAdds)
{
    /// <summary>Whether it counts in the mean over the products of an encoder.</summary>
    public bool IsOfEncoder => ofEncoder;

    protected override Action Open(int threads)
    {
        var device = Own(new CpuDevice(threads));
        var args = new MatMulArgs
        {
            A = Filled(m, k), B = Filled(k, n), C = Filled(m, n), M = m, N = n, K = k, Batch = 1, StrideA = (long)m * k, StrideB = (long)k * n, StrideC = (long)m * n,
            TransposeA = order[0] == 'T' ? 1 : 0, TransposeB = order[1] == 'T' ? 1 : 0,
            LdA = order[0] == 'T' ? m : k, LdB = order[1] == 'T' ? k : n, LdC = n,
        };
        var workspace = Own(new Arena(device, Arena.BytesOf(new Shape((int)MatMulKernels.PackedElements(args)), ElementType.Float32)));
        Amount = 2.0 * m * n * k;
        return () => MatrixProduct.Run(device.Stream, args, workspace);

        float* Filled(int rows, int columns)
        {
            var tensor = Own(new Arena(device, Arena.BytesOf(new Shape(rows, columns), ElementType.Float32))).Allocate(new Shape(rows, columns));
            Values.Fill(device, tensor);
            return tensor.Floats;
        }
    }
}
