using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>A device that stores tensors and runs kernels: memory, copies, and one compute stream.</summary>
public abstract class Device(ComputeStream stream) : IDisposable
{
    /// <summary>Bytes: memory begins on a cache line, which is also enough for 16-byte GPU accesses.</summary>
    public const int Alignment = 64;

    /// <summary>The device's name in messages and results.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Versions of the libraries on which its bits depend, in one line; null if there are none.
    /// </summary>
    public virtual string? Libraries => null;

    /// <summary>
    /// The table that chooses algorithms of its matrix products, on which its bits depend; null if there is none.
    /// </summary>
    public virtual TuningTable? Tuning => null;

    /// <summary>The device's stream.</summary>
    public ComputeStream Stream => stream;

    /// <summary>Whether the device was disposed of.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>Whether kernels accept bf16 tensors.</summary>
    public virtual bool HasBFloat16 => true;

    /// <summary>
    /// Whether large matrix products are faster if an operand is packed before. A step then has memory for packed
    /// operands.
    /// </summary>
    public virtual bool PacksProducts => false;

    /// <summary>
    /// Threads of the host that prepare inputs while a step runs. One if the step itself takes the host's cores.
    /// </summary>
    public virtual int LoadingThreads => 1;

    /// <summary>
    /// Whether the device accepts no more work: a CUDA context refuses all calls after a kernel's fault. Waits for the
    /// stream.
    /// </summary>
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

    /// <summary>
    /// All bytes of the device's memory; <see cref="long.MaxValue"/> if the number is not known in advance.
    /// </summary>
    public virtual long MemoryBytes => long.MaxValue;

    /// <summary>Allocates memory aligned to <see cref="Alignment"/>; its contents are undefined.</summary>
    /// <exception cref="InsufficientMemoryException">The device has not enough memory left.</exception>
    public abstract nint Allocate(long bytes);

    /// <summary>Frees memory.</summary>
    public abstract void Free(nint address);

    /// <summary>Copies from host memory, in stream order; the source may be reused when this returns.</summary>
    public abstract void Upload(ReadOnlySpan<byte> source, nint destination);

    /// <summary>
    /// Begins to copy from host memory, in stream order. Do not change the source until <see cref="WaitForUploads"/>
    /// returns.
    /// </summary>
    public virtual unsafe void BeginUpload(nint source, long bytes, nint destination) => Upload(new((void*)source, checked((int)bytes)), destination);

    /// <summary>
    /// Whether uploads can run beside the stream's work. A block of inputs that is written ahead then has a staging
    /// block: see <see cref="BeginUpload(nint, long, nint, nint)"/>.
    /// </summary>
    public virtual bool StagesUploads => false;

    /// <summary>
    /// Begins to copy from host memory. If <see cref="StagesUploads"/>, the bytes go to a staging block beside the
    /// stream's earlier work, and from there to the destination in stream order. Otherwise they go there directly. Do
    /// not change the source until <see cref="WaitForUploads"/> returns.
    /// </summary>
    /// <param name="source">Host memory.</param>
    /// <param name="bytes">Bytes to copy.</param>
    /// <param name="staging">Device memory of as many bytes, which only such copies write.</param>
    /// <param name="destination">Device memory.</param>
    public virtual void BeginUpload(nint source, long bytes, nint staging, nint destination) => BeginUpload(source, bytes, destination);

    /// <summary>
    /// Waits until the uploads that were begun have read their sources. Does not wait for later work.
    /// </summary>
    public virtual void WaitForUploads() { }

    /// <summary>
    /// Opens host memory from which uploads to this device can begin. Dispose of it before the device.
    /// </summary>
    public virtual Device OpenHost() => new CpuDevice(threads: 1);

    /// <summary>Sets bytes to 0, in stream order.</summary>
    public abstract void Clear(nint address, long bytes);

    /// <summary>Waits for the stream, then copies to host memory.</summary>
    public abstract void Download(nint source, Span<byte> destination);

    /// <summary>Waits for the stream, then copies a tensor to host memory.</summary>
    /// <exception cref="ArgumentException">
    /// The tensor has another element type or another number of elements.
    /// </exception>
    public void Read<T>(in Tensor tensor, Span<T> destination) where T : unmanaged
    {
        if (ElementTypes.Of<T>() != tensor.Type || destination.Length != tensor.Shape.Count)
            throw new ArgumentException($"a tensor of {tensor.Shape.Count} values of type {tensor.Type} cannot be read as {destination.Length} of type {ElementTypes.Of<T>()}");
        Download(tensor.Address, MemoryMarshal.AsBytes(destination));
    }

    /// <summary>Waits for the stream, then copies a tensor to a new array.</summary>
    /// <exception cref="ArgumentException">The tensor has another element type.</exception>
    public T[] Read<T>(in Tensor tensor) where T : unmanaged
    {
        var values = new T[tensor.Shape.Count];
        Read(tensor, values.AsSpan());
        return values;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        IsDisposed = true;
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the stream and the resources of the device.</summary>
    protected virtual void Dispose(bool disposing) => stream.Dispose();
}

/// <summary>The memory and the cores of the host. Works on every machine that .NET supports.</summary>
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
            LargePages.Request((nint)memory, bytes);
        // NaN in fp32: an unwritten value becomes visible in the results; a zero would not.
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

    // Large blocks are filled by all cores: the first access to a page takes longer than filling it.
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
/// A device without memory. Its addresses only distinguish allocations, and its stream only counts. Building a step on
/// it returns the step's FLOPs, bytes and memory without running it.
/// </summary>
/// <param name="packsProducts">
/// Whether it represents the CPU, which packs operands of products, or a CUDA device, which does not.
/// </param>
public sealed class CountingDevice(bool packsProducts = false) : Device(new CountingStream(!packsProducts))
{
    private nint _next = 1 << 20;

    /// <summary>
    /// A device whose addresses no other memory has, so an address in a launch's arguments shows whether it is of this
    /// device. Processors and GPUs have addresses of at most 57 bits.
    /// </summary>
    /// <param name="of">The device that it represents.</param>
    internal static CountingDevice WithOwnAddresses(Device of) => new(packsProducts: !of.Stream.HasBranches) { _next = (nint)1 << 60 };

    /// <summary>Bytes of all allocations so far, freed ones included.</summary>
    public long AllocatedBytes { get; private set; }

    /// <inheritdoc/>
    public override string Name => "counting";

    /// <inheritdoc/>
    public override bool PacksProducts => packsProducts;

    /// <inheritdoc/>
    public override bool StagesUploads => !packsProducts;

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
        throw new InvalidOperationException("the counting device has no memory: nothing can be read from it");
}
