using System.Text;
using System.Text.Unicode;

namespace VideoSim.Engine.Serialization;

/// <summary>
/// Reads the lines of a UTF-8 text file. Only LF ends a line. These do not count: a byte order mark, spaces, tabs and
/// CR at the ends of lines, and empty lines at the end of the file. Lines of ids keep the spaces.
/// </summary>
/// <remarks>Other blanks stay: a published vocabulary contains U+2028.</remarks>
public ref struct LineReader
{
    // Enough to recognise a line in an error message of one line.
    private const int QuotedBytes = 40;

    private static ReadOnlySpan<byte> LittleEndianMark => [0xff, 0xfe];

    private static ReadOnlySpan<byte> BigEndianMark => [0xfe, 0xff];

    private readonly ReadOnlySpan<byte> _blanks;
    private ReadOnlySpan<byte> _rest;

    /// <summary>Starts before the first line of a file's content.</summary>
    /// <param name="text">The content.</param>
    /// <param name="keepsSpaces">Whether spaces at the ends of lines count.</param>
    public LineReader(ReadOnlySpan<byte> text, bool keepsSpaces = false)
    {
        var mark = "\uFEFF"u8;
        _blanks = keepsSpaces ? "\t\r"u8 : " \t\r"u8;
        _rest = (text.StartsWith(mark) ? text[mark.Length..] : text).TrimEnd(keepsSpaces ? "\t\r\n"u8 : " \t\r\n"u8);
    }

    /// <summary>The line, without its end.</summary>
    public ReadOnlySpan<byte> Current { get; private set; }

    /// <summary>Its number, counted from 1.</summary>
    public int Number { get; private set; }

    /// <summary>Moves to the next line; false after the last one.</summary>
    public bool MoveNext()
    {
        if (_rest.IsEmpty)
            return false;

        int end = _rest.IndexOf((byte)'\n');
        Current = (end < 0 ? _rest : _rest[..end]).TrimEnd(_blanks);
        _rest = end < 0 ? [] : _rest[(end + 1)..];
        Number++;
        return true;
    }

    /// <summary>The line as text. No byte is replaced.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <exception cref="DataException">The line is not valid UTF-8; the message names file and line.</exception>
    public readonly string Text(string path)
    {
        RequireText(path);
        return Encoding.UTF8.GetString(Current);
    }

    /// <summary>Refuses a line that is not valid UTF-8.</summary>
    /// <inheritdoc cref="Text"/>
    public readonly void RequireText(string path)
    {
        if (!Utf8.IsValid(Current))
            throw new DataException(Number == 1 && (Current.StartsWith(LittleEndianMark) || Current.StartsWith(BigEndianMark)) ? $"{path}: the text is UTF-16; it must be UTF-8" : $"{path}: line {Number} is not valid UTF-8");
    }

    /// <summary>The line as text for an error message.</summary>
    public readonly string Quote() => Quote(Current);

    /// <summary>
    /// A part of a line as text for an error message: long parts are cut, control characters become dots, and the rest
    /// is as in <see cref="Printable.Whole"/>.
    /// </summary>
    public static string Quote(ReadOnlySpan<byte> part)
    {
        string text = Encoding.UTF8.GetString(part[..Math.Min(part.Length, QuotedBytes)]);
        string shown = Printable.Whole(string.Concat(text.Select(static character => char.IsControl(character) ? '.' : character)));
        return part.Length > QuotedBytes ? $"{shown}..." : shown;
    }
}
