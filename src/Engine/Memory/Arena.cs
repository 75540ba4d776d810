using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Memory;

/// <summary>
/// One block of device memory, handed out from the front and taken back all at once. It owns the bytes; tensors are
/// views of it and throw when used after <see cref="Reset"/>.
/// </summary>
public sealed unsafe class Arena : IDisposable
{
    /// <summary>Every allocation begins on a multiple of it, as the memory of devices does.</summary>
    public const int Alignment = Device.Alignment;

    private readonly Device _device;
    private readonly nint _memory;
    // Tensors hold this address: 4 bytes an arena that are never freed, so that a late view can always be told so.
    private readonly int* _generation = (int*)NativeMemory.AllocZeroed(sizeof(int));
    private bool _disposed;

    /// <summary>Takes <paramref name="capacity"/> bytes of the device.</summary>
    public Arena(Device device, long capacity)
    {
        (_device, Capacity) = (device, capacity);
        _memory = device.Allocate(capacity);
    }

    /// <summary>Bytes that can be handed out.</summary>
    public long Capacity { get; }

    /// <summary>Bytes handed out since the last reset.</summary>
    public long Used { get; private set; }

    /// <summary>Most bytes ever handed out at once.</summary>
    public long Peak { get; private set; }

    /// <summary>Where the block begins.</summary>
    public nint Base => _memory;

    /// <summary>Bytes that a tensor takes in an arena.</summary>
    public static long BytesOf(Shape shape, ElementType type) => (shape.Count * type.Size() + Alignment - 1) / Alignment * Alignment;

    /// <summary>A tensor of undefined contents.</summary>
    /// <param name="shape">Its shape.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="node">Its place on the tape, or <see cref="Tensor.NoNode"/>.</param>
    /// <exception cref="InvalidOperationException">The arena is full: it was sized for another step.</exception>
    public Tensor Allocate(Shape shape, ElementType type = ElementType.Float32, int node = Tensor.NoNode)
    {
        long rounded = BytesOf(shape, type);
        if (Used + rounded > Capacity)
            throw new InvalidOperationException($"an arena of {Capacity} bytes has no room for {shape} {type} after {Used} bytes");
        var tensor = new Tensor(_memory + (nint)Used, shape, type, node, _generation, *_generation);
        Used += rounded;
        Peak = Math.Max(Peak, Used);
        return tensor;
    }

    /// <summary>Takes everything back; views handed out before throw from now on.</summary>
    public void Reset()
    {
        Used = 0;
        ++*_generation;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Reset();
        _device.Free(_memory);
    }
}
