using System.Numerics;

namespace VideoSim.Models.Batches;

/// <summary>
/// The generator MT19937 of Matsumoto and Nishimura, seeded and used like CPython's <c>random</c>. A shuffle here
/// equals the reference's shuffle (docs/reference-system.md, section 9, item 19). Only the folds use it; all other
/// random numbers come from Philox.
/// </summary>
public sealed class MersenneTwister
{
    private const int Words = 624;
    private const int Shift = 397;
    private const uint LowBits = 0x7fff_ffff;

    private readonly uint[] _state = new uint[Words];
    private int _used = Words;

    /// <summary>Starts like <c>random.seed(seed)</c>.</summary>
    public MersenneTwister(uint seed)
    {
        // init_by_array with the one-word key [seed], on top of init_genrand(19650218).
        _state[0] = 19650218;
        for (uint i = 1u; i < Words; i++)
            _state[i] = (1812433253 * Mixed(i - 1)) + i;

        int at = 1;
        for (int i = 0; i < Words; i++)
        {
            _state[at] = (_state[at] ^ (Mixed((uint)at - 1) * 1664525)) + seed;
            at = Next(at);
        }

        for (int i = 1; i < Words; i++)
        {
            _state[at] = (_state[at] ^ (Mixed((uint)at - 1) * 1566083941)) - (uint)at;
            at = Next(at);
        }

        _state[0] = 0x8000_0000;
    }

    /// <summary>The next 32 bits.</summary>
    public uint NextUInt32()
    {
        if (_used == Words)
            Twist();

        uint y = _state[_used++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        return y ^ (y >> 18);
    }

    /// <summary>
    /// A number in [0, <paramref name="bound"/>). It draws as many top bits as the bound has, until the number is
    /// below the bound.
    /// </summary>
    public int NextBelow(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        int unusedBits = BitOperations.LeadingZeroCount((uint)bound);
        uint drawn;
        do
        {
            drawn = NextUInt32() >> unusedBits;
        }
        while (drawn >= bound);
        return (int)drawn;
    }

    /// <summary>Shuffles like <c>random.shuffle</c>.</summary>
    public void Shuffle(Span<int> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextBelow(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private uint Mixed(uint i) => _state[i] ^ (_state[i] >> 30);

    // The key schedule visits the words 1 .. 623 in a ring. When it wraps around, it copies the last word to word 0.
    private int Next(int at)
    {
        if (++at < Words)
            return at;

        _state[0] = _state[Words - 1];
        return 1;
    }

    private void Twist()
    {
        for (int i = 0; i < Words; i++)
        {
            uint y = (_state[i] & ~LowBits) | (_state[(i + 1) % Words] & LowBits);
            _state[i] = _state[(i + Shift) % Words] ^ (y >> 1) ^ ((y & 1) * 0x9908_b0df);
        }

        _used = 0;
    }
}
