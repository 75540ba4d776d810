using System.Text.Unicode;

namespace VideoSim.Models.Datasets;

/// <summary>The rules of a video's id: 1 to 255 bytes of UTF-8, without tab, line break and NUL.</summary>
public static class VideoId
{
    /// <summary>Size of the longest id.</summary>
    public const int MostBytes = 255;

    /// <summary>The rule that an id breaks, as the end of a message; null for a valid id.</summary>
    public static string? Problem(ReadOnlySpan<byte> id) =>
        id.IsEmpty ? "the id is empty"
        : id.Length > MostBytes ? $"the id has {id.Length} bytes; at most {MostBytes} are allowed"
        : id.ContainsAny("\t\r\n\0"u8) ? "the id has a tab, a line break or a NUL"
        : Utf8.IsValid(id) ? null
        : "the id is not valid UTF-8";
}
