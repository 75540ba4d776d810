using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;

namespace VideoSim.PtxMachine.Counting;

/// <summary>Memory for steps whose launches are counted. What nobody writes takes no space.</summary>
/// <param name="stream">Counts.</param>
public sealed unsafe class SampledDevice(SampledStream stream) : Device(stream)
{
    /// <inheritdoc/>
    public override string Name => "counting instructions";

    /// <inheritdoc/>
    public override nint Allocate(long bytes)
    {
        nint address = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, Alignment), Alignment);
        stream.Allocations.Add((ulong)address, (ulong)bytes);
        return address;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        if (stream.Allocations.Remove((ulong)address))
            NativeMemory.AlignedFree((void*)address);
    }

    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, nint destination) => source.CopyTo(new Span<byte>((void*)destination, source.Length));

    /// <inheritdoc/>
    public override void Clear(nint address, long bytes) => NativeMemory.Clear((void*)address, (nuint)bytes);

    /// <inheritdoc/>
    public override void Download(nint source, Span<byte> destination) => new ReadOnlySpan<byte>((void*)source, destination.Length).CopyTo(destination);
}
