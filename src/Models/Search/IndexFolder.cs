using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;

namespace VideoSim.Models.Search;

/// <summary>
/// The folder of an index (docs/adr/0035-indexes.md): vectors, ids and titles of videos, and for an approximate index
/// a graph of the vectors (docs/adr/0036-approximate-indexes.md).
/// </summary>
public sealed class IndexFolder : IDisposable
{
    private const int RowsAtATime = 256;

    private static readonly FileLimit TitleLimit = new("the titles of an index", 2000);

    private readonly StoredRows _rows;
    private readonly byte[]? _titles;
    private readonly int[] _titleStarts = []; // of the lines, and the end

    private IndexFolder(string path, IndexManifest manifest, IReadOnlyList<string> ids, StoredRows rows, byte[]? titles, INeighborGraph? graph)
    {
        (FolderPath, Manifest, Ids, _rows, _titles, Graph) = (path, manifest, ids, rows, titles, graph);
        if (titles is not null)
            _titleStarts = LineStarts(titles, ids.Count);
    }

    /// <summary>Path of the folder.</summary>
    public string FolderPath { get; }

    /// <summary>What the folder has.</summary>
    public IndexManifest Manifest { get; }

    /// <summary>The ids of the rows, in order, each once.</summary>
    public IReadOnlyList<string> Ids { get; }

    /// <summary>Whether videos have titles.</summary>
    public bool HasTitles => _titles is not null;

    /// <summary>The graph of the rows; null in an exact index.</summary>
    internal INeighborGraph? Graph { get; }

    /// <summary>Writes an index.</summary>
    /// <param name="path">A folder that is absent or empty. It appears whole or not at all.</param>
    /// <param name="embeddings">The embeddings; their order is kept.</param>
    /// <param name="titles">Titles by id, as far as they are known; null for an index without titles.</param>
    /// <param name="precision">Precision of the vectors: float32 or bf16. Values are rounded to the nearest.</param>
    /// <param name="graphs">Builds the graph of an approximate index; null for an exact index.</param>
    /// <param name="progress">Receives the progress in rows.</param>
    /// <param name="cancellation">Stops the writing.</param>
    /// <exception cref="DataException">
    /// An id or a value does not fit, the embeddings cannot be read, or the folder cannot be written.
    /// </exception>
    public static void Write(string path, EmbeddingSource embeddings, IReadOnlyDictionary<string, string>? titles, ElementType precision, INeighborGraphLibrary? graphs, IProgressSink progress, CancellationToken cancellation)
    {
        IdLines.RequireFits(embeddings.Ids, path, IndexManifest.Ids);
        AtomicFolder.WriteNew(path, folder =>
        {
            folder.Add(IndexManifest.Ids, stream => IdLines.Write(stream, embeddings.Ids));
            folder.Add(IndexManifest.VectorsOf(precision), stream => WriteVectors(stream, embeddings, precision, progress, cancellation));
            if (graphs is not null)
                folder.Add(IndexManifest.GraphFile, stream => graphs.Build(embeddings.Ids.Count, embeddings.Width, ReadRounded, stream, progress, cancellation));
            if (titles is not null)
                folder.Add(IndexManifest.Titles, stream => WriteTitles(stream, embeddings.Ids, titles));
            var manifest = new IndexManifest(embeddings.Ids.Count, embeddings.Width, precision, embeddings.Origin, graphs?.Parameters, [.. folder.Files]);
            folder.Add(IndexManifest.Name, manifest.WriteTo);
        });

        void ReadRounded(int first, Span<double> rows)
        {
            embeddings.Read(first, rows);
            foreach (ref double value in rows)
                value = Round(value, precision);
        }
    }

    /// <summary>Opens an index. Every file is compared with its hash first.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="graphs">
    /// Gives the library for graphs, when an approximate index is opened; null in a program without one.
    /// </param>
    /// <exception cref="DataException">
    /// The folder is not that of an index, a file is missing or damaged, or there is no library for its graph; the
    /// message names the file.
    /// </exception>
    public static IndexFolder Open(string path, Func<INeighborGraphLibrary>? graphs)
    {
        var manifest = IndexManifest.Read(path);
        var library = manifest.Graph is null ? null : graphs?.Invoke() ?? throw new DataException($"{path}: is an index of kind {IndexManifest.Hnsw}, and this program is built without the library for it");
        foreach (var file in manifest.Files)
        {
            string name = RequireSize(path, file);
            if (file.Name != IndexManifest.GraphFile)
                RequireHash(name, file, FileDigest.OfContent(name).Sha256);
        }
        string idFile = Path.Combine(path, IndexManifest.Ids), vectors = Path.Combine(path, manifest.Vectors);
        var (ids, count) = IdLines.Read(idFile, manifest.Rows, new EmbeddingMemory(idFile, manifest.Files.Sum(static file => file.Bytes)));
        if (count != manifest.Rows)
            throw new DataException($"{idFile}: has {count} ids, but {IndexManifest.Name} has {manifest.Rows} rows");
        EmbeddingTableBuilder.RequireIds(idFile, ids);
        byte[]? titles = manifest.Files.Any(static file => file.Name == IndexManifest.Titles) ? FileFailure.ReadAllBytes(Path.Combine(path, IndexManifest.Titles), TitleLimit) : null;
        if (titles is not null && (titles.AsSpan().Count((byte)'\n') != count || titles[^1] != '\n'))
            throw new DataException($"{Path.Combine(path, IndexManifest.Titles)}: has not one line for each of {count} ids");
        var graph = library is null ? null : OpenGraph(path, manifest, library);
        try
        {
            var stream = new FileStream(vectors, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return new IndexFolder(path, manifest, ids, new StoredRows(vectors, stream, manifest.Width, manifest.Precision == ElementType.Float32 ? SafetensorsType.F32 : SafetensorsType.BF16), titles, graph);
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            graph?.Dispose();
            throw FileFailure.Reading(vectors, failure);
        }
    }

    /// <summary>A value as an index of a precision has it.</summary>
    internal static double Round(double value, ElementType precision) => precision == ElementType.Float32 ? (float)value : BFloat16.Round((float)value);

    /// <summary>Reads rows; any number of threads may call it at the same time.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="rows">Receives a whole number of rows [rows, Width].</param>
    /// <exception cref="DataException">A value is not finite, or the file cannot be read.</exception>
    internal void Read(int first, Span<double> rows)
    {
        _rows.Read(first, rows);
        for (int start = 0; start < rows.Length; start += Manifest.Width)
            EmbeddingTableBuilder.RequireFinite(FolderPath, Ids[first + (start / Manifest.Width)], rows.Slice(start, Manifest.Width));
    }

    /// <summary>Refuses an index that is not of some embeddings.</summary>
    /// <param name="embeddings">The embeddings.</param>
    /// <param name="progress">Receives the progress in rows.</param>
    /// <param name="cancellation">Stops the comparison.</param>
    /// <exception cref="DataException">
    /// An id, a value or the origin differs; the message names the id.
    /// </exception>
    public void RequireIsOf(EmbeddingSource embeddings, IProgressSink progress, CancellationToken cancellation)
    {
        if (embeddings.Width != Manifest.Width)
            throw new DataException($"{FolderPath}: {Manifest.Width} values per id, but {embeddings.Source} has {embeddings.Width}");
        if (Manifest.Origin != embeddings.Origin)
            throw new DataException($"{FolderPath}: has embeddings of {Manifest.Origin?.ToString() ?? "an unknown model"}, but {embeddings.Source} those of {embeddings.Origin?.ToString() ?? "an unknown model"}");
        for (int row = 0; row < Math.Max(Ids.Count, embeddings.Ids.Count); row++)
        {
            string? own = row < Ids.Count ? Ids[row] : null, other = row < embeddings.Ids.Count ? embeddings.Ids[row] : null;
            if (own != other)
                throw new DataException($"{FolderPath}: row {row} is {(own is null ? "missing" : $"id {Printable.Quote(own)}")}, but {embeddings.Source} has {(other is null ? "no such row" : $"id {Printable.Quote(other)}")} there");
        }
        double[] rows = new double[RowsAtATime * Manifest.Width], others = new double[RowsAtATime * Manifest.Width];
        progress.Begin("comparing rows", Ids.Count);
        for (int first = 0; first < Ids.Count; first += RowsAtATime)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(RowsAtATime, Ids.Count - first) * Manifest.Width;
            Read(first, rows.AsSpan(0, count));
            embeddings.Read(first, others.AsSpan(0, count));
            for (int i = 0; i < count; i++)
            {
                if (rows[i] != Round(others[i], Manifest.Precision))
                    throw new DataException($"{FolderPath}: id {Printable.Quote(Ids[first + (i / Manifest.Width)])} has another embedding than in {embeddings.Source}");
            }
            progress.Report(first + (count / Manifest.Width), "");
        }
        progress.End("");
    }

    /// <summary>Adds the titles of some ids to a dictionary.</summary>
    /// <exception cref="DataException">A line has no title.</exception>
    internal void AddTitles(HashSet<string> ids, Dictionary<string, string> titles)
    {
        for (int row = 0; row < Ids.Count && HasTitles; row++)
        {
            if (ids.Contains(Ids[row]) && TitleOf(row) is { } title)
                titles[Ids[row]] = title;
        }
    }

    /// <summary>The title of a row; null if it is not known.</summary>
    /// <exception cref="DataException">The line has no title.</exception>
    internal string? TitleOf(int row) => _titles is null ? null : TitleOf(_titles.AsSpan(_titleStarts[row].._titleStarts[row + 1]), row + 1);

    /// <inheritdoc/>
    public void Dispose()
    {
        _rows.Dispose();
        Graph?.Dispose();
    }

    private static int[] LineStarts(ReadOnlySpan<byte> text, int lines)
    {
        int[] starts = new int[lines + 1];
        for (int line = 0; line < lines; line++)
            starts[line + 1] = starts[line] + text[starts[line]..].IndexOf((byte)'\n') + 1;
        return starts;
    }

    private string? TitleOf(ReadOnlySpan<byte> line, int number)
    {
        var reader = new Utf8JsonReader(line);
        try
        {
            if (reader.Read() && reader.TokenType is JsonTokenType.String or JsonTokenType.Null)
            {
                string? title = reader.GetString();
                if (!reader.Read())
                    return title;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // It is no title either.
        }
        throw new DataException($"{Path.Combine(FolderPath, IndexManifest.Titles)}: line {number} is not a title in JSON");
    }

    // Native code gets the bytes that were hashed, not the file.
    private static INeighborGraph OpenGraph(string folder, IndexManifest manifest, INeighborGraphLibrary library)
    {
        var written = manifest.Files.First(static file => file.Name == IndexManifest.GraphFile);
        var memory = FileMemory.Read(Path.Combine(folder, written.Name), written.Bytes, out string sha256);
        try
        {
            RequireHash(memory.Path, written, sha256);
            return library.Open(memory, manifest.Graph!, manifest.Rows, manifest.Width);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    // Returns the path of the file.
    private static string RequireSize(string folder, WrittenFile written)
    {
        string path = Path.Combine(folder, written.Name);
        if (!File.Exists(path))
            throw new DataException($"{path}: {(Directory.Exists(path) ? "is a folder, but" : "is gone:")} {IndexManifest.Name} lists it{(Directory.Exists(path) ? " as a file" : "")}");
        long bytes = new FileInfo(path).Length;
        return bytes == written.Bytes ? path : throw new DataException($"{path}: has changed since the index was written: it has {bytes} bytes, not {written.Bytes}");
    }

    private static void RequireHash(string path, WrittenFile written, string sha256)
    {
        if (sha256 != written.Sha256)
            throw new DataException($"{path}: has changed since the index was written: its SHA-256 is not that in {IndexManifest.Name}");
    }

    private static void WriteVectors(Stream stream, EmbeddingSource embeddings, ElementType precision, IProgressSink progress, CancellationToken cancellation)
    {
        int width = embeddings.Width, count = embeddings.Ids.Count;
        double[] rows = new double[RowsAtATime * width];
        byte[] bytes = new byte[RowsAtATime * width * precision.Size()];
        progress.Begin("writing rows", count);
        for (int first = 0; first < count; first += RowsAtATime)
        {
            cancellation.ThrowIfCancellationRequested();
            int some = Math.Min(RowsAtATime, count - first);
            var values = rows.AsSpan(0, some * width);
            embeddings.Read(first, values);
            for (int i = 0; i < values.Length; i++)
                WriteValue(bytes.AsSpan(i * precision.Size()), values[i], precision, embeddings, first + (i / width));
            stream.Write(bytes, 0, values.Length * precision.Size());
            progress.Report(first + some, "");
        }
        progress.End("");
    }

    private static void WriteValue(Span<byte> bytes, double value, ElementType precision, EmbeddingSource embeddings, int row)
    {
        float rounded = (float)Round(value, precision);
        if (!float.IsFinite(rounded))
            throw new DataException($"{embeddings.Source}: id {Printable.Quote(embeddings.Ids[row])} has a value that is too large for {Configuration.PrecisionName.Of(precision)}");
        if (precision == ElementType.Float32)
            BitConverter.TryWriteBytes(bytes, rounded);
        else
            BitConverter.TryWriteBytes(bytes, (ushort)(BitConverter.SingleToUInt32Bits(rounded) >> 16)); // the other bits are 0
    }

    private static void WriteTitles(Stream stream, IReadOnlyList<string> ids, IReadOnlyDictionary<string, string> titles)
    {
        foreach (string id in ids)
        {
            string line = titles.TryGetValue(id, out string? title) ? $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(title)}\"\n" : "null\n";
            stream.Write(Encoding.UTF8.GetBytes(line));
        }
    }
}
