using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.MeanPool;

namespace VideoSim.Engine.Operators;

/// <summary>The mean over the positions of every sequence.</summary>
public static unsafe class MeanPool
{
    private readonly record struct State(Tensor X, Tensor Mask, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>[B, S, C] to [B, C].</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[B, S, C]</param>
    /// <param name="mask">Which positions count, Int32 [B, S], at least one of each sequence; or default for all of them.</param>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor mask = default)
    {
        if (mask.Exists && mask.Shape.Count != x.Shape.Rows)
            throw new ArgumentException($"a mask {mask.Shape} does not fit {x.Shape}");
        var y = tape.Result(new Shape(x.Shape[0], x.Shape[2]), x.Node >= 0);
        tape.Touches("all positions -> mean", Touch.Read(x), Touch.Read(mask), Touch.Write(y));
        tape.Stream.Run(MeanPoolKernels.Forward[x.Type], Arguments(x, mask, y));
        tape.Record(BackwardRule, new State(x, mask, y), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int add);
        tape.Touches("d mean -> gradient of all positions", Touch.Read(tape.GradientOf(s.Y)), Touch.Read(s.Mask), Touch.Write(dX, add));
        tape.Stream.Run(MeanPoolKernels.Backward[dX.Type], Arguments(dX.Reshape(s.X.Shape), s.Mask, tape.GradientOf(s.Y)) with { Add = add });
    }

    private static MeanPoolArgs Arguments(in Tensor x, in Tensor mask, in Tensor y) => new()
    {
        X = x.Values, Y = y.Floats, Mask = mask.Exists ? mask.Ints : null, B = x.Shape[0], S = x.Shape[1], C = x.Shape[2],
    };
}
