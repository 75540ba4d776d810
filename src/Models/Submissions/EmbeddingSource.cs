using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Embeddings in a file, for reading some rows at a time, by several threads. The rows of a <c>.npy</c> file, and of a
/// <c>.npz</c> file that is not compressed, stay on the disk. Other files are read whole when they are opened.
/// </summary>
public abstract class EmbeddingSource : IDisposable
{
    private protected EmbeddingSource(string path, int width, IReadOnlyList<string> ids, EmbeddingOrigin? origin) => (Source, Width, Ids, Origin) = (path, width, ids, origin);

    /// <summary>Path of the file.</summary>
    public string Source { get; }

    /// <summary>Values per embedding.</summary>
    public int Width { get; }

    /// <summary>What computed the embeddings; null if it is not known.</summary>
    public EmbeddingOrigin? Origin { get; }

    /// <summary>The ids of the rows, in order, each once.</summary>
    public IReadOnlyList<string> Ids { get; }

    /// <summary>Opens a file that <see cref="SubmissionFile"/> reads, with the same checks.</summary>
    /// <param name="path">The file.</param>
    /// <param name="parquet">Reads Parquet files; null in a program without the assembly for them.</param>
    /// <exception cref="DataException">
    /// The file cannot be read or is invalid; the message names file and id.
    /// </exception>
    public static EmbeddingSource Open(string path, IParquetEmbeddings? parquet = null) => SubmissionFile.KindOf(path) switch
    {
        ".npy" => OfRows.OpenNpy(path),
        ".npz" when OfRows.OpenNpz(path) is { } stored => stored,
        _ => new OfTable(SubmissionFile.Read(path, parquet)),
    };

    /// <summary>
    /// Opens a file for its vectors only. The rows of a <c>.npy</c> file without a file of ids have their numbers as
    /// ids, from 0.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="parquet">Reads Parquet files; null in a program without the assembly for them.</param>
    /// <param name="hasIds">Whether the ids are those of the file.</param>
    /// <inheritdoc cref="Open"/>
    public static EmbeddingSource OpenVectors(string path, IParquetEmbeddings? parquet, out bool hasIds)
    {
        hasIds = SubmissionFile.KindOf(path) != ".npy" || File.Exists(NumpyEmbeddings.IdsPath(path));
        return hasIds ? Open(path, parquet) : OfRows.OpenNpy(path, needsIds: false);
    }

    /// <summary>Reads rows; any number of threads may call it at the same time.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="rows">Receives a whole number of rows, all finite [rows, Width].</param>
    /// <exception cref="DataException">A value is not a finite float32, or the file cannot be read.</exception>
    public abstract void Read(int first, Span<double> rows);

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    private sealed class OfTable(EmbeddingTable table) : EmbeddingSource(table.Source, table.Width, table.Ids, table.Origin)
    {
        public override void Read(int first, Span<double> rows)
        {
            for (int row = 0; row < rows.Length / Width; row++)
                table[first + row].CopyTo(rows[(row * Width)..]);
        }
    }

    // Rows that stay on the disk.
    private sealed class OfRows : EmbeddingSource
    {
        private readonly StoredRows _rows;

        private OfRows(string path, StoredRows rows, int width, List<string> ids, EmbeddingOrigin? origin) : base(path, width, ids, origin) => _rows = rows;

        public static OfRows OpenNpy(string path, bool needsIds = true) => Open(path, stream =>
        {
            var (header, ids) = NumpyEmbeddings.ReadHeaderAndIds(stream, new EmbeddingMemory(path, stream.Length), path, needsIds);
            return (header, ids, null);
        })!;

        // Null if the file is compressed.
        public static OfRows? OpenNpz(string path) => Open(path, stream => NpzEmbeddings.FindStored(stream, new EmbeddingMemory(path, stream.Length), path));

        private static OfRows? Open(string path, Func<FileStream, (NumpyMatrix Header, List<string> Ids, EmbeddingOrigin? Origin)?> read)
        {
            FileFailure.RefuseSpecial(path);
            FileStream? stream = null;
            OfRows? rows = null;
            try
            {
                stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
                if (read(stream) is not var (header, ids, origin))
                    return null;
                EmbeddingTableBuilder.RequireIds(path, ids);
                return rows = new OfRows(path, new StoredRows(path, stream, header.Width, header.Type), header.Width, ids, origin);
            }
            catch (Exception failure) when (FileFailure.Is(failure))
            {
                throw FileFailure.Reading(path, failure);
            }
            finally
            {
                if (rows is null)
                    stream?.Dispose();
            }
        }

        public override void Read(int first, Span<double> rows)
        {
            _rows.Read(first, rows);
            for (int start = 0; start < rows.Length; start += Width)
                EmbeddingTableBuilder.RequireFinite(Source, Ids[first + (start / Width)], rows.Slice(start, Width));
        }

        public override void Dispose()
        {
            _rows.Dispose();
            base.Dispose();
        }
    }
}
