using VideoSim.Models.Import;

namespace VideoSim.Cli;

/// <summary>The reader of Parquet files, if the program is built with it.</summary>
internal static class ParquetSupport
{
    /// <summary>Opens a table of videos; null in a program built with <c>-p:WithParquet=false</c>.</summary>
    public static Func<string, IVideoTable>? Open { get; } =
#if PARQUET
        static path => new Import.Parquet.ParquetTable(path);
#else
        null;
#endif
}
