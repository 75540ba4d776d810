using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>
/// Files of embeddings. The ending of the name selects the kind. <c>.zip</c> is the challenge's submission, a deflated
/// <c>result.json</c> (docs/reference-system.md, section 1.7). <c>.json</c> is that object alone. <c>.npy</c> is a
/// matrix for NumPy, with the ids line by line in <c>.ids.txt</c> next to it. <c>.npz</c>, arrays of NumPy, and
/// <c>.parquet</c> are only read.
/// </summary>
public static class SubmissionFile
{
    /// <summary>
    /// The largest unpacked size of a <c>result.json</c>, 2 GiB. That is enough for 370,000 videos of 256 values
    /// without rounding, eight times the challenge's largest set. The memory of a file has a limit of its own, which a
    /// file of zeros reaches earlier.
    /// </summary>
    public const long MaxUnpackedBytes = 1L << 31;

    private static readonly string[] Written = [".zip", ".json", ".npy"], Readable = [.. Written, ".npz", ".parquet"];

    /// <summary>Writes embeddings; the same table gives the same bytes.</summary>
    /// <param name="path">The file; replaced only when the new one is complete.</param>
    /// <param name="table">The embeddings.</param>
    /// <param name="rounding">
    /// Precision of the values. In JSON each is the shortest decimal that reads back as the rounded value in double
    /// precision.
    /// </param>
    /// <exception cref="DataException">
    /// The ending is unknown, a value does not fit, or the file cannot be written.
    /// </exception>
    public static void Write(string path, EmbeddingTable table, EmbeddingRounding rounding) => Write(path, table, rounding, Environment.ProcessorCount);

    /// <summary>
    /// What computed the embeddings of a file; null if the file does not tell. <c>.json</c> and <c>.npy</c> never do.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="parquet">Reads Parquet files; null in a program without the assembly for them.</param>
    /// <exception cref="DataException">The file cannot be read or is invalid.</exception>
    public static EmbeddingOrigin? OriginOf(string path, IParquetEmbeddings? parquet = null)
    {
        string kind = Kind(path, Readable);
        if (kind is ".json" or ".npy")
            return null;
        FileFailure.RefuseSpecial(path);
        try
        {
            if (kind == ".parquet")
                return Required(parquet, path).OriginOf(path);
            using var stream = File.OpenRead(path);
            return kind == ".zip" ? SubmissionZip.OriginOf(stream, path) : NpzEmbeddings.OriginOf(stream, new EmbeddingMemory(path, stream.Length), path);
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Reading(path, failure);
        }
    }

    /// <inheritdoc cref="Write(string, EmbeddingTable, EmbeddingRounding)"/>
    internal static void Write(string path, EmbeddingTable table, EmbeddingRounding rounding, int threads)
    {
        switch (Kind(path, Written))
        {
            case ".zip":
                AtomicFile.Write(path, stream => SubmissionZip.Write(stream, table, rounding, path, threads));
                break;
            case ".json":
                AtomicFile.Write(path, stream => SubmissionJsonWriter.Write(stream, table, rounding, path, threads));
                break;
            default:
                NumpyEmbeddings.Write(path, table, rounding);
                break;
        }
    }

    /// <summary>
    /// Refuses a path that <see cref="Write(string, EmbeddingTable, EmbeddingRounding)"/> cannot write, or
    /// that would replace an input. Call it before the embeddings are computed. An existing file does not change.
    /// </summary>
    /// <param name="path">The path.</param>
    /// <param name="inputs">Paths of the files that the command reads.</param>
    /// <exception cref="DataException">The ending is unknown, or the file cannot be written.</exception>
    public static void RequireWritable(string path, params IReadOnlyList<string> inputs)
    {
        foreach (string file in TargetsOf(path))
            AtomicFile.RequireWritable(file, inputs);
    }

    /// <summary>The files of some embeddings: the file itself and, for a <c>.npy</c>, that of its ids.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="DataException">The ending is none of a file that is read.</exception>
    public static IReadOnlyList<string> FilesOf(string path) => Kind(path, Readable) == ".npy" ? [path, NumpyEmbeddings.IdsPath(path)] : [path];

    /// <summary>The files that a path to write stands for, as in <see cref="FilesOf"/>.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="DataException">The ending is none of a file that is written.</exception>
    public static IReadOnlyList<string> TargetsOf(string path) => Kind(path, Written) == ".npy" ? [path, NumpyEmbeddings.IdsPath(path)] : [path];

    /// <summary>Reads embeddings.</summary>
    /// <param name="path">The file.</param>
    /// <param name="parquet">Reads Parquet files; null in a program without the assembly for them.</param>
    /// <exception cref="DataException">
    /// The file cannot be read or is invalid; the message names file and id.
    /// </exception>
    public static EmbeddingTable Read(string path, IParquetEmbeddings? parquet = null) => Read(path, Environment.ProcessorCount, parquet);

    /// <summary>
    /// Reads files one after the other, all into the same memory. When the next file is read, the ids of a table stay,
    /// and its values throw an <see cref="InvalidOperationException"/>.
    /// </summary>
    /// <param name="paths">The files.</param>
    /// <param name="parquet">Reads Parquet files; null in a program without the assembly for them.</param>
    /// <exception cref="DataException">
    /// A file cannot be read or is invalid; the message names file and id.
    /// </exception>
    public static IEnumerable<EmbeddingTable> ReadEach(IEnumerable<string> paths, IParquetEmbeddings? parquet = null)
    {
        EmbeddingRows? spent = null;
        foreach (string path in paths)
        {
            var table = Read(path, Environment.ProcessorCount, parquet, spent);
            spent = table.Values;
            yield return table;
        }
    }

    /// <inheritdoc cref="Read(string, IParquetEmbeddings)"/>
    internal static EmbeddingTable Read(string path, int threads, IParquetEmbeddings? parquet = null, EmbeddingRows? spent = null)
    {
        string kind = Kind(path, Readable);
        FileFailure.RefuseSpecial(path);
        try
        {
            using var stream = File.OpenRead(path);
            // Several threads read JSON as it usually is. Other JSON is read again in order, so that a message names
            // the right place.
            if (kind is ".zip" or ".json" && threads > 1 && stream.CanSeek)
            {
                var memory = new EmbeddingMemory(path, stream.Length);
                var builder = new EmbeddingTableBuilder(path, spent);
                try
                {
                    return Read(stream, kind, builder, memory, path, threads);
                }
                catch (DataException) when (!memory.IsExceeded)
                {
                    (stream.Position, spent) = (0, builder.Values ?? spent);
                }
            }
            return Read(stream, kind, new EmbeddingTableBuilder(path, spent), new EmbeddingMemory(path, stream.CanSeek ? stream.Length : MaxUnpackedBytes), path, threads: 1, parquet);
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Reading(path, failure);
        }
    }

    private static EmbeddingTable Read(Stream stream, string kind, EmbeddingTableBuilder builder, EmbeddingMemory memory, string path, int threads, IParquetEmbeddings? parquet = null)
    {
        EmbeddingOrigin? origin = null;
        switch (kind)
        {
            case ".zip":
                origin = SubmissionZip.Read(stream, ReadJson, path, MaxUnpackedBytes);
                break;
            case ".json":
                ReadJson(stream);
                break;
            case ".npz":
                origin = NpzEmbeddings.Read(stream, builder, memory, path);
                break;
            case ".parquet":
                origin = Required(parquet, path).Read(path, Add);
                break;
            default:
                NumpyEmbeddings.Read(stream, builder, memory, path);
                break;
        }
        return builder.Build(origin);

        void ReadJson(Stream json)
        {
            if (threads > 1)
                SubmissionJsonReader.ReadInBlocks(json, Add, path, threads);
            else
                SubmissionJsonReader.Read(json, Add, path);
        }

        void Add(string id, ReadOnlySpan<double> embedding)
        {
            memory.Take(id, embedding.Length);
            builder.Add(id, embedding);
        }
    }

    /// <summary>The ending of a file that is read.</summary>
    /// <exception cref="DataException">It is none of a file of embeddings.</exception>
    internal static string KindOf(string path) => Kind(path, Readable);

    private static IParquetEmbeddings Required(IParquetEmbeddings? parquet, string path) => parquet ?? throw new DataException($"{path}: this program is built without the reader of Parquet files");

    private static string Kind(string path, string[] kinds) => kinds.Contains(Path.GetExtension(path)) ? Path.GetExtension(path)
        : throw new DataException($"{path}: a file of embeddings must end in {string.Join(", ", kinds[..^1])} or {kinds[^1]}");
}
