using System.Buffers;

namespace VideoSim.Onnx;

/// <summary>Memory of a device as <see cref="Memory{T}"/>. Its owner keeps it alive.</summary>
/// <param name="start">First byte.</param>
/// <param name="length">Bytes.</param>
internal sealed unsafe class NativeMemory(byte* start, int length) : MemoryManager<byte>
{
    public override Span<byte> GetSpan() => new(start, length);

    public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
