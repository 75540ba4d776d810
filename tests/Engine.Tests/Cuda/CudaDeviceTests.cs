using System.Runtime.InteropServices;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Devices;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>Memory, copies and errors of the device; the right results of kernels are the run gate's.</summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class CudaDeviceTests : IDisposable
{
    private readonly CudaDevice _device = CudaMachine.Open();

    public void Dispose() => _device.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4099)]
    public void Download_WhatWasUploaded_IsTheSame(int count)
    {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++)
            bytes[i] = (byte)(7 * i);
        nint address = _device.Allocate(count);
        _device.Upload(bytes, address);
        byte[] copy = new byte[count];
        _device.Download(address, copy);
        Assert.Equal(bytes, copy);
        _device.Free(address);
    }

    [Fact]
    public void Upload_SourceThatIsReusedAtOnce_CopiesWhatItHeld()
    {
        nint address = _device.Allocate(16);
        byte[] bytes = [1, 2, 3, 4], copy = new byte[4];
        _device.Upload(bytes, address);
        Array.Fill(bytes, (byte)9);
        _device.Download(address, copy);
        Assert.Equal([1, 2, 3, 4], copy);
        _device.Free(address);
    }

    // Nothing but waiting ends an upload that was begun: not a later piece of the stream's work.
    [Fact]
    public void BeginUpload_FromHostMemory_IsDoneAfterTheWait()
    {
        using var host = _device.OpenHost();
        nint source = host.Allocate(4), address = _device.Allocate(16);
        new Span<byte>((void*)source, 4).Fill(7);
        _device.BeginUpload(source, 4, address);
        _device.Clear(address + 8, 8);
        _device.WaitForUploads();
        new Span<byte>((void*)source, 4).Fill(9);
        byte[] copy = new byte[16];
        _device.Download(address, copy);
        Assert.Equal([7, 7, 7, 7], copy[..4]);
        Assert.Equal(new byte[8], copy[8..]);
        _device.Free(address);
        host.Free(source);
    }

    [Fact]
    public void OpenHost_AllocationThatFails_SaysHowMuchAndLeavesNothing()
    {
        CudaMachine.SkipUnlessEmulator();
        int before = CudaMachine.LiveAllocations;
        using (var host = _device.OpenHost())
        {
            nint address = host.Allocate(1000);
            Assert.Equal(before + 1, CudaMachine.LiveAllocations);
            CudaMachine.Inject("allocation=1");
            var failure = Assert.Throws<InsufficientMemoryException>(() => host.Allocate(2000));
            Assert.Equal($"the host has no room for another 2000 bytes of pinned memory for {_device.Name}", failure.Message);
            host.Free(address);
        }
        Assert.Equal(before, CudaMachine.LiveAllocations);
    }

    [Fact]
    public void Allocate_NewMemory_ReadsAsNaN()
    {
        nint address = _device.Allocate(3 * sizeof(float));
        float[] values = new float[3];
        _device.Download(address, MemoryMarshal.AsBytes(values.AsSpan()));
        Assert.All(values, static value => Assert.True(float.IsNaN(value)));
        _device.Free(address);
    }

    [Fact]
    public void Dispose_AfterArenas_LeavesNoMemoryBehind()
    {
        CudaMachine.SkipUnlessEmulator();
        int before = CudaMachine.LiveAllocations;
        using (var arena = new Arena(_device, 1 << 20))
        {
            Assert.Equal(before + 1, CudaMachine.LiveAllocations);
            Assert.Equal(0, arena.Allocate(new Shape(5)).Address % Arena.Alignment);
        }
        Assert.Equal(before, CudaMachine.LiveAllocations);
    }

    [Fact]
    public void Allocate_MoreThanThereIs_SaysHowMuch()
    {
        var failure = Assert.Throws<InsufficientMemoryException>(() => _device.Allocate(1L << 60));
        Assert.Equal($"{_device.Name} has no room for another {1L << 60} bytes", failure.Message);
        _device.Free(_device.Allocate(16)); // and goes on
    }

    [Fact]
    public void Launch_KernelWithoutCudaSource_NamesIt()
    {
        var failure = Assert.Throws<DataException>(() => _device.Stream.Run(CountKernel.Instance, new CountArgs { Items = 1 }));
        Assert.Equal("test_count has no CUDA source: it runs on the CPU only", failure.Message);
    }

    [Fact]
    public void Launch_ShapeThatNoGpuTakes_NamesCallKernelAndDevice()
    {
        var failure = Assert.Throws<CudaException>(() => _device.Stream.Run(PlantedKernels.Nothing, new PlantedArgs { Count = PlantedKernels.Threads + 1 }));
        Assert.Equal(("cuLaunchKernel", 1, PlantedKernels.Nothing.Entry, _device.Name), (failure.Call, failure.Code, failure.Kernel, failure.Device));
        Assert.Contains("CUDA_ERROR_INVALID_VALUE", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith(", last kernel planted_nothing, grid (1, 1, 1), block (2000, 1, 1), 256 bytes of dynamic shared memory, arguments {Out=0x0, Lowest=0x0, Count=65}", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Launch_FaultOfAKernel_ShowsAtALaterCallAndEndsWithTheDevice()
    {
        CudaMachine.SkipUnlessEmulator();
        CudaMachine.Configure(schedule: 0, check: true);
        try
        {
            var kernel = PlantedKernels.Mistakes.Single(static mistake => mistake.Kernel.Entry == "planted_past_global").Kernel;
            nint output = _device.Allocate(64 * sizeof(float));
            _device.Stream.Run(kernel, new PlantedArgs { Out = (float*)output, Count = 64 });
            var failure = Assert.Throws<CudaException>(_device.Stream.Synchronize);
            Assert.Equal(("cuStreamSynchronize", kernel.Entry), (failure.Call, failure.Kernel));
            _device.Free(output); // cleaning up has nothing more to say
        }
        finally
        {
            CudaMachine.Configure(schedule: 0, check: false);
        }
        _device.Dispose();
        using var next = CudaMachine.Open();
        next.Free(next.Allocate(16));
    }

    [Fact]
    public void Open_DeviceThatIsNotThere_NamesIt()
    {
        var failure = Assert.Throws<CudaException>(() => CudaDevice.Open(77, new NoImages(), []));
        Assert.Equal(("cuDeviceGet", "cuda:77"), (failure.Call, failure.Device));
    }

    private sealed class NoImages : IKernelImages
    {
        public string ArchitectureFor(int computeCapability) => "";

        public KernelImage Compile(KernelUnit unit, string architecture) => throw new NotSupportedException();
    }
}
