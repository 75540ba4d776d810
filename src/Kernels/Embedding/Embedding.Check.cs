using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Embedding;

/// <summary>
/// Checks of embeddings: repeated ids, ids at the ends of blocks, unused rows, with and without positions.
/// </summary>
public static unsafe class EmbeddingChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(EmbeddingKernels.Forward, precision => Sizes.Select(size => ForwardCase(size, precision))),
        .. KernelCheck.OfPair(EmbeddingKernels.Backward, precision => BackwardCases(precision)),
    ];

    private static IEnumerable<Size> Sizes =>
        [new(1, 1, 1, 1, 1, 0), new(3, 5, 7, 11, 6, 0), new(2, 9, 70, 129, 9, 1), new(4, 16, 130, 64, 20, 0), new(1, 5, 128, 192, 6, 0)];

    private static string? Repeats(Size s) => s.Ids().Distinct().Count() < s.B * s.T ? "repeated tokens share a row of the table" : null;

    private static CheckCase ForwardCase(Size s, ElementType precision)
    {
        var builder = new CheckBuilder(seed: 21, precision);
        var ids = builder.Integers("ids", s.Ids());
        var word = builder.ValueInput("word", (long)s.V * s.C);
        var position = s.Add == 0 ? builder.ValueInput("table", (long)s.Rows * s.C) : null; // one case without positions
        var type = builder.ValueInput("type", 2L * s.C);
        var y = builder.ValueOutput("y", (long)s.B * s.T * s.C);
        return builder.Build($"{s}", launcher => launcher.Run(EmbeddingKernels.Forward[precision], new EmbeddingForwardArgs
        {
            Ids = ids.Ints, Word = word.Values, Position = position is null ? null : position.Values, TokenType = type.Values, Y = y.Values,
            B = s.B, T = s.T, C = s.C,
        }), new ForwardReference(s), factor: 2) with
        { OtherBytes = Repeats(s) };
    }

    // Every size with all tables, and each table alone.
    private static IEnumerable<CheckCase> BackwardCases(ElementType precision) =>
    [
        .. Sizes.Select(size => BackwardCase(size, Tables.All, precision)),
        .. new[] { Tables.Words, Tables.Positions, Tables.Types }.Select((tables, i) => BackwardCase(Sizes.ElementAt(1 + i), tables, precision)),
    ];

    private static CheckCase BackwardCase(Size s, Tables tables, ElementType precision)
    {
        const int TokenTypes = 2;
        var builder = new CheckBuilder(seed: 22, precision);
        int[] ids = s.Ids();
        int[] sorted = [.. Enumerable.Range(0, ids.Length).OrderBy(i => ids[i])];
        int[] tokens = [.. ids.Distinct().Order()];
        int[] starts = [.. tokens.Select(token => Array.FindIndex(sorted, i => ids[i] == token)), ids.Length];
        var dY = builder.ValueInput("dY", (long)ids.Length * s.C);
        builder.Integers("ids", ids); // for the reference
        var positions = builder.Integers("sorted", sorted);
        var segmentTokens = builder.Integers("tokens", tokens);
        var segmentStarts = builder.Integers("starts", starts);
        var count = builder.Integers("count", [tokens.Length]);
        var dWord = Table(Tables.Words, "dWord", s.V);
        var dPosition = Table(Tables.Positions, "dPosition", s.Rows);
        var dType = Table(Tables.Types, "dType", TokenTypes);
        return builder.Build($"{s}, {tables}", launcher => launcher.Run(EmbeddingKernels.Backward[precision], new EmbeddingBackwardArgs
        {
            dY = dY.Values, SortedPositions = positions.Ints, SegmentTokens = segmentTokens.Ints, SegmentStarts = segmentStarts.Ints, SegmentCount = count.Ints,
            dWord = dWord is null ? null : dWord.Floats, dPosition = dPosition is null ? null : dPosition.Floats, dTokenType = dType is null ? null : dType.Floats,
            B = s.B, T = s.T, C = s.C, Words = s.V, Positions = s.Rows, TokenTypes = TokenTypes, AddToWord = s.Add, AddToPosition = s.Add, AddToTokenType = s.Add,
        }), new BackwardReference(s, tables), factor: 3) with
        { OtherBytes = tables.HasFlag(Tables.Words) ? Repeats(s) : null };

        CheckBuffer? Table(Tables table, string name, int rows) => tables.HasFlag(table) ? builder.Gradient(name, (long)rows * s.C, s.Add) : null;
    }

    [Flags]
    private enum Tables
    {
        Words = 1, Positions = 2, Types = 4, All = Words | Positions | Types,
    }

    private sealed record Size(int B, int T, int C, int V, int Rows, int Add)
    {
        // Some ids repeat. The first and the last row of the table are used.
        public int[] Ids() => [.. Enumerable.Range(0, B * T).Select(i => i == 0 ? V - 1 : i * i * 7 % Math.Max(1, V / 2))];
    }

    private sealed record ForwardReference(Size Size) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            var y = values["y"];
            for (int i = 0; i < y.Length; i++)
            {
                int row = i / Size.C, c = i % Size.C;
                y[i] = values["word"][values.Ints("ids")[row] * Size.C + c];
                if (Size.Add == 0)
                    y[i] = values.Stored(y[i] + values["table"][row % Size.T * Size.C + c]);
                y[i] += values["type"][c];
            }
        }
    }

    private sealed record BackwardReference(Size Size, Tables Tables) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            int[] ids = values.Ints("ids");
            if (Tables.HasFlag(Tables.Words))
                Add(values, "dWord", row => ids[row]);
            if (Tables.HasFlag(Tables.Positions))
                Add(values, "dPosition", row => row % Size.T);
            if (Tables.HasFlag(Tables.Types))
                Add(values, "dType", static _ => 0);
        }

        private void Add<T>(CheckValues<T> values, string name, Func<int, int> rowOf) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] table = values[name], dY = values["dY"];
            if (Size.Add == 0)
                Array.Clear(table);
            for (int i = 0; i < dY.Length; i++)
                table[rowOf(i / Size.C) * Size.C + i % Size.C] += dY[i];
        }
    }
}
