using System.Text;

namespace VideoSim.Models.Records;

/// <summary>
/// Walks the lines of a text file, split at LF or CR LF. The last line may or may not have its end; an empty line behind it is
/// none.
/// </summary>
internal ref struct LineReader(ReadOnlySpan<byte> text)
{
    // Enough to recognise a line by in an error message that is to stay one line.
    private const int QuotedBytes = 40;

    private ReadOnlySpan<byte> _rest = text;

    /// <summary>The line, without its end.</summary>
    public ReadOnlySpan<byte> Current { get; private set; }

    /// <summary>Its number, counted from 1.</summary>
    public int Number { get; private set; }

    public bool MoveNext()
    {
        if (_rest.IsEmpty)
        {
            return false;
        }

        var end = _rest.IndexOf((byte)'\n');
        Current = end < 0 ? _rest : _rest[..end];
        _rest = end < 0 ? [] : _rest[(end + 1)..];
        if (Current is [.., (byte)'\r'])
        {
            Current = Current[..^1];
        }

        Number++;
        return true;
    }

    /// <summary>The line as text for an error message.</summary>
    public readonly string Quote() => Quote(Current);

    /// <summary>A part of a line as text for an error message: cut where it is long, a dot for each control character.</summary>
    public static string Quote(ReadOnlySpan<byte> part)
    {
        var text = new StringBuilder(Encoding.UTF8.GetString(part[..Math.Min(part.Length, QuotedBytes)]));
        for (var i = 0; i < text.Length; i++)
        {
            text[i] = char.IsControl(text[i]) ? '.' : text[i];
        }

        return part.Length > QuotedBytes ? text.Append("...").ToString() : text.ToString();
    }
}
