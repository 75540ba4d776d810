using System.Numerics;
using System.Runtime.InteropServices;
using SharpFuzz.Common;
using VideoSim.Models.Datasets;

namespace VideoSim.Fuzz;

/// <summary>
/// The edges of the program that executions reached. SharpFuzz has rewritten the assemblies (instrument.sh): each
/// branch counts in a table of 64 KB. Without that, nothing is reached.
/// </summary>
internal sealed unsafe class Coverage
{
    private const int Edges = 1 << 16; // SharpFuzz's size of the table

    private readonly byte* _counts;
    private readonly byte[] _seen = new byte[Edges];

    private Coverage()
    {
        _counts = (byte*)NativeMemory.AllocZeroed(Edges); // until the process ends
        Trace.SharedMem = _counts;
    }

    /// <summary>Whether the assemblies count branches.</summary>
    public static bool IsOn { get; } = typeof(TagList).Assembly.GetReferencedAssemblies().Any(static name => name.Name == "SharpFuzz.Common");

    /// <summary>
    /// Creates the table, before any code that counts; null if the assemblies do not. A process has one table.
    /// </summary>
    public static Coverage? Begin() => IsOn ? new Coverage() : null;

    /// <summary>Edges that were reached since the last <see cref="Forget"/>.</summary>
    public int Reached { get; private set; }

    /// <summary>Begins anew.</summary>
    public void Forget()
    {
        Array.Clear(_seen);
        new Span<byte>(_counts, Edges).Clear();
        Reached = 0;
    }

    /// <summary>
    /// Adds the edges of the last execution. True if one is new, or was taken a number of times of another magnitude.
    /// </summary>
    public bool Collect()
    {
        bool isNew = false;
        Trace.PrevLocation = 0;
        var counts = new Span<ulong>(_counts, Edges / sizeof(ulong));
        for (int word = 0, next; (next = counts[word..].IndexOfAnyExcept(0ul)) >= 0; word++)
        {
            word += next;
            for (int edge = word * sizeof(ulong); edge < (word + 1) * sizeof(ulong); edge++)
            {
                byte magnitude = _counts[edge] == 0 ? (byte)0 : (byte)(1 << BitOperations.Log2(_counts[edge]));
                if ((magnitude & ~_seen[edge]) == 0)
                    continue;
                Reached += _seen[edge] == 0 ? 1 : 0;
                _seen[edge] |= magnitude;
                isNew = true;
            }
            counts[word] = 0;
        }
        return isNew;
    }
}
