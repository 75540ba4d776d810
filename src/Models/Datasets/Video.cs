namespace VideoSim.Models.Datasets;

/// <summary>One video as its dataset holds it: views of the reader's memory, valid until its next read.</summary>
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

/// <summary>The frames of a video where they lie in memory, not necessarily side by side.</summary>
/// <param name="bytes">Memory that holds all of them.</param>
/// <param name="starts">Where each frame begins in it.</param>
/// <param name="frameWidth">Values of a frame.</param>
public readonly ref struct VideoFrames(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> starts, int frameWidth)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly ReadOnlySpan<int> _starts = starts;
    private readonly int _frameBytes = frameWidth * sizeof(ushort);

    /// <summary>How many frames there are.</summary>
    public int Count => _starts.Length;

    /// <summary>One frame: little-endian fp16 values [frameWidth].</summary>
    public ReadOnlySpan<byte> this[int frame] => _bytes.Slice(_starts[frame], _frameBytes);
}
