using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VideoSim.Models.Synthesis;

/// <summary>The purpose of random numbers. Each purpose has an independent sequence for every number.</summary>
internal enum Purpose : uint
{
    Idea = 1,
    Looks,
    Frames,
    Lexicon,
    Title,
    TagIds,
    Tags,
    Pairs,
    Annotation,
    VideoIds,
}

/// <summary>
/// Random numbers that are a function of (seed, purpose, number) and of the count of numbers drawn before. The
/// generator is SplitMix64 (Steele, Lea and Flood 2014), started at a hash of the three. It uses only integer
/// operations, + - * / and square roots, so every machine draws the same bits.
/// </summary>
internal struct CounterRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _state;

    /// <summary>Starts the sequence of (seed, purpose, number).</summary>
    internal CounterRandom(ulong seed, Purpose purpose, ulong number) =>
        _state = Mix(Mix(Mix(seed + Golden) + (uint)purpose * Golden) + number);

    /// <summary>64 random bits.</summary>
    internal ulong NextBits() => Mix(_state += Golden);

    /// <summary>Uniform in [0, 1).</summary>
    internal double NextUniform() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, <paramref name="bound"/>); the bias is below bound / 2^64.</summary>
    internal int NextBelow(int bound) => (int)Math.BigMul(NextBits(), (ulong)bound, out _);

    /// <summary>True with the given probability.</summary>
    internal bool NextBool(double probability) => NextUniform() < probability;

    /// <summary>Puts values into random order (Fisher and Yates).</summary>
    internal void Shuffle<T>(T[] values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = NextBelow(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>Close to a standard normal: the centred sum of four uniforms (Irwin-Hall), within +-3.46.</summary>
    internal double NextNormal()
    {
        ulong bits = NextBits();
        ulong sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);

        // Each uniform on 0..65535 has variance 65536^2 / 12 (to 1e-9), the four together 65536^2 / 3.
        return (sum - (2.0 * 0xFFFF)) * (1.7320508075688772 / 65536);
    }

    /// <summary>
    /// Adds <paramref name="scale"/> times noise of mean 0 and deviation 1 (triangular, within +-2.45) to every value.
    /// </summary>
    internal void AddNoise(Span<float> values, float scale)
    {
        uint key = (uint)NextBits();
        float factor = scale / (65536 / 2.449489742783178f);
        int i = 0;
        for (; i <= values.Length - Vector256<uint>.Count; i += Vector256<uint>.Count)
        {
            var hash = Hash(Vector256.Create(key + (uint)i) + Vector256<uint>.Indices);
            var sum = (hash & Vector256.Create(0xFFFFu)) + (hash >>> 16);
            var centred = Vector256.ConvertToSingle(sum.AsInt32() - Vector256.Create(0xFFFF));
            var slice = values[i..];
            (Vector256.Create<float>(slice) + (centred * factor)).CopyTo(slice);
        }

        for (; i < values.Length; i++)
        {
            uint hash = Hash(Vector256.CreateScalar(key + (uint)i)).ToScalar();
            values[i] += ((int)((hash & 0xFFFF) + (hash >> 16)) - 0xFFFF) * factor;
        }
    }

    // The finaliser of SplitMix64; one-to-one.
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }

    // 32-bit integer hash "lowbias32" (Chris Wellons, hash-prospector).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Hash(Vector256<uint> x)
    {
        x = (x ^ (x >>> 16)) * 0x7FEB352Du;
        x = (x ^ (x >>> 15)) * 0x846CA68Bu;
        return x ^ (x >>> 16);
    }
}
