using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>
/// The frames of one video in a <c>.npy</c> file of NumPy: float16 or float32, little-endian, in C order, [frames,
/// width]. Problems do not throw, except in <see cref="ReadAll"/>: a reason describes them.
/// </summary>
public sealed class FrameFile : IDisposable
{
    // NumPy's header of a matrix has 128 bytes.
    private const int TypicalHeaderBytes = 256;

    // As fp16 they take half of the largest record that is read.
    private const long MostValues = 1 << 28;

    private const string Single = "<f4";

    private readonly SafeFileHandle _file;
    private readonly NumpyHeader _header;

    private FrameFile(SafeFileHandle file, NumpyHeader header, long bytes) => (_file, _header, FileBytes) = (file, header, bytes);

    /// <summary>Number of frames, at least one.</summary>
    public int Count => (int)_header.Shape[0];

    /// <summary>Values of a frame, at least one.</summary>
    public int Width => (int)_header.Shape[1];

    /// <summary>Size of the file.</summary>
    public long FileBytes { get; }

    /// <summary>Time of the last change of the file.</summary>
    public DateTime ChangedAt => File.GetLastWriteTimeUtc(_file);

    private bool IsSingle => _header.Type == Single;

    /// <summary>Opens a file and checks its header and its size.</summary>
    /// <param name="path">The file.</param>
    /// <param name="frames">The frames, to be disposed.</param>
    /// <param name="reason">The problem, as the end of a message that names the file.</param>
    public static bool TryOpen(string path, [NotNullWhen(true)] out FrameFile? frames, [NotNullWhen(false)] out string? reason)
    {
        frames = null;
        if (!InputFile.TryOpen(path, FileOptions.None, out var file, out long length, out reason))
        {
            reason = Directory.Exists(path) ? "is a folder" : reason;
            return false;
        }
        if (ReadHeader(file, length, out var header, out reason))
            frames = new FrameFile(file, header, length);
        else
            file.Dispose();
        return frames is not null;
    }

    /// <summary>Reads and checks all frames of a file.</summary>
    /// <returns>The values, [frames, width], and the width.</returns>
    /// <exception cref="DataException">A problem; the message names the file.</exception>
    public static (Half[] Values, int Width) ReadAll(string path)
    {
        byte[] buffer = [];
        if (!TryOpen(path, out var file, out string? reason))
            throw new DataException($"{path}: {reason}");
        using (file)
        {
            var values = new Half[(long)file.Count * file.Width];
            return file.TryRead(values, ref buffer, out reason) ? (values, file.Width) : throw new DataException($"{path}: {reason}");
        }
    }

    /// <summary>Reads and checks all frames of a file that is in memory.</summary>
    /// <param name="file">The file.</param>
    /// <param name="values">The values, [frames, width].</param>
    /// <param name="width">Values of a frame.</param>
    /// <param name="reason">The problem, as the end of a message that names the file.</param>
    public static bool TryParse(ReadOnlySpan<byte> file, [NotNullWhen(true)] out Half[]? values, out int width, [NotNullWhen(false)] out string? reason)
    {
        (values, width) = (null, 0);
        if (!ReadHeader(file, file.Length, out var header, out reason))
            return false;
        width = (int)header.Shape[1];
        var read = new Half[header.Shape[0] * width];
        var content = file[header.DataStart..];
        var singles = header.Type == Single ? MemoryMarshal.Cast<byte, float>(content) : [];
        if (singles.IsEmpty)
            content.CopyTo(MemoryMarshal.AsBytes(read.AsSpan()));
        else
            HalfValues.FromSingles(singles, read);
        if (!Check(read, singles, width, out reason))
            return false;
        values = read;
        return true;
    }

    /// <summary>Reads all frames. Every value must be finite as fp16.</summary>
    /// <param name="values">[frames, width], overwritten.</param>
    /// <param name="buffer">Memory to use again; it grows as needed.</param>
    /// <param name="reason">The problem, as the end of a message that names the file.</param>
    public bool TryRead(Span<Half> values, ref byte[] buffer, [NotNullWhen(false)] out string? reason)
    {
        var halves = MemoryMarshal.AsBytes(values);
        if (!IsSingle)
            return TryFill(halves, out reason) && Check(values, singles: [], Width, out reason);
        int bytes = values.Length * sizeof(float);
        if (buffer.Length < bytes)
            buffer = GC.AllocateUninitializedArray<byte>((int)Math.Min(BitOperations.RoundUpToPowerOf2((uint)bytes), (uint)Array.MaxLength));
        if (!TryFill(buffer.AsSpan(0, bytes), out reason))
            return false;
        var singles = MemoryMarshal.Cast<byte, float>(buffer.AsSpan(0, bytes));
        HalfValues.FromSingles(singles, values);
        return Check(values, singles, Width, out reason);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static bool ReadHeader(SafeFileHandle file, long length, [NotNullWhen(true)] out NumpyHeader? header, [NotNullWhen(false)] out string? reason)
    {
        header = null;
        Span<byte> start = stackalloc byte[TypicalHeaderBytes];
        int read = InputFile.Read(file, start, 0, out reason);
        if (reason is null && NumpyHeader.TryFindEnd(start[..read], out int end) && end > start.Length)
        {
            start = new byte[end];
            read = InputFile.Read(file, start, 0, out reason);
        }
        return reason is null && ReadHeader(start[..read], length, out header, out reason);
    }

    private static bool ReadHeader(ReadOnlySpan<byte> start, long length, [NotNullWhen(true)] out NumpyHeader? header, [NotNullWhen(false)] out string? reason)
    {
        header = null;
        reason = !NumpyHeader.TryFindEnd(start, out int end) ? length == 0 ? "the file is empty" : "is not a .npy file"
            : end > start.Length ? "the file ends inside its header"
            : !NumpyHeader.TryRead(start[..end], out header, out string text) ? $"its header is not that of a plain array: {Printable.Quote(text)}"
            : Refusal(header, length);
        return reason is null;
    }

    private static string? Refusal(NumpyHeader header, long length)
    {
        if (header.Type is not ("<f2" or "<f4"))
        {
            return header.Type.StartsWith("|O", StringComparison.Ordinal) ? "contains Python objects, which are not read; expected '<f2' or '<f4'"
                : $"has values of type {Printable.Quote(header.Type)}; expected '<f2' or '<f4': float16 or float32, little-endian";
        }
        if (header.Shape is not [long frames, long width])
            return $"has {header.Shape.Count} dimensions; expected 2: frames, values of a frame";
        if (header.IsFortranOrder)
            return "is in Fortran order; expected C order, as numpy.ascontiguousarray gives it";
        if (frames == 0 || width == 0)
            return frames == 0 ? "has no frames" : "has frames without values";
        // A hostile size is refused before it is multiplied.
        if (frames > MostValues || width > MostValues || frames * width > MostValues)
            return $"has {frames} frames of {width} values; a video may have {MostValues} values";
        long expected = header.DataStart + frames * width * (header.Type[2] - '0');
        return length == expected ? null : $"{frames} frames of {width} values need {expected} bytes, the file has {length}";
    }

    private bool TryFill(Span<byte> bytes, [NotNullWhen(false)] out string? reason)
    {
        reason = InputFile.Read(_file, bytes, _header.DataStart, out string? failure) < bytes.Length ? failure ?? "the file became shorter while it was read" : null;
        return reason is null;
    }

    // The values of a float32 file are known before their rounding.
    private static bool Check(ReadOnlySpan<Half> values, ReadOnlySpan<float> singles, int width, [NotNullWhen(false)] out string? reason)
    {
        int bad = HalfValues.IndexOfNonFinite(MemoryMarshal.AsBytes(values));
        reason = bad < 0 ? null : Place(bad, width, singles.IsEmpty ? (float)values[bad] : singles[bad]);
        return reason is null;
    }

    private static string Place(int value, int width, float found) => string.Create(CultureInfo.InvariantCulture,
        $"frame {value / width} has {(float.IsFinite(found) ? $"{found}, outside of float16's range," : float.IsNaN(found) ? "NaN" : "infinity")} at value {value % width}");
}
