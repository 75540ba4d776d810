using System.Globalization;
using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Text;

/// <summary>
/// Words and how often they occur, as jieba's dict.txt has them: each line a word, a blank, a count, and perhaps more that
/// does not matter here. Kept as a tree of prefixes. Immutable; any number of threads may share one.
/// </summary>
public sealed class JiebaDictionary
{
    // Read when first needed: half a million prefixes, which BERT models have no use for.
    private static readonly Lazy<JiebaDictionary> ReadStock = new(() =>
    {
        using var packed = new BrotliStream(Assembly.GetExecutingAssembly().GetManifestResourceStream("jieba-dict.txt.br")!, CompressionMode.Decompress);
        using var content = new MemoryStream();
        packed.CopyTo(content);
        return Parse(content.GetBuffer().AsSpan(0, (int)content.Length), "jieba's dict.txt");
    });

    private readonly PrefixTable _prefixes;
    private readonly double[] _scores;

    private JiebaDictionary(PrefixTable prefixes, double[] scores, double unknownScore, string sha256) =>
        (_prefixes, _scores, UnknownScore, Sha256) = (prefixes, scores, unknownScore, sha256);

    /// <summary>The dictionary that comes with jieba 0.42.1.</summary>
    public static JiebaDictionary Stock => ReadStock.Value;

    /// <summary>SHA-256 of the file's bytes, in lower-case hexadecimal: two dictionaries are the same if this is.</summary>
    public string Sha256 { get; }

    /// <summary>Logarithm of the probability of a character that is no word.</summary>
    internal double UnknownScore { get; }

    /// <summary>Reads a dict.txt.</summary>
    /// <exception cref="DataException">The file cannot be read, or is not a dictionary; see <see cref="Parse"/>.</exception>
    public static JiebaDictionary Load(string path) => Parse(FileFailure.ReadAllBytes(path), path);

    /// <summary>Makes a dictionary of a file's content. Of a word's several lines the last one counts.</summary>
    /// <param name="content">UTF-8. A word whose count is 0 is none, only a beginning of others.</param>
    /// <param name="name">What messages call the file.</param>
    /// <exception cref="DataException">A line is not of that form, or no count is above 0; the message names it.</exception>
    public static JiebaDictionary Parse(ReadOnlySpan<byte> content, string name)
    {
        var prefixes = new PrefixTable();
        var counts = new List<long>();
        var lines = new LineReader(content);
        long total = 0;
        while (lines.MoveNext())
        {
            var word = ReadWord(lines.Current, out long count);
            if (word.IsEmpty)
                throw new DataException($"{name} line {lines.Number}: not a word, a blank and a count, in UTF-8");
            int prefix = PrefixTable.Root;
            while (!word.IsEmpty)
            {
                Rune.DecodeFromUtf8(word, out var rune, out int bytes);
                word = word[bytes..];
                prefix = prefixes.FindOrAdd(prefix, rune.Value);
            }
            while (counts.Count < prefixes.Count) counts.Add(0);
            counts[prefix] = count;
            if ((total += count) < 0)
                throw new DataException($"{name} line {lines.Number}: the counts up to here are more than {long.MaxValue} together");
        }
        if (total == 0)
            throw new DataException($"{name}: no word has a count above 0");
        double logTotal = Math.Log(total);
        // Not a number: it compares with nothing, so what is no word wins no comparison.
        double[] scores = [.. counts.Select(count => count == 0 ? double.NaN : Math.Log(count) - logTotal)];
        return new JiebaDictionary(prefixes, scores, -logTotal, Convert.ToHexStringLower(SHA256.HashData(content)));
    }

    /// <summary>The prefix that is longer by a character, or <see cref="PrefixTable.Nothing"/>.</summary>
    internal int Extend(int prefix, char character) => _prefixes.Find(prefix, character);

    /// <summary>Logarithm of the probability of the word that a prefix is; not a number if it is none.</summary>
    internal double Score(int prefix) => _scores[prefix];

    // The word of a line, empty if the line is none of a dictionary.
    private static ReadOnlySpan<byte> ReadWord(ReadOnlySpan<byte> line, out long count)
    {
        count = 0;
        line = line.Trim(" \t\v\f"u8);
        int blank = line.IndexOf((byte)' ');
        if (blank < 0 || !Utf8.IsValid(line)) return [];
        var rest = line[(blank + 1)..];
        var digits = rest.IndexOf((byte)' ') is var end and >= 0 ? rest[..end] : rest;
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out count) ? line[..blank] : [];
    }
}
