using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Embedding;

namespace VideoSim.Engine.Operators;

/// <summary>y[b, s] = table[index[b, s]] + position[s] + shared[0].</summary>
public static unsafe class Embedding
{
    private readonly record struct State(IndexBatch Batch, Tensor Table, Tensor Position, Tensor Shared, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Looks up rows.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="batch">Indices [B, S].</param>
    /// <param name="table">[V, C]; the other tables and the result have its type.</param>
    /// <param name="position">Table [at least S, C], or default for none.</param>
    /// <param name="shared">Table [rows, C]; its first row is added at every position.</param>
    /// <returns>[B, S, C]</returns>
    public static Tensor Forward(Tape tape, in IndexBatch batch, in Tensor table, in Tensor position, in Tensor shared)
    {
        int b = batch.Indices.Shape[0], s = batch.Indices.Shape[1], c = table.Shape.Width;
        if (shared.Shape.Width != c || shared.Type != table.Type || (position.Exists && (position.Shape.Width != c || position.Shape[0] < s)))
            throw new ArgumentException($"embedding tables {table.Shape}, {position.Shape} and {shared.Shape} do not fit {s} positions");
        var y = tape.Result(new Shape(b, s, c), table.Node >= 0 || position.Node >= 0 || shared.Node >= 0, table.Type);
        tape.Touches("a row of the table for each index -> sum", Touch.Read(batch.Indices), Touch.Read(table, b * s), Touch.Read(position, s), Touch.Read(shared, 1), Touch.Write(y));
        tape.Stream.Run(EmbeddingKernels.Forward[table.Type], new EmbeddingForwardArgs
        {
            Ids = batch.Indices.Ints, Word = table.Values, Position = position.ValuesOrNull, TokenType = shared.Values, Y = y.Values, B = b, T = s, C = c,
        });
        tape.Record(BackwardRule, new State(batch, table, position, shared, y), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dY = tape.GradientOf(s.Y);
        var shape = s.Y.Shape;
        var dTable = tape.GradientToWrite(s.Table, out int addToTable);
        int addToPosition = 0;
        var dPosition = s.Position.Exists ? tape.GradientToWrite(s.Position, out addToPosition) : default;
        var dShared = tape.GradientToWrite(s.Shared, out int addToShared);
        if (!dTable.Exists && !dPosition.Exists && !dShared.Exists)
            return;
        tape.Touches("dY -> gradients of the tables", Touch.Read(dY), Touch.Read(dTable.Exists ? s.Batch.Indices : default), Touch.Scatter(dTable, addToTable, shape.Rows),
            Touch.Write(dPosition, addToPosition), Touch.Write(dShared, addToShared));
        tape.Stream.Run(EmbeddingKernels.Backward[dY.Type], new EmbeddingBackwardArgs
        {
            dY = dY.Values, SortedPositions = s.Batch.SortedPositions.Ints, SegmentTokens = s.Batch.SegmentIndices.Ints,
            SegmentStarts = s.Batch.SegmentStarts.Ints, SegmentCount = s.Batch.SegmentCount.Ints,
            dWord = dTable.FloatsOrNull, dPosition = dPosition.FloatsOrNull, dTokenType = dShared.FloatsOrNull, B = shape[0], T = shape[1], C = shape[2],
            Words = s.Table.Shape[0], Positions = dPosition.Exists ? s.Position.Shape[0] : 0, TokenTypes = s.Shared.Shape[0],
            AddToWord = addToTable, AddToPosition = addToPosition, AddToTokenType = addToShared,
        });
    }
}
