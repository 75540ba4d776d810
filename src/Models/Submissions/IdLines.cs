using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Submissions;

/// <summary>The ids of some rows: a text file (UTF-8) with one id per line.</summary>
internal static class IdLines
{
    private const char ByteOrderMark = '\uFEFF';

    private static readonly FileLimit Limit = new("the ids of embeddings", 1000); // of 50 million videos

    /// <summary>Refuses an id that is no line. No id of a video is such, but one of a JSON file may be.</summary>
    /// <param name="ids">The ids.</param>
    /// <param name="path">The result, for the message.</param>
    /// <param name="file">The file of the ids.</param>
    /// <exception cref="DataException">An id does not fit.</exception>
    public static void RequireFits(IReadOnlyList<string> ids, string path, string file)
    {
        if (ids.FirstOrDefault(static id => id.Contains('\n', StringComparison.Ordinal) || id.Length == 0 || id[^1] is '\t' or '\r') is { } broken)
            throw new DataException($"{path}: id {Printable.Quote(broken)} does not fit on a line of {file}");
    }

    /// <summary>Writes ids that fit.</summary>
    public static void Write(Stream stream, IReadOnlyList<string> ids)
    {
        using var text = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
        // The first mark of the file is no part of an id, so an id that begins with one needs another before it.
        if (ids[0][0] == ByteOrderMark)
            text.Write(ByteOrderMark);
        foreach (string id in ids)
            text.WriteLine(id);
    }

    /// <summary>The ids of at most so many rows, and the number of all ids.</summary>
    /// <exception cref="DataException">The file cannot be read or is not UTF-8.</exception>
    public static (List<string> Ids, int Count) Read(string path, int most, EmbeddingMemory memory)
    {
        var lines = new LineReader(FileFailure.ReadAllBytes(path, Limit), keepsSpaces: true);
        var ids = new List<string>();
        while (lines.MoveNext())
        {
            string id = lines.Text(path);
            if (ids.Count == most)
                continue;
            ids.Add(id);
            memory.Take(id, width: 0);
        }
        return (ids, lines.Number);
    }
}
