using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Memory;

/// <summary>
/// One block of device memory. Allocations take it from the front, or at the places of a layout; a reset frees all of
/// them. The arena owns the bytes. Tensors are views of it and throw when they are used after <see cref="Reset"/>.
/// </summary>
public sealed unsafe class Arena : IDisposable
{
    /// <summary>Every allocation begins at a multiple of it, like the memory of devices.</summary>
    public const int Alignment = Device.Alignment;

    private readonly Device _device;
    private readonly nint _memory;
    private readonly ArenaLayout? _layout;
    private readonly List<(nint Address, long Bytes)> _allocations = [];
    // Tensors contain this address. These 4 bytes of each arena are never freed, so a view that is used too late is
    // always detected.
    private readonly int* _generation = (int*)NativeMemory.AllocZeroed(sizeof(int));
    private bool _disposed;

    /// <summary>Allocates a block of the device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="capacity">Bytes of the block.</param>
    /// <param name="purpose">What the block is for, such as "the values of a step".</param>
    /// <exception cref="InsufficientMemoryException">
    /// The device has not enough memory left; the message has the bytes and the purpose.
    /// </exception>
    public Arena(Device device, long capacity, string? purpose = null)
    {
        (_device, Capacity) = (device, capacity);
        try
        {
            _memory = device.Allocate(capacity);
        }
        catch (InsufficientMemoryException e) when (purpose is not null)
        {
            throw new InsufficientMemoryException($"{e.Message}, needed for {purpose}", e);
        }
    }

    /// <summary>Allocates the block of a layout. The allocations must be those of the layout, in order.</summary>
    internal Arena(Device device, ArenaLayout layout, string purpose) : this(device, layout.Bytes, purpose) => _layout = layout;

    /// <summary>Bytes of the block.</summary>
    public long Capacity { get; }

    /// <summary>Bytes from the begin of the block to the end of the allocations since the last reset.</summary>
    public long Used { get; private set; }

    /// <summary>The largest <see cref="Used"/> so far.</summary>
    public long Peak { get; private set; }

    /// <summary>The allocations since the last reset, in order.</summary>
    internal IReadOnlyList<(nint Address, long Bytes)> Allocations => _allocations;

    /// <summary>Address of the block.</summary>
    public nint Base => _memory;

    /// <summary>Bytes that a tensor takes in an arena.</summary>
    public static long BytesOf(Shape shape, ElementType type) => (shape.Count * type.Size() + Alignment - 1) / Alignment * Alignment;

    /// <summary>Allocates a tensor; its contents are undefined.</summary>
    /// <param name="shape">Its shape.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="node">Its place on the tape, or <see cref="Tensor.NoNode"/>.</param>
    /// <exception cref="InvalidOperationException">The arena is full: it was sized for another step.</exception>
    public Tensor Allocate(Shape shape, ElementType type = ElementType.Float32, int node = Tensor.NoNode)
    {
        long rounded = BytesOf(shape, type), offset = _layout?.OffsetOf(_allocations.Count, rounded) ?? Used;
        if (offset + rounded > Capacity)
            throw new InvalidOperationException($"an arena of {Capacity} bytes has no room for {shape} {type} after {Used} bytes");
        Used = Math.Max(Used, offset + rounded);
        Peak = Math.Max(Peak, Used);
        _allocations.Add((_memory + (nint)offset, rounded));
        return new Tensor(_memory + (nint)offset, shape, type, node, _generation, *_generation);
    }

    /// <summary>Frees all allocations. Their views throw from now on.</summary>
    public void Reset()
    {
        Used = 0;
        _allocations.Clear();
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
