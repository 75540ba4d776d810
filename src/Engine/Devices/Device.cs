using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>Where tensors live and kernels run: memory, copies, and one compute stream.</summary>
public abstract class Device(ComputeStream stream) : IDisposable
{
    /// <summary>Bytes: memory begins on a cache line, which is also enough for 16-byte GPU accesses.</summary>
    public const int Alignment = 64;

    /// <summary>What to call the device in messages and results.</summary>
    public abstract string Name { get; }

    /// <summary>The device's stream.</summary>
    public ComputeStream Stream => stream;

    /// <summary>Whether kernels take bf16 tensors.</summary>
    public virtual bool HasBFloat16 => true;

    /// <summary>Whether large matrix products are faster with an operand packed ahead, for which a step then has memory.</summary>
    public virtual bool PacksProducts => false;

    /// <summary>Whether the device takes no more work: a CUDA context refuses all calls after a fault of a kernel. Waits for the stream.</summary>
    public bool IsLost
    {
        get
        {
            try
            {
                Stream.Synchronize();
                return false;
            }
            catch (CudaException)
            {
                return true;
            }
        }
    }

    /// <summary>Bytes that there are in all; <see cref="long.MaxValue"/> where that is not known before memory is taken.</summary>
    public virtual long MemoryBytes => long.MaxValue;

    /// <summary>Memory aligned to <see cref="Alignment"/>; contents undefined.</summary>
    /// <exception cref="InsufficientMemoryException">The device has not that much left.</exception>
    public abstract nint Allocate(long bytes);

    /// <summary>Gives memory back.</summary>
    public abstract void Free(nint address);

    /// <summary>Copies from host memory, in stream order; the source may be reused when this returns.</summary>
    public abstract void Upload(ReadOnlySpan<byte> source, nint destination);

    /// <summary>
    /// Copies from host memory, in stream order, and may return before that is done: the source must stay as it is until
    /// <see cref="WaitForUploads"/> returns.
    /// </summary>
    public virtual unsafe void BeginUpload(nint source, long bytes, nint destination) => Upload(new((void*)source, checked((int)bytes)), destination);

    /// <summary>Waits until the uploads that were begun are done, but for no work after them.</summary>
    public virtual void WaitForUploads() { }

    /// <summary>Host memory to begin uploads to this device from. Dispose it before the device.</summary>
    public virtual Device OpenHost() => new CpuDevice(threads: 1);

    /// <summary>Sets bytes to 0, in stream order.</summary>
    public abstract void Clear(nint address, long bytes);

    /// <summary>Waits for the stream, then copies to host memory.</summary>
    public abstract void Download(nint source, Span<byte> destination);

    /// <summary>Waits for the stream, then copies a tensor to host memory.</summary>
    /// <exception cref="ArgumentException">The tensor has elements of another type, or another number of them.</exception>
    public void Read<T>(in Tensor tensor, Span<T> destination) where T : unmanaged
    {
        if (ElementTypes.Of<T>() != tensor.Type || destination.Length != tensor.Shape.Count)
            throw new ArgumentException($"a tensor of {tensor.Shape.Count} values of type {tensor.Type} cannot be read as {destination.Length} of type {ElementTypes.Of<T>()}");
        Download(tensor.Address, MemoryMarshal.AsBytes(destination));
    }

    /// <summary>Waits for the stream, then copies a tensor to a new array.</summary>
    /// <exception cref="ArgumentException">The tensor has elements of another type.</exception>
    public T[] Read<T>(in Tensor tensor) where T : unmanaged
    {
        var values = new T[tensor.Shape.Count];
        Read(tensor, values.AsSpan());
        return values;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the stream and what the device owns.</summary>
    protected virtual void Dispose(bool disposing) => stream.Dispose();
}

/// <summary>The host's own memory and cores; works wherever .NET does.</summary>
/// <param name="threads">Threads that share a launch; any number gives the same bits.</param>
public unsafe class CpuDevice(int threads) : Device(new CpuStream(threads))
{
    /// <summary>All cores.</summary>
    public CpuDevice() : this(Environment.ProcessorCount) { }

    /// <inheritdoc/>
    public override string Name => $"cpu ({((CpuStream)Stream).Threads} threads)";

    /// <inheritdoc/>
    public override bool HasBFloat16 => false;

    /// <inheritdoc/>
    public override bool PacksProducts => true;

    /// <inheritdoc/>
    public override long MemoryBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <inheritdoc/>
    public override nint Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (bytes > MemoryBytes)
            throw new InsufficientMemoryException(string.Create(CultureInfo.InvariantCulture, $"{Name} has no room for {bytes:N0} bytes; the machine has {MemoryBytes:N0}"));
        bool isLarge = bytes >= LargePages.Bytes;
        void* memory = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, Device.Alignment), isLarge ? LargePages.Bytes : (nuint)Device.Alignment);
        if (isLarge)
            LargePages.Ask((nint)memory, bytes);
        // NaN in fp32: a value that nobody wrote shows up in the results instead of passing for a zero.
        Fill((nint)memory, bytes, 0xff);
        return (nint)memory;
    }

    /// <inheritdoc/>
    public override void Free(nint address) => NativeMemory.AlignedFree((void*)address);

    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, nint destination) => source.CopyTo(new Span<byte>((void*)destination, source.Length));

    /// <inheritdoc/>
    public override void Clear(nint address, long bytes) => Fill(address, bytes, 0);

    /// <inheritdoc/>
    public override void Download(nint source, Span<byte> destination) => new ReadOnlySpan<byte>((void*)source, destination.Length).CopyTo(destination);

    // By all cores where it is much: the first touch of a page costs more than filling it.
    private static void Fill(nint address, long bytes, byte value)
    {
        const long Share = 1 << 24;
        if (bytes <= Share)
            NativeMemory.Fill((void*)address, (nuint)bytes, value);
        else
            Parallel.For(0, (bytes - 1) / Share + 1, share => NativeMemory.Fill((void*)(address + (nint)(share * Share)), (nuint)Math.Min(Share, bytes - share * Share), value));
    }
}

/// <summary>
/// A device without bytes: its addresses only tell allocations apart, its stream counts. Building a step on it gives the
/// step's FLOPs, bytes and memory without running it.
/// </summary>
/// <param name="packsProducts">Whether the device that it stands for packs operands of products ahead: the CPU does, CUDA devices do not.</param>
public sealed class CountingDevice(bool packsProducts = false) : Device(new CountingStream())
{
    private nint _next = 1 << 20;

    /// <summary>Bytes of all allocations so far, those that were given back included.</summary>
    public long AllocatedBytes { get; private set; }

    /// <inheritdoc/>
    public override string Name => "counting";

    /// <inheritdoc/>
    public override bool PacksProducts => packsProducts;

    /// <inheritdoc/>
    public override nint Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        AllocatedBytes += bytes;
        nint address = _next;
        _next += (nint)((bytes + Device.Alignment - 1) / Device.Alignment * Device.Alignment);
        return address;
    }

    /// <inheritdoc/>
    public override void Free(nint address) { }

    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, nint destination) { }

    /// <inheritdoc/>
    public override void Clear(nint address, long bytes) { }

    /// <inheritdoc/>
    public override void Download(nint source, Span<byte> destination) =>
        throw new InvalidOperationException("the counting device has addresses but no bytes: nothing can be read from it");
}
