using System.Numerics;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Embedding;

/// <summary>Checks of embeddings: repeated ids, ids at block ends, unused rows, with and without positions.</summary>
public static unsafe class EmbeddingChecks
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelCheck> All { get; } =
    [
        .. KernelCheck.OfPair(EmbeddingKernels.Forward, precision => Sizes.Select(size => ForwardCase(size, precision))),
        .. KernelCheck.OfPair(EmbeddingKernels.WordBackward, precision => Sizes.Select(size => WordCase(size, precision))),
        .. KernelCheck.OfPair(EmbeddingKernels.PositionBackward, precision => Sizes.Select(size => TableCase(size, precision, EmbeddingKernels.PositionBackward, types: false))),
        .. KernelCheck.OfPair(EmbeddingKernels.TypeBackward, precision => Sizes.Select(size => TableCase(size, precision, EmbeddingKernels.TypeBackward, types: true))),
    ];

    private static IEnumerable<Size> Sizes =>
        [new(1, 1, 1, 1, 1, 0), new(3, 5, 7, 11, 6, 0), new(2, 9, 70, 129, 9, 1), new(4, 16, 130, 64, 20, 0), new(1, 5, 128, 192, 6, 0)];

    private static string? Repeats(Size s) => s.Ids().Distinct().Count() < s.B * s.T ? "tokens that repeat share a row of the table" : null;

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

    private static CheckCase WordCase(Size s, ElementType precision)
    {
        var builder = new CheckBuilder(seed: 22, precision);
        int[] ids = s.Ids();
        int[] sorted = [.. Enumerable.Range(0, ids.Length).OrderBy(i => ids[i])];
        int[] tokens = [.. ids.Distinct().Order()];
        int[] starts = [.. tokens.Select(token => Array.FindIndex(sorted, i => ids[i] == token)), ids.Length];
        var dY = builder.ValueInput("dY", (long)ids.Length * s.C);
        var unused = builder.Integers("ids", ids);
        var positions = builder.Integers("sorted", sorted);
        var segmentTokens = builder.Integers("tokens", tokens);
        var segmentStarts = builder.Integers("starts", starts);
        var count = builder.Integers("count", [tokens.Length]);
        var dWord = s.Add != 0 ? builder.InOut("dTable", (long)s.V * s.C) : builder.Output("dTable", (long)s.V * s.C);
        return builder.Build($"{s}", launcher => launcher.Run(EmbeddingKernels.WordBackward[precision], new EmbeddingWordBackwardArgs
        {
            dY = dY.Values, SortedPositions = positions.Ints, SegmentTokens = segmentTokens.Ints, SegmentStarts = segmentStarts.Ints,
            SegmentCount = count.Ints, dWord = dWord.Floats, V = s.V, C = s.C, Tokens = ids.Length, Add = s.Add,
        }), new TableReference(s, (ids, row) => ids[row]), factor: 3) with
        {
            SpareBlocks = s.Add != 0 ? "blocks of rows that no token has add nothing" : null,
            OtherBytes = Repeats(s),
        };
    }

    private static CheckCase TableCase(Size s, ElementType precision, KernelPair<EmbeddingTableBackwardArgs> kernels, bool types)
    {
        var builder = new CheckBuilder(seed: 23, precision);
        int rows = types ? 2 : s.Rows;
        var ids = builder.Integers("ids", s.Ids());
        var dY = builder.ValueInput("dY", (long)s.B * s.T * s.C);
        var dTable = s.Add != 0 ? builder.InOut("dTable", (long)rows * s.C) : builder.Output("dTable", (long)rows * s.C);
        return builder.Build($"{s}", launcher => launcher.Run(kernels[precision], new EmbeddingTableBackwardArgs
        {
            dY = dY.Values, dTable = dTable.Floats, B = s.B, T = s.T, C = s.C, Rows = rows, Add = s.Add,
        }), new TableReference(s, (_, row) => types ? 0 : row % s.T), factor: 3);
    }

    private sealed record Size(int B, int T, int C, int V, int Rows, int Add)
    {
        // Repeats some ids, and takes the first and the last row of the table.
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

    private sealed record TableReference(Size Size, Func<int[], int, int> RowOf) : ICheckReference
    {
        public void Compute<T>(CheckValues<T> values) where T : struct, IBinaryFloatingPointIeee754<T>
        {
            T[] dTable = values["dTable"], dY = values["dY"];
            if (Size.Add == 0)
                Array.Clear(dTable);
            for (int i = 0; i < dY.Length; i++)
                dTable[RowOf(values.Ints("ids"), i / Size.C) * Size.C + i % Size.C] += dY[i];
        }
    }
}
