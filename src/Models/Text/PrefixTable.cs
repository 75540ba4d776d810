using System.Runtime.CompilerServices;

namespace VideoSim.Models.Text;

/// <summary>
/// A tree of prefixes: prefix 0 is empty, every other one is an earlier one and a code point more. A look-up touches one
/// line of memory, which is what it costs: the tree of a real dictionary is larger than a core's caches.
/// </summary>
internal sealed class PrefixTable
{
    /// <summary>The empty prefix.</summary>
    public const int Root = 0;

    /// <summary>What <see cref="Find"/> says where there is no such prefix.</summary>
    public const int Nothing = -1;

    // Code points have 21 bits, so this leaves room for every positive number of a prefix.
    private const int BitsOfCodePoint = 21;

    // 2^64 divided by the golden ratio (Knuth, "Sorting and Searching", 6.4): its products spread over the upper bits.
    private const ulong Spread = 0x9E3779B97F4A7C15;

    // A power of two, at most half of it in use; a slot whose prefix is the root is free.
    private Slot[] _slots = new Slot[1024];

    /// <summary>Number of prefixes, the empty one included; they are numbered in the order in which they came.</summary>
    public int Count { get; private set; } = 1;

    /// <summary>The prefix that is longer by a code point, or <see cref="Nothing"/>.</summary>
    public int Find(int prefix, int codePoint)
    {
        ref var slot = ref SlotOf(Key(prefix, codePoint));
        return slot.Prefix == Root ? Nothing : slot.Prefix;
    }

    /// <summary>The same, made if there is none.</summary>
    public int FindOrAdd(int prefix, int codePoint)
    {
        if (2 * Count > _slots.Length) Grow();
        ref var slot = ref SlotOf(Key(prefix, codePoint));
        if (slot.Prefix == Root) slot = new Slot(Key(prefix, codePoint), Count++);
        return slot.Prefix;
    }

    // Where a key is, or the free slot where it would go.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Slot SlotOf(ulong key)
    {
        var slots = _slots;
        ulong place = key * Spread >> 32;
        while (true)
        {
            ref var slot = ref slots[(int)place & (slots.Length - 1)];
            if (slot.Key == key || slot.Prefix == Root) return ref slot;
            place++;
        }
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new Slot[2 * old.Length];
        foreach (var slot in old)
        {
            if (slot.Prefix != Root) SlotOf(slot.Key) = slot;
        }
    }

    private static ulong Key(int prefix, int codePoint) => (ulong)(uint)prefix << BitsOfCodePoint | (uint)codePoint;

    private readonly record struct Slot(ulong Key, int Prefix);
}
