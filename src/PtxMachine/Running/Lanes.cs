using System.Numerics;

namespace VideoSim.PtxMachine.Running;

/// <summary>Numbers of the lanes of a bit mask, for <c>foreach</c>.</summary>
internal ref struct Lanes(uint left)
{
    public int Current { get; private set; }

    public readonly Lanes GetEnumerator() => this;

    public bool MoveNext()
    {
        Current = BitOperations.TrailingZeroCount(left);
        bool isOne = left != 0;
        left &= left - 1;
        return isOne;
    }
}
