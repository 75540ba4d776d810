using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Embedding;

/// <summary>Arguments of the sum of embeddings.</summary>
public unsafe struct EmbeddingForwardArgs
{
    /// <summary>Token ids [B, T], each below the table's rows.</summary>
    public int* Ids;

    /// <summary>Word table [V, C].</summary>
    public void* Word;

    /// <summary>Position table [at least T, C], or null.</summary>
    public void* Position;

    /// <summary>Token type table; only row 0 is used.</summary>
    public void* TokenType;

    /// <summary>[B, T, C]</summary>
    public void* Y;

    /// <summary>Sizes.</summary>
    public int B, T, C;
}

/// <summary>Arguments of the word table's gradient: occurrences sorted by id, in segments of equal id.</summary>
public unsafe struct EmbeddingWordBackwardArgs
{
    /// <summary>[B*T, C]</summary>
    public void* dY;

    /// <summary>Rows of <see cref="dY"/> in order of their token ids.</summary>
    public int* SortedPositions;

    /// <summary>Id of each segment, ascending.</summary>
    public int* SegmentTokens;

    /// <summary>First entry of each segment in <see cref="SortedPositions"/>, and the end of the last.</summary>
    public int* SegmentStarts;

    /// <summary>Number of segments.</summary>
    public int* SegmentCount;

    /// <summary>[V, C]</summary>
    public float* dWord;

    /// <summary>Sizes: rows of the table, width.</summary>
    public int V, C;

    /// <summary>Rows of <see cref="dY"/>; for the cost only.</summary>
    public int Tokens;

    /// <summary>1 to add to <see cref="dWord"/>.</summary>
    public int Add;
}

/// <summary>Arguments of the gradients of position and token type tables.</summary>
public unsafe struct EmbeddingTableBackwardArgs
{
    /// <summary>[B, T, C]</summary>
    public void* dY;

    /// <summary>[Rows, C]</summary>
    public float* dTable;

    /// <summary>Sizes; <see cref="Rows"/> of the table, those that no position uses get 0.</summary>
    public int B, T, C, Rows;

    /// <summary>1 to add to <see cref="dTable"/>.</summary>
    public int Add;
}

/// <summary>
/// y[b, t] = word[id[b, t]] + position[t] + type[0] (docs/reference-system.md, section 3.1). Tables have the type of
/// y, their gradients are fp32. The word table's gradient is summed segment by segment in the order that the batch
/// gives, so it has the same bits on every device.
/// </summary>
public static unsafe partial class EmbeddingKernels
{
    /// <summary>Table rows, and columns of the type table, that one item looks after.</summary>
    public const int Block = 64;

    private const int Threads = 128; // a column each
    private const int TypeWarps = 32; // of a block that adds up 32 columns: all that a block may have

    private static readonly KernelFile File = new("embedding", "Embedding.cu", $"BLOCK={Block}", $"THREADS={Threads}", $"TYPE_WARPS={TypeWarps}");

    /// <summary>Sums the three embeddings. Items: positions of all videos.</summary>
    public static readonly KernelPair<EmbeddingForwardArgs> Forward = new("embedding_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in EmbeddingForwardArgs a, in DeviceLimits _) => new(a.B * a.T, Threads),
        CountItems = static (in EmbeddingForwardArgs a) => a.B * a.T,
        Twin = precision == ElementType.Float32 ? ForwardRows : null,
        // Two rows are added, or with positions three. A row of the word table for each token, rows of the other tables once.
        CountCost = (in EmbeddingForwardArgs a) => new((a.Position != null ? 2.0 : 1) * a.B * a.T * a.C, (double)a.B * a.T * (2.0 * precision.Size() * a.C + sizeof(int))
            + (double)precision.Size() * a.C * ((a.Position != null ? a.T : 0) + 1)),
    });

    /// <summary>Gradient of the word table. Items: blocks of rows.</summary>
    public static readonly KernelPair<EmbeddingWordBackwardArgs> WordBackward = new("embedding_word_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in EmbeddingWordBackwardArgs a, in DeviceLimits _) => new((a.V + Block - 1) / Block, Threads, GridY: ColumnBlocks(a.C)),
        CountItems = static (in EmbeddingWordBackwardArgs a) => (a.V + Block - 1) / Block,
        Twin = precision == ElementType.Float32 ? WordBackwardRows : null,
        // As many rows of the table as tokens, at most, have something added to them, and there are as many segments.
        CountCost = (in EmbeddingWordBackwardArgs a) => new((double)a.Tokens * a.C,
            (double)a.C * (precision.Size() * (double)a.Tokens + sizeof(float) * (a.Add == 0 ? a.V : 2.0 * Math.Min(a.Tokens, a.V))) + sizeof(int) * 3.0 * a.Tokens),
    });

    /// <summary>Gradient of the position table. Items: its rows.</summary>
    public static readonly KernelPair<EmbeddingTableBackwardArgs> PositionBackward = new("embedding_position_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in EmbeddingTableBackwardArgs a, in DeviceLimits _) => new(a.Rows, Threads, GridY: ColumnBlocks(a.C)),
        CountItems = static (in EmbeddingTableBackwardArgs a) => a.Rows,
        Twin = precision == ElementType.Float32 ? PositionBackwardRows : null,
        CountCost = (in EmbeddingTableBackwardArgs a) => new((double)a.B * a.T * a.C, (double)a.C * (precision.Size() * (double)a.B * a.T + sizeof(float) * (1.0 + a.Add) * a.Rows)),
    });

    /// <summary>Gradient of the token type table, all in row 0. Items: blocks of columns.</summary>
    public static readonly KernelPair<EmbeddingTableBackwardArgs> TypeBackward = new("embedding_type_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in EmbeddingTableBackwardArgs a, in DeviceLimits _) => new((a.C + 31) / 32, 32 * TypeWarps),
        CountItems = static (in EmbeddingTableBackwardArgs a) => (a.C + Block - 1) / Block,
        Twin = precision == ElementType.Float32 ? TypeBackwardColumns : null,
        CountCost = (in EmbeddingTableBackwardArgs a) => new((double)a.B * a.T * a.C, (double)a.C * (precision.Size() * (double)a.B * a.T + sizeof(float) * (double)a.Rows)),
    });

    private static int ColumnBlocks(int width) => (width + Threads - 1) / Threads;
}
