namespace VideoSim.Models.Datasets;

/// <summary>One record that cannot be used, or one file that cannot be read at all.</summary>
/// <param name="File">Path of the file, as it was given.</param>
/// <param name="Record">Number of the record in its file, counted from 0 and over bad records too; null for the whole file.</param>
/// <param name="Offset">Where the record begins, in bytes from the start of the file; null for the whole file.</param>
/// <param name="Id">The video's id, where it could be read.</param>
/// <param name="Reason">What is wrong.</param>
public sealed record BadRecord(string File, long? Record, long? Offset, string? Id, string Reason)
{
    /// <summary>All of it as one line: <c>FILE: record 12 (id 345): frame 3 has 3070 bytes, expected 3072</c>.</summary>
    public override string ToString() =>
        Record is null ? $"{File}: {Reason}"
        : Id is null ? $"{File}: record {Record} (at byte {Offset}): {Reason}"
        : $"{File}: record {Record} (id {Id}): {Reason}";
}
