using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.GatherRows;

namespace VideoSim.Engine.Operators;

/// <summary>Some positions of a batch of sequences, one after the other.</summary>
public static unsafe class GatherRows
{
    private readonly record struct State(Tensor X, Tensor Positions, Tensor Y, int Counted);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Gathers.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="x">[B, S, C]</param>
    /// <param name="positions">Ascending numbers b*counted + t, Int32 [rows]; from B*counted on they stand for a row of zeros.</param>
    /// <param name="counted">How many of the first positions of a sequence the numbers count: the text's in a joint sequence.</param>
    /// <returns>[rows, C]</returns>
    public static Tensor Forward(Tape tape, in Tensor x, in Tensor positions, int counted)
    {
        if (x.Shape.Rank != 3 || counted <= 0 || counted > x.Shape[1])
            throw new ArgumentException($"the first {counted} positions of {x.Shape} cannot be gathered from");
        var y = tape.Result(new Shape((int)positions.Shape.Count, x.Shape.Width), x.Node >= 0, x.Type);
        tape.Touches("a row for each number -> rows", Touch.Read(x, positions.Shape.Width), Touch.Read(positions), Touch.Write(y));
        tape.Stream.Run(GatherRowsKernels.Forward[x.Type], Arguments(x, positions, y, counted));
        tape.Record(BackwardRule, new State(x, positions, y, counted), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dX = tape.GradientToWrite(s.X, out int add);
        var dY = tape.GradientOf(s.Y);
        tape.Touches("d rows -> gradient of all positions", Touch.Read(dY), Touch.Read(s.Positions), Touch.Scatter(dX, add, dY.Shape.Rows));
        tape.Stream.Run(GatherRowsKernels.Backward[dX.Type], Arguments(dX.Reshape(s.X.Shape), s.Positions, dY, s.Counted) with { Add = add });
    }

    private static GatherRowsArgs Arguments(in Tensor x, in Tensor positions, in Tensor y, int counted) => new()
    {
        X = x.Values, Y = y.Values, Positions = positions.Ints, B = x.Shape[0], S = x.Shape[1], C = x.Shape[2], T = counted, Rows = y.Shape[0],
    };
}
