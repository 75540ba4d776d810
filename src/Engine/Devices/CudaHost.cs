using System.Runtime.InteropServices;

namespace VideoSim.Engine.Devices;

/// <summary>Pinned memory of the host. A GPU can copy from it while the host continues to work.</summary>
internal sealed unsafe class CudaHost(CudaContext context, CudaStream stream) : CpuDevice(threads: 1)
{
    /// <inheritdoc/>
    public override string Name => $"host memory of {context.Name}";

    /// <inheritdoc/>
    public override nint Allocate(long bytes)
    {
        context.MakeCurrent();
        long size = Math.Max(bytes, Device.Alignment);
        nint address = context.AllocateHost(size);
        NativeMemory.Fill((void*)address, (nuint)size, 0xff); // NaN, as on every device
        return address;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        if (context.IsDisposed) // the driver freed it with the context
            return;
        context.MakeCurrent();
        stream.Drain(); // a copy may still read it
        context.FreeHost(address);
    }
}
