using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Datasets;

/// <summary>
/// The frames of one video in a <c>.npy</c> file: a matrix [frames, values of a frame] of float16 or float32. Values of
/// float32 are rounded to the nearest float16, ties to even, because records have float16.
/// </summary>
/// <param name="Values">The frames, one after the other, all finite [Count, Width].</param>
/// <param name="Width">Values of a frame.</param>
public sealed record NpyFrames(Half[] Values, int Width)
{
    /// <summary>The most values that a frame may have.</summary>
    public const int MostColumns = 1 << 16;

    // A video of eleven days at one frame a second. A file with more is refused before memory is allocated.
    private const int MostFrames = 1_000_000;

    /// <summary>Number of frames.</summary>
    public int Count => Values.Length / Width;

    /// <summary>Reads a file.</summary>
    /// <exception cref="DataException">
    /// It cannot be read, is no such matrix or has no rows, or a value is not finite or too large for float16. The
    /// message names file, frame and value.
    /// </exception>
    public static NpyFrames Read(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var header = NpyHeader.Read(stream, path, MostColumns, sizeof(float));
            if (header.Rows == 0)
                throw new DataException($"{path}: there are no frames: the matrix has no rows");
            if (header.Rows > MostFrames || (long)header.Rows * header.Width > Array.MaxLength)
                throw new DataException($"{path}: a matrix of {header.Rows} x {header.Width} is too large for the frames of one video");
            var values = new Half[header.Rows * header.Width];
            if (header.ValueBytes == sizeof(ushort))
                stream.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            else
                ReadSingles(stream, header, values, path);
            int bad = Array.FindIndex(values, static value => !Half.IsFinite(value));
            return bad < 0 ? new NpyFrames(values, header.Width)
                : throw new DataException($"{path}: frame {bad / header.Width} has NaN or infinity at value {bad % header.Width}");
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Reading(path, failure);
        }
    }

    private static void ReadSingles(FileStream stream, NpyHeader header, Span<Half> values, string path)
    {
        float[] frame = new float[header.Width];
        for (int row = 0; row < header.Rows; row++)
        {
            stream.ReadExactly(MemoryMarshal.AsBytes(frame.AsSpan()));
            for (int i = 0; i < frame.Length; i++)
            {
                var rounded = (Half)frame[i];
                if (float.IsFinite(frame[i]) && !Half.IsFinite(rounded))
                    throw new DataException($"{path}: frame {row} has {frame[i].ToString(CultureInfo.InvariantCulture)} at value {i}, too large for float16");
                values[(row * header.Width) + i] = rounded;
            }
        }
    }
}
