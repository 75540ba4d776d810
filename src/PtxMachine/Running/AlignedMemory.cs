using System.Runtime.CompilerServices;

namespace VideoSim.PtxMachine.Running;

/// <summary>Memory that the collector does not move. What nobody wrote is NaN.</summary>
internal sealed unsafe class AlignedMemory
{
    /// <summary>Its address is a multiple of this.</summary>
    public const int Alignment = 128;

    private readonly byte[] _bytes;

    /// <summary>Allocates memory.</summary>
    public AlignedMemory(long bytes)
    {
        _bytes = GC.AllocateUninitializedArray<byte>((int)bytes + Alignment, pinned: true);
        Begin = (byte*)(((ulong)Unsafe.AsPointer(ref _bytes[0]) + Alignment - 1) / Alignment * Alignment);
        Clear();
    }

    /// <summary>Its first byte.</summary>
    public byte* Begin { get; }

    /// <summary>Makes all of it NaN.</summary>
    public void Clear() => Array.Fill(_bytes, (byte)0xff);
}
