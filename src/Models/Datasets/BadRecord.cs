using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>One record that cannot be used, or one file that cannot be read at all.</summary>
/// <param name="File">Path of the file, as it was given.</param>
/// <param name="Record">
/// Number of the record in its file, from 0, bad records included; null for the whole file.
/// </param>
/// <param name="Offset">Position of the record in bytes from the start of the file; null for the whole file.</param>
/// <param name="Id">The video's id; null if it could not be read.</param>
/// <param name="Reason">The problem.</param>
public sealed record BadRecord(string File, long? Record, long? Offset, string? Id, string Reason)
{
    /// <summary>The most bad records that are listed. Each takes some hundred bytes.</summary>
    public const int Most = 1_000_000;

    /// <summary>
    /// The description as one line: <c>FILE: record 12 (id 345): frame 3 has 3070 bytes, expected 3072</c>.
    /// </summary>
    public override string ToString() =>
        Record is null ? $"{File}: {Reason}"
        : Id is null ? $"{File}: record {Record} (at byte {Offset}): {Reason}"
        : $"{File}: record {Record} (id {Printable.OneLine(Id)}): {Reason}";

    /// <summary>Adds a record to a list.</summary>
    /// <exception cref="DataException">The list has <see cref="Most"/> records.</exception>
    internal static void Add(List<BadRecord> list, BadRecord bad)
    {
        if (list.Count == Most)
            throw new DataException($"{bad.File}: has more than {Most} bad records; the last one is {bad}");
        list.Add(bad);
    }
}
