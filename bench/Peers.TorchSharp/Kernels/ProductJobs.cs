using TorchSharp;
using VideoSim.Bench;
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
    /// <summary>The products of forward, of the inputs' gradients and of the weights' gradients.</summary>
    public static IEnumerable<Job> OfAnEncoder => from rows in new[] { 512, 2048 }
                                                  from shape in ProductShape.OfEncoder(rows)
                                                  select Product(shape);

    private static Job Product(ProductShape shape)
    {
        var (_, m, n, k) = shape;
        return new Job($"{Job.Product}{shape}",
            threads =>
            {
                var device = new CpuDevice(threads);
                Shape shapeOfA = new(m, k), shapeOfB = new(k, n), shapeOfC = new(m, n);
                var arena = new Arena(device, Bytes(shapeOfA) + Bytes(shapeOfB) + Bytes(shapeOfC));
                Tensor a = arena.Allocate(shapeOfA), b = arena.Allocate(shapeOfB), c = arena.Allocate(shapeOfC);
                OperatorStep.Fill(a);
                OperatorStep.Fill(b);
                var args = shape.Args(a.Floats, b.Floats, c.Floats);
                var workspace = new Arena(device, Bytes(new Shape((int)MatMulKernels.PackedElements(args))));
                return new Work(() => MatrixProduct.Run(device.Stream, args, workspace));
            },
            threads =>
            {
                var a = shape.TransposeA ? TorchStep.Random(k, m).t() : TorchStep.Random(m, k);
                var b = shape.TransposeB ? TorchStep.Random(n, k).t() : TorchStep.Random(k, n);
                return TorchStep.Of(threads, () => torch.mm(a, b));
            });
    }

    private static long Bytes(Shape shape) => Arena.BytesOf(shape, ElementType.Float32);
}
