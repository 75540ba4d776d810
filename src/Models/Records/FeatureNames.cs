namespace VideoSim.Models.Records;

/// <summary>
/// The features of a single-video Example (docs/reference-system.md, section 1.2), as the UTF-8 keys of its map.
/// </summary>
internal static class FeatureNames
{
    internal static ReadOnlySpan<byte> Id => "id"u8;

    internal static ReadOnlySpan<byte> Title => "title"u8;

    internal static ReadOnlySpan<byte> AsrText => "asr_text"u8;

    internal static ReadOnlySpan<byte> Frames => "frame_feature"u8;

    internal static ReadOnlySpan<byte> TagIds => "tag_id"u8;

    internal static ReadOnlySpan<byte> CategoryId => "category_id"u8;
}
