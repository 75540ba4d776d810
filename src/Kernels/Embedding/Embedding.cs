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

/// <summary>
/// Arguments of the gradients of the tables. Occurrences of ids are sorted by id, in segments of equal id.
/// </summary>
public unsafe struct EmbeddingBackwardArgs
{
    /// <summary>[B, T, C]</summary>
    public void* dY;

    /// <summary>Rows of <see cref="dY"/> in order of their token ids.</summary>
    public int* SortedPositions;

    /// <summary>Id of each segment, ascending.</summary>
    public int* SegmentTokens;

    /// <summary>First entry of each segment in <see cref="SortedPositions"/>, and the end of the last.</summary>
    public int* SegmentStarts;

    /// <summary>Number of segments.</summary>
    public int* SegmentCount;

    /// <summary>[Words, C], or null.</summary>
    public float* dWord;

    /// <summary>[Positions, C], or null. Rows that no position uses get 0.</summary>
    public float* dPosition;

    /// <summary>[TokenTypes, C], or null. Only row 0 is not 0.</summary>
    public float* dTokenType;

    /// <summary>Sizes of <see cref="dY"/>.</summary>
    public int B, T, C;

    /// <summary>Rows of the tables.</summary>
    public int Words, Positions, TokenTypes;

    /// <summary>1 to add to a gradient.</summary>
    public int AddToWord, AddToPosition, AddToTokenType;
}

/// <summary>
/// y[b, t] = word[id[b, t]] + position[t] + type[0] (docs/reference-system.md, section 3.1). Tables have the type of
/// y, their gradients are fp32. The gradient of the word table is summed segment by segment, in the order of the
/// batch. So it has the same bits on every device.
/// </summary>
public static unsafe partial class EmbeddingKernels
{
    /// <summary>Rows of the word table, or columns of the type table, in one item.</summary>
    public const int Block = 64;

    private const int Threads = 128; // a column each
    private const int TypeWarps = 32; // that add up 32 columns: as many as a block can have

    private static readonly KernelFile File = new("embedding", "Embedding.cu", $"BLOCK={Block}", $"THREADS={Threads}", $"TYPE_WARPS={TypeWarps}");

    /// <summary>Sums the three embeddings. Items: positions of all videos.</summary>
    public static readonly KernelPair<EmbeddingForwardArgs> Forward = new("embedding_forward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in EmbeddingForwardArgs a, in DeviceLimits _) => new(a.B * a.T, Threads),
        CountItems = static (in EmbeddingForwardArgs a) => a.B * a.T,
        Twin = precision == ElementType.Float32 ? ForwardRows : null,
        // The sum of two rows, or of three with positions. A row of the word table is read for each token, rows of the
        // other tables once.
        CountCost = (in EmbeddingForwardArgs a) => new((a.Position != null ? 2.0 : 1) * a.B * a.T * a.C, (double)a.B * a.T * (2.0 * precision.Size() * a.C + sizeof(int))
            + (double)precision.Size() * a.C * ((a.Position != null ? a.T : 0) + 1)),
    });

    /// <summary>
    /// Gradients of the tables that have one. Items: blocks of columns of the type table, then rows of the position
    /// table, then blocks of rows of the word table.
    /// </summary>
    public static readonly KernelPair<EmbeddingBackwardArgs> Backward = new("embedding_backward", static (entry, precision) => new(entry)
    {
        From = File,
        LaunchShape = static (in EmbeddingBackwardArgs a, in DeviceLimits _) =>
        {
            int shares = (PositionItems(a) + WordItems(a)) * ((a.C + Threads - 1) / Threads), ofBlock = 32 * TypeWarps / Threads;
            return new((a.dTokenType != null ? (a.C + 31) / 32 : 0) + (shares + ofBlock - 1) / ofBlock, 32 * TypeWarps);
        },
        CountItems = static (in EmbeddingBackwardArgs a) => TypeItems(a) + PositionItems(a) + WordItems(a),
        Twin = precision == ElementType.Float32 ? BackwardItems : null,
        CountCost = (in EmbeddingBackwardArgs a) =>
        {
            double tokens = (double)a.B * a.T, flops = 0, bytes = precision.Size() * tokens * a.C;
            if (a.dTokenType != null)
                (flops, bytes) = (flops + tokens * a.C, bytes + sizeof(float) * (double)a.TokenTypes * a.C);
            if (a.dPosition != null)
                (flops, bytes) = (flops + tokens * a.C, bytes + sizeof(float) * (1.0 + a.AddToPosition) * a.Positions * a.C);
            // At most as many rows of the table as tokens are changed, and there are as many segments.
            if (a.dWord != null)
                (flops, bytes) = (flops + tokens * a.C, bytes + sizeof(float) * (a.AddToWord == 0 ? a.Words : 2 * Math.Min(tokens, a.Words)) * a.C + sizeof(int) * 3 * tokens);
            return new(flops, bytes);
        },
    });

    private static int TypeItems(in EmbeddingBackwardArgs a) => a.dTokenType != null ? (a.C + Block - 1) / Block : 0;

    private static int PositionItems(in EmbeddingBackwardArgs a) => a.dPosition != null ? a.Positions : 0;

    private static int WordItems(in EmbeddingBackwardArgs a) => a.dWord != null ? (a.Words + Block - 1) / Block : 0;
}
