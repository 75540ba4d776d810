using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Import;

/// <summary>The choices of an import.</summary>
public sealed record ImportOptions
{
    /// <summary>The table of videos: .jsonl, .ndjson, .csv, .tsv or .parquet.</summary>
    public required string Table { get; init; }

    /// <summary>Folder of the result; new or empty.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary>Folder that paths of frames begin at; null for the folder of the table.</summary>
    public string? Frames { get; init; }

    /// <summary>Labelled pairs: id, id, similarity, with tabs between them; null for none.</summary>
    public string? Pairs { get; init; }

    /// <summary>A vocab.txt to copy into the result; null for none.</summary>
    public string? Vocabulary { get; init; }

    /// <summary>Leaves bad rows out instead of writing nothing.</summary>
    public bool SkipBadRows { get; init; }

    /// <summary>Key of the choice of test pairs.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>Number of threads; the result does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>The part of the rows to import, for <see cref="JoinsShards"/>; null for all rows.</summary>
    public Shard? Shard { get; init; }

    /// <summary>Joins what imports of all shards have left, instead of reading frames.</summary>
    public bool JoinsShards { get; init; }

    /// <summary>Opens a Parquet file; null in a program without a reader for Parquet.</summary>
    public Func<string, IVideoTable>? OpenParquet { get; init; }

    /// <summary>Version of the program; all shards of a result have the same.</summary>
    internal string Version { get; init; } = Surroundings.Version;

    /// <summary>Number of bad rows that are listed; the others are counted.</summary>
    internal int MostBadRows { get; init; } = 100_000;

    /// <summary>Bytes between two saves of the state.</summary>
    internal long SaveEvery { get; init; } = 1 << 27;
}

/// <summary>One part of the imported data.</summary>
/// <param name="Part">Its name: pretrain, pairs, test_a or test_b.</param>
/// <param name="Videos">Number of its videos.</param>
/// <param name="Pairs">Number of its labelled pairs.</param>
public sealed record ImportedPart(string Part, int Videos, int Pairs);

/// <summary>The result of an import. That of a shard counts the videos of its rows, and no pairs.</summary>
/// <param name="Written">Whether the data were written: all rows are good, or bad ones are skipped.</param>
/// <param name="Rows">Number of rows of the table, bad ones included.</param>
/// <param name="FrameWidth">Values of a frame.</param>
/// <param name="Tags">Number of different tags of the training videos.</param>
/// <param name="Parts">What was written.</param>
/// <param name="BadRowCount">Number of bad rows of the table and of the pairs.</param>
/// <param name="BadRows">
/// The bad rows, one line each. After 100,000 the last line tells how many more there are.
/// </param>
public sealed record ImportResult(bool Written, int Rows, int FrameWidth, int Tags, IReadOnlyList<ImportedPart> Parts, int BadRowCount, IReadOnlyList<string> BadRows);
