using VideoSim.Engine;
using VideoSim.Models.Submissions;

namespace VideoSim.Fuzz.Formats;

/// <summary>Compares embeddings that were read with an independent reader's.</summary>
internal static class SubmissionOracle
{
    /// <summary>
    /// Reads a file with one thread and with two. Both must take it, with equal values, or refuse it.
    /// </summary>
    public static EmbeddingTable Read(string path)
    {
        EmbeddingTable? several = null;
        DataException? refusal = null;
        try
        {
            several = SubmissionFile.Read(path, threads: 2);
        }
        catch (DataException e)
        {
            refusal = e;
        }
        EmbeddingTable table;
        try
        {
            table = SubmissionFile.Read(path, threads: 1);
        }
        catch (DataException e)
        {
            Expect.Equal(e.Message, refusal?.Message, "message of two threads");
            throw;
        }
        Expect.That(several is not null, "two threads refused what one took", refusal?.Message ?? "");
        Same(table.Ids, [.. Enumerable.Range(0, table.Ids.Count).Select(row => table[row].ToArray())], several);
        return table;
    }

    /// <summary>Fails unless a table has these ids and values.</summary>
    public static void Same(IReadOnlyList<string> ids, IReadOnlyList<double[]> rows, EmbeddingTable table)
    {
        Expect.Items<string>(ids.ToArray(), table.Ids.ToArray(), "ids");
        for (int row = 0; row < rows.Count; row++)
        {
            Expect.Items<double>(rows[row], table[row], "values");
            Expect.That(table[row].ToArray().All(static value => float.IsFinite((float)value)), "a value that is not a finite float32 was taken");
            Expect.That(table.TryFind(ids[row], out int found) && found == row, "an id is not found");
        }
    }

    /// <summary>Fails unless a table is that of a JSON text.</summary>
    public static void SameAsJson(byte[] json, EmbeddingTable table)
    {
        var properties = JsonOracle.Strict(json).EnumerateObject().ToArray();
        Same([.. properties.Select(static property => property.Name)], [.. properties.Select(static property => property.Value.EnumerateArray().Select(static value => value.GetDouble()).ToArray())], table);
    }
}
