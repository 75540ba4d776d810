using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Memory;

/// <summary>An allocation of a step, from the first launch that uses it to the last.</summary>
/// <param name="Bytes">Its size in the arena.</param>
/// <param name="First">Tick of the first launch.</param>
/// <param name="Last">
/// Tick of the last launch beside which a launch that uses it may run; <see cref="End"/> if its values are read after
/// the step.
/// </param>
internal readonly record struct Lifetime(long Bytes, int First, int Last)
{
    /// <summary>After all launches.</summary>
    public const int End = int.MaxValue;

    /// <summary>
    /// Whether a launch or a group needs both allocations, or one is written between uses of the other.
    /// </summary>
    // Ticks are in one order, because launches run one after the other, except in a group. A launch of a branch may
    // also run later, up to its join, so what it uses lives until then.
    public bool Overlaps(in Lifetime other) => First <= other.Last && other.First <= Last;

    /// <summary>The most bytes that live at the same time.</summary>
    public static long MostBytesAtOnce(IReadOnlyList<Lifetime> lives)
    {
        long living = 0, most = 0;
        foreach (var (_, bytes) in lives.SelectMany(static life => new[] { ((long)life.First, life.Bytes), (life.Last + 1L, -life.Bytes) }).Order())
            most = Math.Max(most, living += bytes); // of one tick, Order puts those that end first
        return most;
    }

    /// <summary>
    /// The lifetimes of all allocations of a counted step, in order. A launch uses an allocation if an address in its
    /// arguments lies inside. An allocation that no launch uses lives for the whole step.
    /// </summary>
    /// <param name="arena">The arena that the step was counted with. No other memory has its addresses.</param>
    /// <param name="launches">The launches of the step.</param>
    /// <param name="results">Tensors that are read after the step.</param>
    public static Lifetime[] Of(Arena arena, IReadOnlyList<CountedLaunch> launches, IEnumerable<Tensor> results)
    {
        nint[] starts = [.. arena.Allocations.Select(static allocation => allocation.Address)];
        var lives = new Lifetime?[starts.Length];
        foreach (var launch in launches)
        {
            foreach (nint address in launch.Addresses)
            {
                if (IndexOf(address) is >= 0 and int i)
                    lives[i] = new Lifetime(arena.Allocations[i].Bytes, lives[i]?.First ?? launch.Tick, Math.Max(lives[i]?.Last ?? 0, launch.LastTick));
            }
        }
        foreach (var result in results)
        {
            if (result.Exists && IndexOf(result.Address) is >= 0 and int i && lives[i] is { } life)
                lives[i] = life with { Last = End };
        }
        return [.. lives.Select((life, i) => life ?? new Lifetime(arena.Allocations[i].Bytes, 0, End))];

        // The allocation with an address, or -1. Only the last allocation at a start can have bytes.
        int IndexOf(nint address)
        {
            int from = 0, to = starts.Length;
            while (from < to)
            {
                int middle = (from + to) / 2;
                (from, to) = starts[middle] <= address ? (middle + 1, to) : (from, middle);
            }
            return from > 0 && address < starts[from - 1] + (nint)arena.Allocations[from - 1].Bytes ? from - 1 : -1;
        }
    }
}
