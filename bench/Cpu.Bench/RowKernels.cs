using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;

namespace VideoSim.Cpu.Bench;

/// <summary>
/// All that a step computes beside matrix products: operators, forward and backward, and the update of Adam.
/// </summary>
public class RowKernels : Group
{
    private const int Width = 768, InnerWidth = 3072; // of an encoder
    private const int Heads = 12, Length = 64; // of its attention
    private const float DropProbability = 0.1f;

    /// <inheritdoc/>
    public override IEnumerable<Subject> Subjects =>
    [
        .. OfRows(512, Ceiling.Caches), .. OfRows(2048, Ceiling.Memory),
        MultiHead("attention 8x64, 12 heads of 64", 8, Length, Heads * 64, Heads),
        MultiHead("attention 64x40, 2 heads of 32", 64, 40, 2 * 32, 2),
        Vlad("NeXtVLAD-64, 8 videos of 32 frames", 8), Vlad("NeXtVLAD-64, 32 videos of 32 frames", 32),
        new AdamUpdate(16 << 20),
    ];

    private static IEnumerable<Subject> OfRows(int rows, Ceiling ceiling) =>
    [
        new Operator($"layer norm {rows}x{Width}", Unit.MovedBytes, ceiling, store => Norm(store, rows, 0)),
        new Operator($"dropout, residual, layer norm {rows}x{Width}", Unit.MovedBytes, ceiling, store => Norm(store, rows, DropProbability)),
        new Operator($"gelu {rows}x{InnerWidth}", Unit.MovedBytes, ceiling, store =>
        {
            var x = Input(store, "x", new Shape(rows, InnerWidth));
            return (tape, _) => Activation.Forward(tape, tape.Use(x), ActivationKind.Gelu);
        }),
        new Operator($"softmax {rows * Heads}x{Length}", Unit.MovedBytes, ceiling, store =>
        {
            var x = Input(store, "x", new Shape(rows * Heads, Length));
            return (tape, _) => Softmax.Forward(tape, tape.Use(x));
        }),
        new Operator($"dropout {rows}x{Width}", Unit.MovedBytes, ceiling, store =>
        {
            var x = Input(store, "x", new Shape(rows, Width));
            return (tape, _) => Dropout.Forward(tape, tape.Use(x), site: 1, DropProbability);
        }),
    ];

    private static Build Norm(ParameterStore store, int rows, float dropProbability)
    {
        Parameter x = Input(store, "x", new Shape(rows, Width)), residual = Input(store, "residual", new Shape(rows, Width));
        Parameter weight = Input(store, "weight", new Shape(Width)), bias = Input(store, "bias", new Shape(Width));
        return (tape, _) => ResidualNorm.Forward(tape, tape.Use(x), default, dropProbability > 0 ? tape.Use(residual) : default, tape.Use(weight), tape.Use(bias),
            epsilon: 1e-12f, site: 1, dropProbability);
    }

    private static Operator MultiHead(string name, int batch, int length, int width, int heads) =>
        new(name, Unit.Flops, Ceiling.MultiplyAdds, store =>
        {
            var x = Input(store, "x", new Shape(batch, length, 3 * width));
            return (tape, mask) => Attention.Forward(tape, tape.Use(x), new AttentionOptions(mask, default, heads, Site: 1, DropProbability));
        }, new Shape(batch, length));

    private static Operator Vlad(string name, int videos)
    {
        const int Frames = 32, Groups = 8, Clusters = 64, GroupWidth = 384;
        return new(name, Unit.Flops, Ceiling.MultiplyAdds, store =>
        {
            Parameter hidden = Input(store, "hidden", new Shape(1, videos * Frames, Groups * GroupWidth)), logits = Input(store, "logits", new Shape(1, videos * Frames, Groups * Clusters));
            Parameter groups = Input(store, "groups", new Shape(1, videos * Frames, Groups)), centres = Input(store, "centres", new Shape(1, GroupWidth, Clusters));
            var norm = new BatchNormalization(store, ["norm"], Groups * Clusters);
            return (tape, _) => VladAggregation.Forward(tape, tape.Use(hidden), norm.Prepare(tape, tape.Use(logits)), tape.Use(groups), tape.Use(centres), videos, Groups, Clusters,
                site: 1, DropProbability);
        });
    }

    private static Parameter Input(ParameterStore store, string name, Shape shape) => store.Add(0, name, shape, Initializers.TruncatedNormal(0.5));
}

/// <summary>Computes the result of an operator.</summary>
/// <param name="tape">The step.</param>
/// <param name="mask">Positions that count, all of them; default if the operator has no mask.</param>
internal delegate Tensor Build(Tape tape, Tensor mask);

/// <summary>An operator, forward and backward. Its inputs are parameters, so all of them have gradients.</summary>
/// <param name="name">Its name.</param>
/// <param name="unit">What its rate counts.</param>
/// <param name="ceiling">The rate that its own is compared with.</param>
/// <param name="declare">Declares the inputs and returns the operator.</param>
/// <param name="maskShape">Shape of the mask, if the operator has one.</param>
internal sealed class Operator(string name, Unit unit, Ceiling ceiling, Func<ParameterStore, Build> declare, Shape? maskShape = null) : Subject(name, unit, ceiling)
{
    private static readonly Rule<Tensor> Written = new(static (Tape tape, in Tensor y) => tape.GradientToWrite(y, out _));

    protected override Action Open(int threads)
    {
        var device = Own(new CpuDevice(threads));
        var store = Own(new ParameterStore());
        var forward = declare(store);
        store.Allocate(device, training: true);
        store.Initialize(seed: 1);
        var inputs = Own(maskShape is { } shape ? new StepInputs(device, new StepInput("mask", shape, ElementType.Int32)) : new StepInputs(device));
        inputs.Upload(new StepScalars());
        if (maskShape is { Count: var count })
            inputs.Upload<int>("mask", Enumerable.Repeat(1, (int)count).ToArray());
        // The result of the step is the gradient of y, which no operator writes.
        var step = Own(new Step<Tensor>(device, new StepMode(Training: true, Seed: 1), inputs, tape =>
        {
            var y = forward(tape, maskShape is null ? default : inputs["mask"]);
            tape.RecordLoss(Written, y);
            tape.RunBackward();
            return tape.GradientOf(y);
        }));
        Values.Fill(device, step.Result);
        Amount = Unit == Unit.Flops ? step.Cost.Flops : step.Cost.MovedBytes;
        return step.Run;
    }
}

/// <summary>An update of Adam.</summary>
/// <param name="count">Number of parameters.</param>
internal sealed unsafe class AdamUpdate(int count) : Subject($"adam, {count >> 20} Mi parameters", Unit.MovedBytes, Ceiling.Memory)
{
    protected override Action Open(int threads)
    {
        var device = Own(new CpuDevice(threads));
        var store = Own(new ParameterStore());
        store.Add(0, "weights", new Shape(count), Initializers.Ones);
        store.Allocate(device, training: true);
        store.Initialize(seed: 1);
        Values.Fill(device, store.Gradients);
        var adam = Own(new Adam(device, store));
        var inputs = Own(new StepInputs(device));
        var scalars = new StepScalars();
        adam.WriteRates(ref scalars, step: 0, [1e-5]);
        inputs.Upload(scalars);
        using var counting = new CountingStream();
        adam.Update(counting, inputs.Scalars);
        Amount = counting.Total.MovedBytes;
        return () => adam.Update(device.Stream, inputs.Scalars);
    }
}
