using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Losses;
using VideoSim.Kernels.Reduce;

namespace VideoSim.Engine.Operators;

/// <summary>Mean over all elements of (prediction - target)^2.</summary>
public static unsafe class SquaredError
{
    private readonly record struct State(Tensor Predictions, Tensor Targets, Tensor Term);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Compares predictions with targets.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="predictions">Any shape.</param>
    /// <param name="targets">What they should be, fp32, of that shape: constants, which get no gradient.</param>
    /// <returns>The term [1].</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or the targets depend on parameters.</exception>
    public static Tensor Forward(Tape tape, in Tensor predictions, in Tensor targets)
    {
        if (targets.Shape != predictions.Shape || targets.Type != ElementType.Float32)
            throw new ArgumentException($"targets {targets.Shape} {targets.Type} do not fit predictions {predictions.Shape}: they have to be fp32 and of one shape");
        if (targets.Node >= 0)
            throw new ArgumentException("the targets of a squared error are constants, but these depend on parameters");
        long count = predictions.Shape.Count;
        Tensor losses = tape.Scratch(new Shape(SquaredErrorKernels.Chunks(count))), value = tape.Scratch(new Shape(1));
        tape.Touches("predictions, targets -> loss", Touch.Read(predictions), Touch.Read(targets), Touch.Write(value));
        tape.Stream.Run(SquaredErrorKernels.Forward[predictions.Type],
            new SquaredErrorArgs { X = predictions.Values, Targets = targets.Floats, Loss = losses.Floats, Count = count });
        tape.Stream.Run(TotalKernels.Sum, new TotalArgs { X = losses.Floats, Y = value.Floats, Rows = 1, Count = losses.Shape.Width, Scale = 1f / count });
        var term = tape.Term(value, 0);
        tape.RecordLoss(BackwardRule, new State(predictions, targets, term));
        return term;
    }

    private static void Backward(Tape tape, in State s)
    {
        float weight = tape.WeightOf(s.Term);
        if (weight == 0 || s.Predictions.Node < 0)
            return;
        long count = s.Predictions.Shape.Count;
        var gradient = tape.GradientToWrite(s.Predictions, out int add);
        tape.Touches("predictions, targets -> gradient", Touch.Read(s.Predictions), Touch.Read(s.Targets), Touch.Write(gradient, add));
        tape.Stream.Run(SquaredErrorKernels.Backward[s.Predictions.Type], new SquaredErrorGradArgs
        {
            X = s.Predictions.Values, Targets = s.Targets.Floats, dX = gradient.Values, Count = count, Scale = 2 * weight / count, Add = add,
        });
    }
}
