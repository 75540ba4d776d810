using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>
/// One of several equal parts of the rows of a command. One machine does it alone. Shards are contiguous and in order,
/// and their sizes differ by at most one row. The output of a shard lies beside the result, see <see cref="PathFor"/>.
/// </summary>
/// <param name="Number">Number of the shard, from 1.</param>
/// <param name="Count">Number of all shards.</param>
public readonly record struct Shard(int Number, int Count)
{
    /// <summary>The most shards of a result.</summary>
    public const int MostShards = 10_000;

    private const int MostNamed = 10;

    /// <summary>Reads a shard as it is given to a command: <c>2/4</c>.</summary>
    /// <exception cref="DataException">The text is not a shard; the message begins with what it must be.</exception>
    public static Shard Parse(string text)
    {
        string[] numbers = text.Split('/');
        if (numbers.Length != 2 || Number(numbers[0]) is not { } number || Number(numbers[1]) is not { } count)
            throw new DataException($"must be K/N, such as 2/4 for the second of four parts, not {Printable.Quote(text)}");
        if (count is < 1 or > MostShards)
            throw new DataException($"must have 1 to {MostShards} parts, not {Printable.OneLine(numbers[1])}");
        return number >= 1 && number <= count ? new Shard((int)number, (int)count) : throw new DataException($"must be from 1/{count} to {count}/{count}, not {Printable.OneLine(text)}");

        static long? Number(string digits) => long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;
    }

    /// <summary>The rows of the shard, [From, To).</summary>
    /// <param name="rows">Number of all rows.</param>
    internal (int From, int To) RowsOf(int rows) => ((int)((long)rows * (Number - 1) / Count), (int)((long)rows * Number / Count));

    /// <summary>Path of what the shard leaves: <c>emb.zip.shard-2-of-4</c>.</summary>
    /// <param name="path">Path of the result.</param>
    internal string PathFor(string path) => string.Create(CultureInfo.InvariantCulture, $"{path}.shard-{Number}-of-{Count}");

    /// <summary>The shards of a result that lie in its folder, in order.</summary>
    /// <param name="path">Path of the result.</param>
    /// <param name="list">Lists files or folders.</param>
    /// <exception cref="DataException">The folder cannot be read.</exception>
    internal static IReadOnlyList<Shard> Find(string path, Func<string, string[]> list)
    {
        string full = Path.GetFullPath(path), folder = Path.GetDirectoryName(full)!;
        return Directory.Exists(folder) ? [.. list(folder).Select(found => OfPath(full, found)).OfType<Shard>().OrderBy(static shard => shard.Count).ThenBy(static shard => shard.Number)] : [];
    }

    /// <summary>Refuses shards that are not all shards of the result.</summary>
    /// <param name="output">The result, for messages.</param>
    /// <param name="path">Path of the result that the shards have in their names.</param>
    /// <param name="found">The shards that there are, in order.</param>
    /// <exception cref="DataException">Shards are missing, or their numbers of parts differ.</exception>
    internal static void RequireAll(string output, string path, IReadOnlyList<Shard> found)
    {
        if (found.Count == 0)
            throw new DataException($"{output}: there are no shards to join; --shard 1/4 writes the first of four");
        if (found[0].Count != found[^1].Count)
            throw new DataException($"{found[^1].PathFor(path)}: is one of {found[^1].Count} shards, but {found[0].PathFor(path)} is one of {found[0].Count}; delete those that do not belong to the result");
        int count = found[0].Count;
        if (found.Count < count)
            throw new DataException($"{output}: {Shown(Enumerable.Range(1, count).Select(number => new Shard(number, count)).Except(found), "missing")}");
    }

    /// <summary>A message about some shards: <c>shards 1/4, 3/4 are missing</c>.</summary>
    internal static string Shown(IEnumerable<Shard> shards, string adjective)
    {
        Shard[] all = [.. shards];
        string names = string.Join(", ", all.Take(MostNamed));
        return all.Length == 1 ? $"shard {names} is {adjective}" : $"shards {names}{(all.Length > MostNamed ? $" and {all.Length - MostNamed} more" : "")} are {adjective}";
    }

    /// <summary>The shard as a command takes it: <c>2/4</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}/{Count}");

    // The shard of a result that a path belongs to; null if it belongs to none.
    private static Shard? OfPath(string result, string path)
    {
        string[] numbers = path.StartsWith(result, StringComparison.Ordinal) ? path[result.Length..].Replace(".shard-", "", StringComparison.Ordinal).Split("-of-") : [];
        return numbers.Length == 2 && int.TryParse(numbers[0], NumberStyles.None, CultureInfo.InvariantCulture, out int number) && int.TryParse(numbers[1], NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            && number >= 1 && number <= count && count <= MostShards && new Shard(number, count) is var shard && shard.PathFor(result) == path ? shard : null;
    }
}
