using VideoSim.Import.Parquet;
using VideoSim.Models.Exports;
using VideoSim.Models.Progress;
using VideoSim.Models.Submissions;
using VideoSim.Models.Tests.Records;

namespace VideoSim.Models.Tests.Exports;

/// <summary>A folder with embeddings and what is exported of them.</summary>
internal sealed class ExportFolder : IDisposable
{
    public static readonly EmbeddingOrigin Mix = new("mix", new string('a', 64), EmbeddingRounding.Half, Fold: 3);

    private readonly ScratchFolder _folder = new();

    /// <summary>Ids with characters that a format may take for something else, but no NUL.</summary>
    public static readonly string[] HardIds = ["7", "007", "18446744073709551615", "18446744073709551616", "-1", "a\tb", "a\nb", "a\r\nb", "a\\nb", "\\N", "\\.", "'; DROP TABLE videos; --", "\"", "\u0001\b\f\v\u001b", "海😀", "\uFEFF1", " ", "{a,b}"];

    public void Dispose() => _folder.Dispose();

    /// <summary>The writer of a format.</summary>
    public static EmbeddingWriter WriterOf(string format) => EmbeddingExport.WriterOf(format, "", ParquetEmbeddingsWriter.Write);

    public string At(string name) => Path.Combine(_folder.Path, name);

    /// <summary>Writes embeddings, and exports them.</summary>
    /// <returns>Path of the file.</returns>
    public string Export(string format, (string Id, double[] Values)[] rows, Dictionary<string, string>? titles = null, EmbeddingOrigin? origin = null, IProgressSink? progress = null)
    {
        string file = At($"e.{format}");
        using var source = Source(rows, origin);
        EmbeddingExport.Write(file, WriterOf(format), new ExportedEmbeddings(source, titles), progress ?? IProgressSink.None, CancellationToken.None);
        return file;
    }

    /// <summary>Embeddings in a file, with an origin if it is given.</summary>
    public EmbeddingSource Source((string Id, double[] Values)[] rows, EmbeddingOrigin? origin = null)
    {
        string file = At("e.zip");
        SubmissionFile.Write(file, Submissions.Tables.Of(rows).From(origin), EmbeddingRounding.Double);
        return EmbeddingSource.Open(file);
    }

    /// <summary>More rows than are read at a time, with values of all sizes that float32 has.</summary>
    public static (string Id, double[] Values)[] ManyRows(int count = 600, int width = 3)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(row => ($"video {row}", Enumerable.Range(0, width).Select(_ => (double)Value()).ToArray()))];

        float Value()
        {
            float value;
            do
                value = BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
            while (!float.IsFinite(value));
            return value;
        }
    }
}
