using TorchSharp;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Random;
using VideoSim.Peers.Measuring;
using VideoSim.Peers.Torch;
using F = TorchSharp.torch.nn.functional;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Kernels;

/// <summary>Kernels of a training step, alone.</summary>
internal static unsafe class KernelJobs
{
    private const float LayerNormEpsilon = 1e-12f;
    private const double Rate = 1e-5;

    private static readonly Shape NoMask = new(1);

    private static readonly (int Rows, int Width)[] RowShapes = [(512, 768), (2048, 768), (512, 3072), (2048, 3072)];

    /// <summary>All of them.</summary>
    public static IEnumerable<Job> All =>
    [
        .. RowShapes.Select(static shape => LayerNorm(shape.Rows, shape.Width)),
        .. RowShapes.Select(static shape => Gelu(shape.Rows, shape.Width)),
        SelfAttention(videos: 8, length: 64, heads: 12, headWidth: 64, dropProbability: 0),
        SelfAttention(videos: 8, length: 64, heads: 12, headWidth: 64, dropProbability: 0.1f),
        VladJobs.Of(videos: 8), VladJobs.Of(videos: 32),
        Update(parameters: 1 << 26),
        .. ProductJobs.OfAnEncoder,
    ];

    private static Job LayerNorm(int rows, int width) => new($"LayerNorm forward-backward [{rows}, {width}]",
        threads =>
        {
            var store = new ParameterStore();
            var norm = new LayerNormalization(store, "norm", width, LayerNormEpsilon);
            return OperatorStep.Of(threads, store, NoMask, (tape, _) =>
            {
                var x = tape.Result(new Shape(rows, width), differentiable: true);
                return (x, norm.Forward(tape, x));
            });
        },
        threads =>
        {
            TorchTensor x = TorchStep.Input(rows, width), weight = torch.ones(width, requires_grad: true), bias = torch.zeros(width, requires_grad: true);
            return TorchStep.Differentiated(threads, [x, weight, bias], () => F.layer_norm(x, [width], weight, bias, LayerNormEpsilon), 2 * width);
        });

    private static Job Gelu(int rows, int width) => new($"GELU forward-backward [{rows}, {width}]",
        threads => OperatorStep.Of(threads, new ParameterStore(), NoMask, (tape, _) =>
        {
            var x = tape.Result(new Shape(rows, width), differentiable: true);
            return (x, Activation.Forward(tape, x, ActivationKind.Gelu));
        }),
        threads =>
        {
            var x = TorchStep.Input(rows, width);
            return TorchStep.Differentiated(threads, [x], () => F.gelu(x));
        });

    // From queries, keys and values of all heads [B, S, 3C] to the context.
    private static Job SelfAttention(int videos, int length, int heads, int headWidth, float dropProbability)
    {
        int width = heads * headWidth;
        var mask = new Shape(videos, length);
        return new Job($"attention forward-backward {videos} x {length}, {heads} heads of {headWidth}, dropout {dropProbability}",
            threads => OperatorStep.Of(threads, new ParameterStore(), mask, (tape, counts) =>
            {
                var x = tape.Result(new Shape(videos, length, 3 * width), differentiable: true);
                return (x, Attention.Forward(tape, x, new AttentionOptions(counts, Rotary: default, heads, Site: 1, dropProbability)));
            }),
            threads =>
            {
                var x = TorchStep.Input(videos, length, 3 * width);
                var bias = TorchBatch.BiasOf(torch.tensor(OperatorStep.MaskOf(mask), torch.float32).view(videos, length));
                return TorchStep.Differentiated(threads, [x], () =>
                {
                    var parts = x.chunk(3, 2);
                    return TorchEncoder.Attend(parts[0], parts[1], parts[2], bias, heads, dropProbability);
                });
            });
    }

    private static Job Update(int parameters)
    {
        const int width = 1 << 10;
        int rows = parameters / width;
        return new Job($"Adam, {parameters >> 20} Mi parameters",
            threads =>
            {
                var device = new CpuDevice(threads);
                var store = new ParameterStore();
                store.Add(0, "weights", new Shape(rows, width), Initializers.GlorotUniform);
                store.Allocate(device, training: true);
                store.Initialize(seed: 1);
                OperatorStep.Fill(store.Gradients);
                var adam = new Adam(device, store);
                var inputs = new StepInputs(device);
                var scalars = new StepScalars();
                adam.WriteRates(ref scalars, step: 0, [Rate]);
                inputs.Upload(scalars);
                return new Work(() => adam.Update(device.Stream, inputs.Scalars), parameters);
            },
            threads =>
            {
                var weights = new TorchSharp.Modules.Parameter(TorchStep.Random(rows, width)) { grad = TorchStep.Random(rows, width) };
                var adam = torch.optim.Adam([weights], Rate);
                return TorchStep.Of(threads, () => adam.step(), parameters);
            });
    }
}
