using System.Runtime.CompilerServices;

namespace VideoSim.Models.Text;

/// <summary>
/// A tree of prefixes. Prefix 0 is empty; every other prefix is an earlier one and one more code point. The tree of a
/// real dictionary is larger than a core's caches, so the cost of a look-up is one cache line from memory.
/// </summary>
internal sealed class PrefixTable
{
    /// <summary>The empty prefix.</summary>
    public const int Root = 0;

    /// <summary>Result of <see cref="Find"/> if there is no such prefix.</summary>
    public const int NotFound = -1;

    // Code points have 21 bits. The other bits have room for every positive prefix number.
    private const int BitsOfCodePoint = 21;

    // 2^64 divided by the golden ratio (Knuth, "Sorting and Searching", 6.4): its products spread over the upper bits.
    private const ulong HashMultiplier = 0x9E3779B97F4A7C15;

    // jieba's dictionary, of half a million prefixes, needs 35.
    private const int MostProbes = 1_000;

    // Its length is a power of two, and at most half of it is in use. A slot whose prefix is the root is free.
    private Slot[] _slots = new Slot[1024];

    /// <summary>
    /// Number of prefixes, the empty one included. Prefixes are numbered in the order of their creation.
    /// </summary>
    public int Count { get; private set; } = 1;

    /// <summary>The prefix extended by a code point, or <see cref="NotFound"/>.</summary>
    public int Find(int prefix, int codePoint)
    {
        ref var slot = ref SlotOf(Key(prefix, codePoint));
        return slot.Prefix == Root ? NotFound : slot.Prefix;
    }

    /// <summary>
    /// Like <see cref="Find"/>, but a missing prefix is added. <see cref="NotFound"/> if it is a thousand slots away
    /// from its place: only words that are chosen to make every look-up slow lead to that.
    /// </summary>
    public int FindOrAdd(int prefix, int codePoint)
    {
        if (2 * Count > _slots.Length) Grow();
        ulong key = Key(prefix, codePoint);
        ref var slot = ref SlotOf(key);
        long found = Unsafe.ByteOffset(ref _slots[0], ref slot) / Unsafe.SizeOf<Slot>();
        if (((found - PlaceOf(key)) & (_slots.Length - 1)) > MostProbes) return NotFound;
        if (slot.Prefix == Root) slot = new Slot(key, Count++);
        return slot.Prefix;
    }

    // The slot of a key, or the free slot for it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Slot SlotOf(ulong key)
    {
        var slots = _slots;
        uint place = PlaceOf(key);
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

    private static uint PlaceOf(ulong key) => (uint)(key * HashMultiplier >> 32);

    private static ulong Key(int prefix, int codePoint) => (ulong)(uint)prefix << BitsOfCodePoint | (uint)codePoint;

    private readonly record struct Slot(ulong Key, int Prefix);
}
