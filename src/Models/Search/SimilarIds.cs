namespace VideoSim.Models.Search;

/// <summary>Ids that are spelled like an id that does not exist.</summary>
internal static class SimilarIds
{
    private const int Shown = 3;

    // More edits than this are another id, not a mistake. The same holds for more than one edit in three characters.
    private const int MostEdits = 2, CharactersPerEdit = 3;

    /// <summary>
    /// The ids with the fewest insertions, deletions and replacements of characters, at most three of them. Equal
    /// distances are in the order of the list.
    /// </summary>
    public static IEnumerable<string> Of(string id, IEnumerable<string> ids) =>
        ids.Select(other => (Id: other, Edits: Distance(id, other))).Where(other => other.Edits <= Math.Min(MostEdits, id.Length / CharactersPerEdit))
            .OrderBy(static other => other.Edits).Take(Shown).Select(static other => other.Id);

    // The edit distance, or a larger number than MostEdits. Only the band around the diagonal is computed, so a
    // million ids take less than a second.
    private static int Distance(string left, string right)
    {
        if (Math.Abs(left.Length - right.Length) > MostEdits)
            return MostEdits + 1;
        const int width = (2 * MostEdits) + 1;
        Span<int> above = stackalloc int[width + 1], row = stackalloc int[width + 1]; // entry d is column i + d - MostEdits
        above.Fill(MostEdits + 1);
        for (int d = MostEdits; d < width; d++)
            above[d] = d - MostEdits;
        for (int i = 1; i <= left.Length; i++)
        {
            row.Fill(MostEdits + 1);
            for (int d = 0; d < width; d++)
            {
                int column = i + d - MostEdits;
                if (column == 0)
                    row[d] = i;
                if (column <= 0 || column > right.Length)
                    continue;
                int replaced = above[d] + (left[i - 1] == right[column - 1] ? 0 : 1);
                int deleted = above[d + 1] + 1, inserted = (d > 0 ? row[d - 1] : MostEdits + 1) + 1;
                row[d] = Math.Min(replaced, Math.Min(deleted, inserted));
            }
            row.CopyTo(above);
        }
        return above[right.Length - left.Length + MostEdits];
    }
}
