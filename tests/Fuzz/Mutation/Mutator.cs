using System.Buffers.Binary;
using System.Text;

namespace VideoSim.Fuzz.Mutation;

/// <summary>Changes inputs. All choices come from one generator, so the same seed gives the same inputs.</summary>
/// <param name="random">The generator.</param>
/// <param name="others">Inputs from which parts are taken.</param>
/// <param name="mostBytes">Size of the longest result.</param>
internal sealed class Mutator(Random random, IReadOnlyList<byte[]> others, int mostBytes)
{
    private const int MostSteps = 8;

    // Limits of integers, and one more or less.
    private static readonly long[] Integers =
    [
        0, 1, -1, 2, 16, 63, 64, 65, 100, 127, 128, 255, 256, 1000, 1024, 4096, 32767, 32768, 65535, 65536, 1 << 20, (1 << 30) - 1, 1 << 30, (1 << 30) + 1, int.MaxValue - 1, int.MaxValue,
        1L + int.MaxValue, uint.MaxValue, 1L + uint.MaxValue, 1L << 53, long.MaxValue - 1, long.MaxValue, long.MinValue, int.MinValue, -128, -32768,
    ];

    // Parts of texts at which readers stumble.
    private static readonly byte[][] Texts =
    [
        .. new[]
        {
            "", " ", "\t", "\n", "\r", "\r\n", "\0", "\u001b[2J\u001b[31m", "\u202e", "\u2028", "\u0085", "\uFEFF", "\u00A0", "\u3000", "\uFFFD", "\uFFFF", "\U0001F600", "e\u0301", "中文", "##", "[UNK]", "[MASK]",
            "NaN", "nan", "Infinity", "-Infinity", "inf", "1e999", "-1e999", "1e-999", "1e-46", "3.5e38", "0.1", ".5", "5.", "+5", "-0", "-1", "00", "0x10", "1_000", "1,5", "１", "9223372036854775807", "9223372036854775808",
            "18446744073709551616", "2147483648", "340282366920938463463374607431768211456", "null", "true", "false", "{}", "[]", "\"", "'", "\\", "\\ud800", "\\u0000", "\\udc00", "\"\"", ",", ";", "|", ":", "=", "#", "/*", "//", "..", "../", "/",
            "id", "title", "tags", "frames", "split", "%s", "${x}",
        }.Select(Encoding.UTF8.GetBytes),
        [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe4, 0xb8], [0xff, 0xfe], [0xfe, 0xff], [0xef, 0xbb, 0xbf],
    ];

    /// <summary>The generator.</summary>
    public Random Random => random;

    /// <summary>Another input.</summary>
    public byte[] Other() => others[random.Next(others.Count)];

    /// <summary>
    /// Another input, the shorter ones more often. Long ones reach few new edges for their time, and make longer ones.
    /// </summary>
    public byte[] Short()
    {
        byte[] first = Other(), second = Other();
        return first.Length <= second.Length ? first : second;
    }

    /// <summary>True once in so many times.</summary>
    public bool OneIn(int times) => random.Next(times) == 0;

    /// <summary>One of some values.</summary>
    public T Pick<T>(IReadOnlyList<T> values) => values[random.Next(values.Count)];

    /// <summary>A hostile part of a text, sometimes a very long one.</summary>
    public byte[] Text()
    {
        byte[] text = Pick(Texts);
        return OneIn(20) ? Repeat(text.Length == 0 ? "a"u8 : text, 1 << random.Next(6, 14)) : text;
    }

    /// <summary>A whole number at a limit, or any.</summary>
    public long Integer() => OneIn(4) ? random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64) : Pick(Integers);

    /// <summary>Changes bytes without regard to their meaning, in one step or several.</summary>
    public byte[] Bytes(byte[] input) => Steps(input, Step);

    /// <summary>Changes lines and parts of lines, or bytes.</summary>
    public byte[] Lines(byte[] input) => Steps(input, bytes => OneIn(3) ? Step(bytes) : LineStep(bytes));

    /// <summary>Changes values and keys of JSON, or bytes.</summary>
    public byte[] Json(byte[] input) => Steps(input, bytes => OneIn(4) ? Step(bytes) : JsonMutation.Step(this, bytes));

    /// <summary>Applies a few steps.</summary>
    public byte[] Steps(byte[] input, Func<byte[], byte[]> step)
    {
        for (int steps = OneIn(3) ? random.Next(1, MostSteps + 1) : 1; steps > 0; steps--)
            input = Bounded(step(input));
        return input;
    }

    /// <summary>The bytes, cut at the longest length.</summary>
    public byte[] Bounded(byte[] bytes) => bytes.Length <= mostBytes ? bytes : bytes[..mostBytes];

    /// <summary>Replaces a part of an input.</summary>
    public static byte[] Replace(byte[] input, int start, int length, ReadOnlySpan<byte> by) => [.. input.AsSpan(0, start), .. by, .. input.AsSpan(start + length)];

    /// <summary>The same bytes a number of times.</summary>
    public static byte[] Repeat(ReadOnlySpan<byte> bytes, int times)
    {
        byte[] all = new byte[bytes.Length * times];
        for (int i = 0; i < times; i++)
            bytes.CopyTo(all.AsSpan(i * bytes.Length));
        return all;
    }

    private byte[] Step(byte[] input)
    {
        if (input.Length == 0)
            return Other();
        int at = random.Next(input.Length), length = Math.Min(input.Length - at, OneIn(4) ? random.Next(1, input.Length + 1) : 1 << random.Next(6));
        switch (random.Next(11))
        {
            case 0:
                return Changed(input, at, (byte)(input[at] ^ (1 << random.Next(8))));
            case 1:
                return Changed(input, at, (byte)random.Next(256));
            case 2:
                return Changed(input, at, (byte)(input[at] + (OneIn(2) ? 1 : -1)));
            case 3:
                return WithInteger(input, at);
            case 4: // delete
                return Replace(input, at, length, []);
            case 5: // duplicate
                return Replace(input, at, 0, input.AsSpan(at, length));
            case 6: // repeat
                return Replace(input, at, 0, Repeat(input.AsSpan(at, Math.Min(length, 64)), 1 << random.Next(1, 9)));
            case 7: // cut
                return input[..at];
            case 8: // insert
                return Replace(input, at, OneIn(2) ? length : 0, Text());
            case 9: // move
                return Replace(Replace(input, at, length, []), random.Next(input.Length - length + 1), 0, input.AsSpan(at, length));
            default: // splice
                byte[] other = Other();
                int from = random.Next(other.Length + 1);
                return [.. input.AsSpan(0, at), .. other.AsSpan(OneIn(2) ? Math.Min(at, other.Length) : from)];
        }
    }

    private static byte[] Changed(byte[] input, int at, byte value)
    {
        byte[] changed = [.. input];
        changed[at] = value;
        return changed;
    }

    private byte[] WithInteger(byte[] input, int at)
    {
        byte[] bytes = new byte[sizeof(long)], changed = [.. input];
        if (OneIn(4))
            BinaryPrimitives.WriteInt64BigEndian(bytes, Integer());
        else
            BinaryPrimitives.WriteInt64LittleEndian(bytes, Integer());
        int size = Math.Min(1 << random.Next(4), input.Length - at);
        bytes.AsSpan(0, size).CopyTo(changed.AsSpan(at));
        return changed;
    }

    private byte[] LineStep(byte[] input)
    {
        var lines = new List<byte[]>();
        foreach (var range in input.AsSpan().Split((byte)'\n'))
            lines.Add(input[range]);
        int at = random.Next(lines.Count);
        byte[] line = lines[at];
        switch (random.Next(8))
        {
            case 0:
                lines.RemoveAt(at);
                break;
            case 1:
                lines.Insert(random.Next(lines.Count + 1), line);
                break;
            case 2:
                int second = random.Next(lines.Count);
                (lines[at], lines[second]) = (lines[second], line);
                break;
            case 3:
                lines.Insert(at, Text());
                break;
            case 4:
                byte[] other = Other();
                lines.Insert(at, other[..Math.Min(other.Length, random.Next(64))]);
                break;
            default:
                int start = random.Next(line.Length + 1), length = OneIn(2) ? 0 : Math.Min(line.Length - start, random.Next(8));
                lines[at] = Replace(line, start, length, Text());
                break;
        }
        return Join(lines, OneIn(20) ? "\r\n"u8 : "\n"u8);
    }

    private static byte[] Join(List<byte[]> lines, ReadOnlySpan<byte> end)
    {
        using var all = new MemoryStream();
        for (int i = 0; i < lines.Count; i++)
        {
            if (i > 0)
                all.Write(end);
            all.Write(lines[i]);
        }
        return all.ToArray();
    }
}
