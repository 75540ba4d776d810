namespace VideoSim.Engine.Serialization;

/// <summary>Finds the name that a mistyped name probably means.</summary>
public static class Suggestion
{
    private const int LongestName = 64; // longer texts are no names, and the distance costs time by their length
    private const int LettersPerError = 3;

    private static readonly char[] Separators = ['-', '_', '.'];

    /// <summary>
    /// The nearest of the known names: the fewest letters inserted, deleted, changed or swapped with their neighbour,
    /// at most one for every three letters of the words that differ. Words that both names begin with do not count.
    /// Without such a name, the only known name that has all words of the given one or begins with it, or of which the
    /// given one has all words, if they are two or more. Upper and lower case count as equal.
    /// </summary>
    /// <param name="given">The unknown name.</param>
    /// <param name="known">The names that exist. Of equally near ones the first is taken.</param>
    /// <returns>The name, or null if none is near.</returns>
    public static string? For(string given, IEnumerable<string> known)
    {
        if (given.Length is 0 or > LongestName)
            return null;
        string wanted = given.ToLowerInvariant();
        string[] names = [.. known];
        var near = names.Select(name => (Name: name, Distance: Distance(wanted, name.ToLowerInvariant()))).Where(pair => pair.Distance <= Errors(wanted, pair.Name.ToLowerInvariant())).ToArray();
        if (near.Length > 0)
            return near.MinBy(static pair => pair.Distance).Name;
        string[] similar = [.. names.Where(name => IsPartOf(wanted, name.ToLowerInvariant()) || (Words(name).Length > 1 && HasWords(wanted, name.ToLowerInvariant())))];
        return similar is [var only] ? only : null;
    }

    /// <summary>The nearest name as the end of a message, <c>; did you mean 'x'?</c>, or nothing.</summary>
    public static string Text(string given, IEnumerable<string> known) => For(given, known) is { } name ? $"; did you mean '{name}'?" : "";

    private static bool IsPartOf(string part, string whole) =>
        (part.Length >= LettersPerError && whole.StartsWith(part, StringComparison.Ordinal)) || HasWords(whole, part);

    private static bool HasWords(string whole, string part) => Words(part) is { Length: > 0 } words && !words.Except(Words(whole)).Any();

    // Two names of the same first words, such as eval-steps and eval-strategy, are no closer because of them.
    private static int Errors(string a, string b)
    {
        string[] left = Words(a), right = Words(b);
        int same = left.Zip(right).TakeWhile(static pair => pair.First == pair.Second).Count();
        return same == 0 ? Math.Max(a.Length, b.Length) / LettersPerError : Math.Max(string.Join('-', left[same..]).Length, string.Join('-', right[same..]).Length) / LettersPerError;
    }

    private static string[] Words(string name) => name.Split(Separators, StringSplitOptions.RemoveEmptyEntries);

    // Damerau and Levenshtein's distance, where no part is changed twice.
    private static int Distance(string a, string b)
    {
        if (Math.Abs(a.Length - b.Length) > Math.Max(a.Length, b.Length) / LettersPerError)
            return int.MaxValue;
        int[] before = new int[b.Length + 1], last = [.. Enumerable.Range(0, b.Length + 1)], now = new int[b.Length + 1];
        for (int i = 1; i <= a.Length; i++)
        {
            now[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                now[j] = Math.Min(Math.Min(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    now[j] = Math.Min(now[j], before[j - 2] + 1);
            }
            (before, last, now) = (last, now, before);
        }
        return last[b.Length];
    }
}
