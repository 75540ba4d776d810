using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Text;

/// <summary>
/// The pieces of a text encoder, in the order of their ids: the lines of Hugging Face's vocab.txt. Immutable.
/// </summary>
public sealed class Vocabulary
{
    /// <summary>Marks a piece that continues a word.</summary>
    public const string ContinuationPrefix = "##";

    /// <summary>
    /// The most pieces. The vocabularies of models for all languages have half of it. The word table of a model has a
    /// row for each piece.
    /// </summary>
    public const int MostPieces = 1 << 20;

    /// <summary>The largest file that is read; the published ones have 0.1 to 5 MB.</summary>
    internal static readonly FileLimit Limit = new("a vocabulary", 20);

    // Two tables, so the rest of a word can be looked up without adding the prefix.
    private readonly PieceTable _starts;
    private readonly PieceTable _continuations;
    private readonly string[] _pieces;

    private Vocabulary(string[] pieces, FrozenDictionary<string, int> starts, FrozenDictionary<string, int> continuations, string name)
    {
        _pieces = pieces;
        _starts = new PieceTable(starts);
        _continuations = new PieceTable(continuations);
        Sha256 = Sha256Of(pieces);
        PadId = Special(0);
        UnknownId = Special(1);
        ClassId = Special(2);
        SeparatorId = Special(3);
        MaskId = Special(4);

        int Special(int index) => starts.TryGetValue(SpecialTokens[index], out int id)
            ? id
            : throw new DataException($"{name}: the special token {SpecialTokens[index]} is missing");
    }

    /// <summary>Number of pieces; ids lie in [0, Count).</summary>
    public int Count => _pieces.Length;

    /// <summary>The piece with an id.</summary>
    public string this[int id] => _pieces[id];

    /// <summary>
    /// Whether a piece is a Chinese word of several characters: RoFormer's published vocabulary has thousands, BERT's
    /// none.
    /// </summary>
    public bool HasChineseWords => _pieces.Any(static piece => piece.Count(static character => character is >= '\u4E00' and <= '\u9FFF') > 1);

    /// <summary>SHA-256 of <see cref="ToFile"/>, in lower-case hexadecimal; equal for equal vocabularies.</summary>
    public string Sha256 { get; }

    /// <summary>Id of [PAD], which fills the end of a row.</summary>
    public int PadId { get; }

    /// <summary>Id of [UNK], which stands for a word that cannot be split into pieces.</summary>
    public int UnknownId { get; }

    /// <summary>Id of [CLS], the first token of every row.</summary>
    public int ClassId { get; }

    /// <summary>Id of [SEP], the token after the text of a row.</summary>
    public int SeparatorId { get; }

    /// <summary>Id of [MASK], which hides a token in pretraining.</summary>
    public int MaskId { get; }

    /// <summary>The special tokens with their ids.</summary>
    internal IReadOnlyDictionary<string, int> SpecialIds => SpecialTokens.ToDictionary(static token => token, token => _starts.ByPiece[token]);

    /// <summary>The special token that stands literally at the start of a text, or null.</summary>
    internal static string? SpecialTokenAtStart(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || text[0] != '[') return null;
        foreach (string token in SpecialTokens)
        {
            if (text.StartsWith(token, StringComparison.Ordinal)) return token;
        }
        return null;
    }

    // Every vocabulary must have these.
    private static readonly string[] SpecialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    /// <summary>Reads a vocab.txt.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read, or is not a vocabulary; see <see cref="Parse"/>.
    /// </exception>
    public static Vocabulary Load(string path) => Parse(FileFailure.ReadAllBytes(path, Limit), path);

    /// <summary>Creates a vocabulary from a file's content.</summary>
    /// <param name="content">
    /// UTF-8, one piece per line. The id of a piece is the number of its line, counted from 0. If a piece has several
    /// lines, the last one is used, as in Hugging Face's tokenizers. No text gets the ids of the others.
    /// </param>
    /// <param name="name">Name of the file in messages.</param>
    /// <exception cref="DataException">
    /// A line is empty or not UTF-8; there are more than <see cref="MostPieces"/>; a special token is missing.
    /// </exception>
    public static Vocabulary Parse(ReadOnlySpan<byte> content, string name)
    {
        var pieces = new List<string>();
        var starts = new Dictionary<string, int>(StringComparer.Ordinal);
        var continuations = new Dictionary<string, int>(StringComparer.Ordinal);
        var lines = new LineReader(content);
        while (lines.MoveNext())
        {
            var line = lines.Current;
            if (pieces.Count == MostPieces) throw new DataException($"{name}: has more than {MostPieces} pieces");
            if (line.IsEmpty) throw new DataException($"{name} line {lines.Number}: the piece is empty");
            string piece = lines.Text(name);
            bool isContinuation = piece.StartsWith(ContinuationPrefix, StringComparison.Ordinal);
            var table = isContinuation ? continuations : starts;
            string key = isContinuation ? piece[ContinuationPrefix.Length..] : piece;
            table[key] = pieces.Count;
            pieces.Add(piece);
        }
        return new Vocabulary([.. pieces], starts.ToFrozenDictionary(StringComparer.Ordinal), continuations.ToFrozenDictionary(StringComparer.Ordinal), name);
    }

    /// <summary>The pieces as a vocabulary file, one a line.</summary>
    public byte[] ToFile() => Encoding.UTF8.GetBytes(string.Concat(_pieces.Select(piece => piece + "\n")));

    private static string Sha256Of(string[] pieces)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string piece in pieces)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(piece));
            hash.AppendData("\n"u8);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Finds the id of a piece, written as in the file. It is that of the piece's last line.</summary>
    public bool TryGetId(ReadOnlySpan<char> piece, out int id) =>
        piece.StartsWith(ContinuationPrefix, StringComparison.Ordinal)
            ? _continuations.ByPiece.TryGetValue(piece[ContinuationPrefix.Length..], out id)
            : _starts.ByPiece.TryGetValue(piece, out id);

    /// <summary>Finds the longest piece that <paramref name="text"/> begins with.</summary>
    /// <param name="text">A word, or what is left of it.</param>
    /// <param name="continuesWord">True for pieces that continue a word, false for pieces that begin one.</param>
    /// <param name="id">The piece's id.</param>
    /// <returns>The piece's length in characters, its prefix not counted; 0 if there is none.</returns>
    internal int LongestPiece(ReadOnlySpan<char> text, bool continuesWord, out int id)
    {
        var table = continuesWord ? _continuations : _starts;
        for (int length = Math.Min(text.Length, table.Longest); length > 0; length--)
        {
            if (table.ByPiece.TryGetValue(text[..length], out id)) return length;
        }
        id = UnknownId;
        return 0;
    }

    private readonly struct PieceTable(FrozenDictionary<string, int> ids)
    {
        public readonly FrozenDictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> ByPiece =
            ids.GetAlternateLookup<ReadOnlySpan<char>>();

        public readonly int Longest = ids.Keys.Max(key => (int?)key.Length) ?? 0;
    }
}
