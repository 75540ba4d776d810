using System.Globalization;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Exports;

/// <summary>
/// A script for PostgreSQL with pgvector: the statements of a table and its index, and the rows as text of COPY.
/// <c>psql -f</c> runs it. An embedding has at most 256 values, and pgvector takes 2,000 in an index.
/// </summary>
internal static class PgVectorExport
{
    // An entry of the index of ids has at most 2,704 bytes: a third of a page, with 12 bytes beside the text.
    private const int MostIdBytes = 2_692;

    public static void Write(Stream stream, ExportedEmbeddings source, IProgressSink progress, CancellationToken cancellation)
    {
        RequireFits(source);
        using var text = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
        text.WriteLine("\\set ON_ERROR_STOP on");
        text.WriteLine("SET client_encoding = 'UTF8';");
        text.WriteLine("BEGIN;");
        text.WriteLine("CREATE EXTENSION IF NOT EXISTS vector;");
        text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"CREATE TABLE videos (id text PRIMARY KEY, title text, embedding vector({source.Embeddings.Width}) NOT NULL);"));
        // The JSON has no single quote: quotes are escaped in it.
        if (source.Origin is { } origin)
            text.WriteLine($"COMMENT ON TABLE videos IS '{origin.ToJson().ToJsonString()}';");
        text.WriteLine("COPY videos (id, title, embedding) FROM stdin;");
        var line = new StringBuilder();
        foreach (var (id, title, values) in source.Rows(progress, cancellation))
        {
            AppendText(line.Clear(), id).Append('\t');
            AppendText(line, title).Append("\t[");
            // The shortest decimals that read back as the same float32.
            for (int i = 0; i < values.Length; i++)
                line.Append(CultureInfo.InvariantCulture, $"{(i > 0 ? "," : "")}{values[i]}");
            text.WriteLine(line.Append(']'));
        }
        text.WriteLine("\\.");
        text.WriteLine("CREATE INDEX videos_embedding ON videos USING hnsw (embedding vector_cosine_ops);");
        text.WriteLine("COMMIT;");
    }

    private static void RequireFits(ExportedEmbeddings source)
    {
        foreach (string id in source.Embeddings.Ids)
        {
            bool hasNul = id.Contains('\0', StringComparison.Ordinal);
            if (hasNul || (source.Titles?.GetValueOrDefault(id)?.Contains('\0', StringComparison.Ordinal) ?? false))
                throw new DataException($"{source.Embeddings.Source}: {(hasNul ? "id" : "the title of id")} {Printable.Quote(id)} has a NUL, which PostgreSQL cannot store");
            if (Encoding.UTF8.GetByteCount(id) > MostIdBytes)
                throw new DataException($"{source.Embeddings.Source}: id {Printable.Quote(id)} has {Encoding.UTF8.GetByteCount(id)} bytes; PostgreSQL takes at most {MostIdBytes} in a primary key");
        }
    }

    // COPY ends a value at a tab and a row at a line break, and reads a backslash as the begin of another character.
    private static StringBuilder AppendText(StringBuilder line, string? value)
    {
        foreach (char letter in value ?? "")
        {
            string? escaped = letter switch { '\\' => "\\\\", '\t' => "\\t", '\n' => "\\n", '\r' => "\\r", _ => null };
            _ = escaped is null ? line.Append(letter) : line.Append(escaped);
        }
        return value is null ? line.Append("\\N") : line;
    }
}
