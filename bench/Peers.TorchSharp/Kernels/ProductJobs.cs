using TorchSharp;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using VideoSim.Peers.Measuring;

namespace VideoSim.Peers.Kernels;

/// <summary>
/// Matrix products of an encoder's step, m x n x k. For each operand T says that it is stored transposed, N that it is
/// not.
/// </summary>
internal static unsafe class ProductJobs
{
    /// <summary>What the names of the encoder's products begin with.</summary>
    public const string Prefix = "product ";

    private const int Width = 768, InnerWidth = 3072;

    /// <summary>The products of forward, of the inputs' gradients and of the weights' gradients.</summary>
    public static IEnumerable<Job> OfAnEncoder => from rows in new[] { 512, 2048 }
                                                  from job in OfRows(rows)
                                                  select job;

    private static Job[] OfRows(int rows) =>
    [
        Product("NT", rows, Width, Width), Product("NN", rows, Width, Width), Product("TN", Width, Width, rows),
        Product("NT", rows, InnerWidth, Width), Product("NT", rows, Width, InnerWidth), Product("NN", rows, Width, InnerWidth),
        Product("NN", rows, InnerWidth, Width), Product("TN", InnerWidth, Width, rows),
    ];

    private static Job Product(string order, int m, int n, int k)
    {
        bool transposeA = order[0] == 'T', transposeB = order[1] == 'T';
        return new Job($"{Prefix}{order} {m}x{n}x{k}",
            threads =>
            {
                var device = new CpuDevice(threads);
                Shape shapeOfA = new(m, k), shapeOfB = new(k, n), shapeOfC = new(m, n);
                var arena = new Arena(device, Bytes(shapeOfA) + Bytes(shapeOfB) + Bytes(shapeOfC));
                Tensor a = arena.Allocate(shapeOfA), b = arena.Allocate(shapeOfB), c = arena.Allocate(shapeOfC);
                OperatorStep.Fill(a);
                OperatorStep.Fill(b);
                var args = new MatMulArgs
                {
                    A = a.Floats, B = b.Floats, C = c.Floats, M = m, N = n, K = k, Batch = 1, TransposeA = transposeA ? 1 : 0, TransposeB = transposeB ? 1 : 0,
                    LdA = transposeA ? m : k, LdB = transposeB ? k : n, LdC = n,
                };
                var workspace = new Arena(device, Bytes(new Shape((int)MatMulKernels.PackedElements(args))));
                return new Work(() => MatrixProduct.Run(device.Stream, args, workspace));
            },
            threads =>
            {
                var a = transposeA ? TorchStep.Random(k, m).t() : TorchStep.Random(m, k);
                var b = transposeB ? TorchStep.Random(n, k).t() : TorchStep.Random(k, n);
                return TorchStep.Of(threads, () => torch.mm(a, b));
            });
    }

    private static long Bytes(Shape shape) => Arena.BytesOf(shape, ElementType.Float32);
}
