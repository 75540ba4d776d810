using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Embeddings in a file, for reading some rows at a time, by several threads. The rows of a <c>.npy</c> file stay on
/// the disk. Other files are read whole when they are opened.
/// </summary>
public abstract class EmbeddingSource : IDisposable
{
    private protected EmbeddingSource(string path, int width, IReadOnlyList<string> ids) => (Source, Width, Ids) = (path, width, ids);

    /// <summary>Path of the file.</summary>
    public string Source { get; }

    /// <summary>Values per embedding.</summary>
    public int Width { get; }

    /// <summary>The ids of the rows, in order, each once.</summary>
    public IReadOnlyList<string> Ids { get; }

    /// <summary>Opens a file that <see cref="SubmissionFile"/> reads, with the same checks.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read or is invalid; the message names file and id.
    /// </exception>
    public static EmbeddingSource Open(string path) => SubmissionFile.IsNumpy(path) ? OfNumpy.Open(path) : new OfTable(SubmissionFile.Read(path));

    /// <summary>Reads rows; any number of threads may call it at the same time.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="rows">Receives a whole number of rows, all finite [rows, Width].</param>
    /// <exception cref="DataException">A value is not a finite float32, or the file cannot be read.</exception>
    public abstract void Read(int first, Span<double> rows);

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    private sealed class OfTable(EmbeddingTable table) : EmbeddingSource(table.Source, table.Width, table.Ids)
    {
        public override void Read(int first, Span<double> rows)
        {
            for (int row = 0; row < rows.Length / Width; row++)
                table[first + row].CopyTo(rows[(row * Width)..]);
        }
    }

    private sealed class OfNumpy : EmbeddingSource
    {
        private readonly FileStream _stream;
        private readonly long _start;
        private readonly int _rowBytes;

        private OfNumpy(string path, FileStream stream, int rowBytes, int width, List<string> ids) : base(path, width, ids) =>
            (_stream, _start, _rowBytes) = (stream, stream.Position, rowBytes);

        public static new OfNumpy Open(string path)
        {
            FileFailure.RefuseSpecial(path);
            FileStream? stream = null;
            try
            {
                stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
                var (header, ids) = NumpyEmbeddings.ReadHeaderAndIds(stream, new EmbeddingMemory(path, stream.Length), path);
                EmbeddingTableBuilder.RequireIds(path, ids);
                return new OfNumpy(path, stream, header.RowBytes, header.Width, ids);
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
            byte[] bytes = new byte[rows.Length / Width * _rowBytes];
            try
            {
                for (int read = 0; read < bytes.Length;)
                {
                    int count = RandomAccess.Read(_stream.SafeFileHandle, bytes.AsSpan(read), _start + ((long)first * _rowBytes) + read);
                    read += count > 0 ? count : throw new DataException($"{Source}: the file became shorter while it was read");
                }
            }
            catch (Exception failure) when (FileFailure.Is(failure))
            {
                throw FileFailure.Reading(Source, failure);
            }
            NumpyEmbeddings.Widen(bytes, rows);
            for (int start = 0; start < rows.Length; start += Width)
                EmbeddingTableBuilder.RequireFinite(Source, Ids[first + (start / Width)], rows.Slice(start, Width));
        }

        public override void Dispose()
        {
            _stream.Dispose();
            base.Dispose();
        }
    }
}
