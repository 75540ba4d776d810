using VideoSim.Models.Submissions;

namespace VideoSim.Models.Tests.Submissions;

/// <summary>Tables for tests.</summary>
internal static class Tables
{
    public static EmbeddingTable Of(params (string Id, double[] Embedding)[] rows) => Of("test", rows);

    public static EmbeddingTable Of(string source, params (string Id, double[] Embedding)[] rows)
    {
        var builder = new EmbeddingTableBuilder(source);
        foreach (var (id, embedding) in rows)
            builder.Add(id, embedding);
        return builder.Build();
    }

    /// <summary>The rows as text, one each, such as <c>10: 0.5, 1</c>.</summary>
    public static string[] Show(EmbeddingTable table) =>
        [.. table.Ids.Select((id, row) => $"{id}: {string.Join(", ", table[row].ToArray())}")];
}
