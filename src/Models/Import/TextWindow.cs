using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Import;

/// <summary>
/// The bytes of a text file from the current row on, as many as fit into a row of the largest size. Counts lines. A
/// byte order mark of UTF-8 at the beginning is left out.
/// </summary>
internal sealed class TextWindow : IDisposable
{
    /// <summary>Size of the largest row.</summary>
    internal const int MostRowBytes = 1 << 20;

    private readonly FileStream _stream;
    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end;

    internal TextWindow(string path)
    {
        FileFailure.RefuseSpecial(path);
        try
        {
            _stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Reading(path, e);
        }
        Path = path;
        TryGrow();
        if (Rest.StartsWith("\uFEFF"u8))
            _start += 3;
        if (Rest.StartsWith((ReadOnlySpan<byte>)[0xff, 0xfe]) || Rest.StartsWith((ReadOnlySpan<byte>)[0xfe, 0xff]))
        {
            Dispose();
            throw new DataException($"{path}: the text is UTF-16; tables are read as UTF-8");
        }
    }

    internal string Path { get; }

    /// <summary>Number of the current line, from 1.</summary>
    internal long Line { get; private set; } = 1;

    /// <summary>Whether <see cref="Rest"/> reaches to the end of the file.</summary>
    internal bool IsWhole { get; private set; }

    /// <summary>The bytes from the current position on.</summary>
    internal ReadOnlySpan<byte> Rest => _buffer.AsSpan(_start, _end - _start);

    /// <summary>
    /// Reads more of the file. False if the whole rest, or as much as a row may have, was read before.
    /// </summary>
    internal bool TryGrow()
    {
        if (IsWhole || _end - _start >= MostRowBytes)
            return false;
        Rest.CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, Math.Min(2 * _buffer.Length, MostRowBytes));
        try
        {
            int read = _stream.Read(_buffer.AsSpan(_end));
            _end += read;
            IsWhole = read == 0;
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Reading(Path, e);
        }
        return true;
    }

    /// <summary>Moves on within <see cref="Rest"/>.</summary>
    internal void Skip(int bytes)
    {
        Line += Rest[..bytes].Count((byte)'\n');
        _start += bytes;
    }

    /// <summary>Moves to the beginning of the next line.</summary>
    internal void SkipLine()
    {
        int end;
        while ((end = Rest.IndexOf((byte)'\n')) < 0)
        {
            if (!TryGrow())
            {
                Skip(Rest.Length);
                if (IsWhole)
                    return;
            }
        }
        Skip(end + 1);
    }

    public void Dispose() => _stream.Dispose();
}
