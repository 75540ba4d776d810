using System.Globalization;
using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Text;

/// <summary>
/// Words and their counts, as in jieba's dict.txt. Each line has a word, a space and a count; further fields are
/// ignored. Stored as a tree of prefixes. Immutable; any number of threads may share one.
/// </summary>
public sealed class JiebaDictionary
{
    // Read on first use: it has half a million prefixes, and BERT models do not need it.
    private static readonly Lazy<JiebaDictionary> ReadStock = new(() =>
    {
        using var packed = new BrotliStream(Assembly.GetExecutingAssembly().GetManifestResourceStream("jieba-dict.txt.br")!, CompressionMode.Decompress);
        using var content = new MemoryStream();
        packed.CopyTo(content);
        return Parse(content.GetBuffer().AsSpan(0, (int)content.Length), "jieba's dict.txt");
    });

    // Jieba's largest dictionary has 0.8 million beginnings of words in 9 MB.
    private const int MostPrefixes = 1 << 23;

    private static readonly FileLimit Limit = new("a dictionary of words", 128);

    private readonly PrefixTable _prefixes;
    private readonly double[] _scores;

    private JiebaDictionary(PrefixTable prefixes, double[] scores, double unknownScore, string sha256) =>
        (_prefixes, _scores, UnknownScore, Sha256) = (prefixes, scores, unknownScore, sha256);

    /// <summary>The dictionary that comes with jieba 0.42.1.</summary>
    public static JiebaDictionary Stock => ReadStock.Value;

    /// <summary>SHA-256 of the file's bytes, in lower-case hexadecimal; equal for equal dictionaries.</summary>
    public string Sha256 { get; }

    /// <summary>Logarithm of the probability of a character that is not a word.</summary>
    internal double UnknownScore { get; }

    /// <summary>Reads a dict.txt.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read, or is not a dictionary; see <see cref="Parse"/>.
    /// </exception>
    public static JiebaDictionary Load(string path) => Parse(FileFailure.ReadAllBytes(path, Limit), path);

    /// <summary>
    /// Creates a dictionary from a file's content. If a word has several lines, the last one is used.
    /// </summary>
    /// <param name="content">UTF-8. A word with the count 0 is not a word, only a prefix of others.</param>
    /// <param name="name">Name of the file in messages.</param>
    /// <exception cref="DataException">
    /// A line does not have this form, no count is above 0, or there are too many words; the message names it.
    /// </exception>
    public static JiebaDictionary Parse(ReadOnlySpan<byte> content, string name)
    {
        var prefixes = new PrefixTable();
        var counts = new List<long>();
        var lines = new LineReader(content);
        long total = 0;
        while (lines.MoveNext())
        {
            lines.RequireText(name);
            var word = ReadWord(lines.Current, out long count);
            if (word.IsEmpty)
                throw new DataException($"{name} line {lines.Number}: expected a word, a space and a count");
            int prefix = PrefixTable.Root;
            while (!word.IsEmpty)
            {
                Rune.DecodeFromUtf8(word, out var rune, out int bytes);
                word = word[bytes..];
                prefix = prefixes.FindOrAdd(prefix, rune.Value);
                if (prefix == PrefixTable.NotFound || prefixes.Count > MostPrefixes)
                    throw new DataException($"{name} line {lines.Number}: more than {MostPrefixes} beginnings of words, or words that are chosen to make the dictionary slow");
            }
            while (counts.Count < prefixes.Count) counts.Add(0);
            counts[prefix] = count;
            if ((total += count) < 0)
                throw new DataException($"{name} line {lines.Number}: the sum of the counts up to this line exceeds {long.MaxValue}");
        }
        if (total == 0)
            throw new DataException($"{name}: no word has a count above 0");
        double logTotal = Math.Log(total);
        // Comparisons with NaN are false, so a prefix that is not a word is never chosen.
        double[] scores = [.. counts.Select(count => count == 0 ? double.NaN : Math.Log(count) - logTotal)];
        return new JiebaDictionary(prefixes, scores, -logTotal, Convert.ToHexStringLower(SHA256.HashData(content)));
    }

    /// <summary>The prefix extended by a character, or <see cref="PrefixTable.NotFound"/>.</summary>
    internal int Extend(int prefix, char character) => _prefixes.Find(prefix, character);

    /// <summary>Logarithm of the probability of a prefix as a word; NaN if it is not a word.</summary>
    internal double Score(int prefix) => _scores[prefix];

    // The word of a line; empty if the line does not have the form of a dictionary's line.
    private static ReadOnlySpan<byte> ReadWord(ReadOnlySpan<byte> line, out long count)
    {
        count = 0;
        line = line.Trim(" \t\v\f"u8);
        int blank = line.IndexOf((byte)' ');
        if (blank < 0) return [];
        var rest = line[(blank + 1)..];
        var digits = rest.IndexOf((byte)' ') is var end and >= 0 ? rest[..end] : rest;
        // .NET's parser ignores NULs after a number.
        return !digits.Contains((byte)0) && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out count) ? line[..blank] : [];
    }
}
