
namespace VideoSim.Models.Records;

/// <summary>
/// One video of a record: views of the payload, valid as long as the payload. Its transcript and category are not
/// read, because no model uses them.
/// </summary>
public readonly ref struct VideoExample
{
    /// <summary>Video id, by the rules of <see cref="Datasets.VideoId"/>.</summary>
    public ReadOnlySpan<byte> Id { get; init; }

    /// <summary>Title: valid UTF-8, possibly empty.</summary>
    public ReadOnlySpan<byte> Title { get; init; }

    /// <summary>The frames, at least one, each frameWidth little-endian fp16 values.</summary>
    public BytesList Frames { get; init; }

    /// <summary>Tag ids; none in a record without the feature.</summary>
    public Int64List TagIds { get; init; }
}
