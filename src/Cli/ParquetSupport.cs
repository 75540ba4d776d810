using VideoSim.Models.Exports;
using VideoSim.Models.Import;
using VideoSim.Models.Submissions;

namespace VideoSim.Cli;

/// <summary>
/// The code for Parquet files, if the program is built with it. All are null in a program built with
/// <c>-p:WithParquet=false</c>.
/// </summary>
internal static class ParquetSupport
{
    /// <summary>Opens a table of videos.</summary>
    public static Func<string, IVideoTable>? Open { get; } =
#if PARQUET
        static path => new Import.Parquet.ParquetTable(path);
#else
        null;
#endif

    /// <summary>Reads embeddings.</summary>
    public static IParquetEmbeddings? Embeddings { get; } =
#if PARQUET
        new Import.Parquet.ParquetEmbeddings();
#else
        null;
#endif

    /// <summary>Writes embeddings.</summary>
    public static EmbeddingWriter? WriteEmbeddings { get; } =
#if PARQUET
        Import.Parquet.ParquetEmbeddingsWriter.Write;
#else
        null;
#endif
}
