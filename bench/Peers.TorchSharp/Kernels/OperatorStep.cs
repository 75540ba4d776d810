using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Random;
using VideoSim.Peers.Measuring;

namespace VideoSim.Peers.Kernels;

/// <summary>VideoSim's side of a kernel: forward and backward of one operator, in a step of its own.</summary>
internal static unsafe class OperatorStep
{
    private const int Seed = 1, PaddingShare = 8;

    /// <summary>Builds the step. The operator's input and the gradient of its output are random.</summary>
    /// <param name="threads">Threads of the device.</param>
    /// <param name="store">Parameters of the operator.</param>
    /// <param name="mask">Shape of a mask, as <see cref="MaskOf"/> fills it; one element if there is none.</param>
    /// <param name="apply">The operator: from tape and mask to its input and its output.</param>
    public static Work Of(int threads, ParameterStore store, Shape mask, Func<Tape, Tensor, (Tensor X, Tensor Y)> apply)
    {
        var device = new CpuDevice(threads);
        store.Allocate(device, training: true);
        store.Initialize(Seed);
        var inputs = new StepInputs(device, new StepInput(nameof(mask), mask, ElementType.Int32));
        inputs.Upload(new StepScalars { Step = 1 });
        inputs.Upload<int>(nameof(mask), MaskOf(mask));
        var step = new Step<(Tensor X, Tensor Upstream)>(device, new StepMode(Training: true), inputs, tape =>
        {
            var (x, y) = apply(tape, inputs[nameof(mask)]);
            var upstream = tape.GradientToWrite(y, out _);
            tape.RunBackward();
            return (x, upstream);
        });
        Fill(step.Result.X);
        Fill(step.Result.Upstream);
        return new Work(step.Run, store.Count);
    }

    /// <summary>1 everywhere but in the last eighth of each row.</summary>
    public static int[] MaskOf(Shape shape)
    {
        int width = shape.Width;
        return [.. Enumerable.Range(0, (int)shape.Count).Select(at => at % width < width - width / PaddingShare ? 1 : 0)];
    }

    /// <summary>Fills a tensor with values from -1 to 1.</summary>
    public static void Fill(in Tensor tensor)
    {
        var random = new Random(Seed);
        for (long i = 0; i < tensor.Shape.Count; i++)
            tensor.Floats[i] = 2 * random.NextSingle() - 1;
    }
}
