namespace VideoSim.Engine.Serialization;

/// <summary>The largest size of a kind of file that is read whole. A larger one would only fill the memory.</summary>
/// <param name="Kind">The kind, for the message.</param>
/// <param name="Megabytes">The largest size; a megabyte is 1,000,000 bytes.</param>
public sealed record FileLimit(string Kind, int Megabytes)
{
    /// <summary>For files of a few keys or lines.</summary>
    public static readonly FileLimit Small = new("a file of this kind", 64);

    /// <summary>The largest size in bytes.</summary>
    public int Bytes => Megabytes * 1_000_000;

    /// <summary>What a message says of a larger file.</summary>
    public string Refusal => $"has more than {Megabytes} MB, the limit of {Kind}";
}
