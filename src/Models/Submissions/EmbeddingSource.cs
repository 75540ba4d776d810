using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Embeddings in a file, for reading some rows at a time, by several threads. The rows of a <c>.npy</c> file stay on
/// the disk. Other files are read whole when they are opened.
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
    /// <exception cref="DataException">
    /// The file cannot be read or is invalid; the message names file and id.
    /// </exception>
    public static EmbeddingSource Open(string path) => SubmissionFile.IsNumpy(path) ? OfNumpy.Open(path) : new OfTable(SubmissionFile.Read(path));

    /// <summary>
    /// Opens a file for its vectors only. The rows of a <c>.npy</c> file without a file of ids have their numbers as
    /// ids, from 0.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="hasIds">Whether the ids are those of the file.</param>
    /// <inheritdoc cref="Open"/>
    public static EmbeddingSource OpenVectors(string path, out bool hasIds)
    {
        hasIds = !SubmissionFile.IsNumpy(path) || File.Exists(NumpyEmbeddings.IdsPath(path));
        return hasIds ? Open(path) : OfNumpy.Open(path, needsIds: false);
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

    private sealed class OfNumpy : EmbeddingSource
    {
        private readonly StoredRows _rows;

        private OfNumpy(string path, StoredRows rows, int width, List<string> ids) : base(path, width, ids, origin: null) => _rows = rows;

        public static OfNumpy Open(string path, bool needsIds = true)
        {
            FileFailure.RefuseSpecial(path);
            FileStream? stream = null;
            try
            {
                stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
                var (header, ids) = NumpyEmbeddings.ReadHeaderAndIds(stream, new EmbeddingMemory(path, stream.Length), path, needsIds);
                EmbeddingTableBuilder.RequireIds(path, ids);
                return new OfNumpy(path, new StoredRows(path, stream, header.Width, header.Type), header.Width, ids);
            }
            catch (Exception failure)
            {
                stream?.Dispose();
                if (FileFailure.Is(failure))
                    throw FileFailure.Reading(path, failure);
                throw;
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
