namespace VideoSim.Models.Datasets;

/// <summary>One video of a dataset: views of the reader's memory, valid until its next read.</summary>
public readonly ref struct Video
{
    /// <summary>Video id, never empty.</summary>
    public required ReadOnlySpan<byte> Id { get; init; }

    /// <summary>Title: valid UTF-8, possibly empty.</summary>
    public required ReadOnlySpan<byte> Title { get; init; }

    /// <summary>Tag ids, possibly none.</summary>
    public required ReadOnlySpan<long> TagIds { get; init; }

    /// <summary>The frames, at least one.</summary>
    public required VideoFrames Frames { get; init; }
}

/// <summary>The frames of a video in memory. They need not be adjacent.</summary>
/// <param name="bytes">Memory with all frames.</param>
/// <param name="starts">Position of each frame in this memory.</param>
/// <param name="frameWidth">Values of a frame.</param>
public readonly ref struct VideoFrames(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> starts, int frameWidth)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly ReadOnlySpan<int> _starts = starts;
    private readonly int _frameBytes = frameWidth * sizeof(ushort);

    /// <summary>Number of frames.</summary>
    public int Count => _starts.Length;

    /// <summary>One frame: little-endian fp16 values [frameWidth].</summary>
    public ReadOnlySpan<byte> this[int frame] => _bytes.Slice(_starts[frame], _frameBytes);
}
