using VideoSim.Bench;
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
    private static readonly ProductShape[] Others =
    [
        new("NT", 8, 10000, 256), new("NT", 8, 768, 768), new("NT", 70, 21128, 768),
        new("NT", 2048, 128, 64), new("TN", 128, 64, 2048),
    ];

    /// <inheritdoc/>
    public override IEnumerable<Subject> Subjects =>
    [
        .. from rows in new[] { 512, 2048 }
           from shape in ProductShape.OfEncoder(rows)
           select new Product(shape, ofEncoder: true),
        .. Others.Select(static shape => new Product(shape, ofEncoder: false)),
    ];
}

/// <summary>A matrix product.</summary>
/// <param name="shape">Its shape.</param>
/// <param name="ofEncoder">Whether it counts in the mean over the products of an encoder.</param>
internal sealed unsafe class Product(ProductShape shape, bool ofEncoder) : Subject($"{shape}", Unit.Flops, Ceiling.MultiplyAdds)
{
    /// <summary>Whether it counts in the mean over the products of an encoder.</summary>
    public bool IsOfEncoder => ofEncoder;

    protected override Action Open(int threads)
    {
        var device = Own(new CpuDevice(threads));
        var (_, m, n, k) = shape;
        var args = shape.Args(Filled(m, k), Filled(k, n), Filled(m, n));
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
