using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Embedding;

namespace VideoSim.Engine.Operators;

/// <summary>Token ids and where each id occurs; all Int32. Whoever fills them has checked that ids lie within the table.</summary>
/// <param name="Ids">[B, T]</param>
/// <param name="SortedPositions">Positions b*T + t, stably sorted by id [B*T].</param>
/// <param name="SegmentTokens">The distinct ids, ascending [B*T].</param>
/// <param name="SegmentStarts">Where each id's run begins in the sorted positions, and the end of the last [B*T + 1].</param>
/// <param name="SegmentCount">Number of distinct ids [1].</param>
public readonly record struct TokenBatch(Tensor Ids, Tensor SortedPositions, Tensor SegmentTokens, Tensor SegmentStarts, Tensor SegmentCount);

/// <summary>y[b, t] = word[id[b, t]] + position[t] + type[0].</summary>
public static unsafe class Embedding
{
    private readonly record struct State(TokenBatch Tokens, Tensor Word, Tensor Position, Tensor TokenType, Tensor Y);

    private static readonly Rule<State> BackwardRule = new(Backward);

    /// <summary>Looks tokens up.</summary>
    /// <param name="tape">The step.</param>
    /// <param name="tokens">Ids [B, T].</param>
    /// <param name="word">Table [V, C]; the others and the result have its type.</param>
    /// <param name="position">Table [at least T, C], or default for none.</param>
    /// <param name="tokenType">Table [types, C]; row 0 is added everywhere.</param>
    /// <returns>[B, T, C]</returns>
    public static Tensor Forward(Tape tape, in TokenBatch tokens, in Tensor word, in Tensor position, in Tensor tokenType)
    {
        int b = tokens.Ids.Shape[0], t = tokens.Ids.Shape[1], c = word.Shape.Width;
        if (tokenType.Shape.Width != c || tokenType.Type != word.Type || (position.Exists && (position.Shape.Width != c || position.Shape[0] < t)))
            throw new ArgumentException($"embedding tables {word.Shape}, {position.Shape} and {tokenType.Shape} do not fit {t} positions");
        var y = tape.Result(new Shape(b, t, c), word.Node >= 0 || position.Node >= 0 || tokenType.Node >= 0, word.Type);
        tape.Stream.Run(EmbeddingKernels.Forward[word.Precision], new EmbeddingForwardArgs
        {
            Ids = tokens.Ids.Ints, Word = word.Values, Position = position.ValuesOrNull, TokenType = tokenType.Values, Y = y.Values, B = b, T = t, C = c,
        });
        tape.Record(BackwardRule, new State(tokens, word, position, tokenType, y), y);
        return y;
    }

    private static void Backward(Tape tape, in State s)
    {
        var dY = tape.GradientOf(s.Y);
        var shape = s.Y.Shape;
        var dWord = tape.GradientToWrite(s.Word, out int add);
        if (dWord.Exists)
        {
            tape.Stream.Run(EmbeddingKernels.WordBackward[dY.Precision], new EmbeddingWordBackwardArgs
            {
                dY = dY.Values, SortedPositions = s.Tokens.SortedPositions.Ints, SegmentTokens = s.Tokens.SegmentTokens.Ints,
                SegmentStarts = s.Tokens.SegmentStarts.Ints, SegmentCount = s.Tokens.SegmentCount.Ints, dWord = dWord.Floats,
                V = s.Word.Shape[0], C = shape[2], Tokens = shape.Rows, Add = add,
            });
        }
        var table = new EmbeddingTableBackwardArgs { dY = dY.Values, B = shape[0], T = shape[1], C = shape[2] };
        if (s.Position.Exists && tape.GradientToWrite(s.Position, out add) is { Exists: true } dPosition)
            tape.Stream.Run(EmbeddingKernels.PositionBackward[dY.Precision], table with { dTable = dPosition.Floats, Rows = s.Position.Shape[0], Add = add });
        if (tape.GradientToWrite(s.TokenType, out add) is { Exists: true } dType)
            tape.Stream.Run(EmbeddingKernels.TypeBackward[dY.Precision], table with { dTable = dType.Floats, Rows = s.TokenType.Shape[0], Add = add });
    }
}
