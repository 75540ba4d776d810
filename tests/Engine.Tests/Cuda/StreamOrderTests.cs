using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using Xunit;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Two streams. The emulator does their work as early and as late as events allow, so that a wait that is missing
/// shows. Staged uploads give the right bytes in all of these orders.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class StreamOrderTests : IDisposable
{
    private const int Bytes = 64;

    private readonly CudaDevice _device = CudaMachine.Open();

    /// <summary>At once but for the host's copies, all as late as can be, and random ones.</summary>
    public static TheoryData<ulong> Orders => [.. Enumerable.Range(0, 12).Select(static order => (ulong)order)];

    public void Dispose()
    {
        CudaMachine.OrderStreams(0);
        _device.Dispose();
    }

    // Each batch is used by later work of the stream. Its source is written again as soon as that is allowed.
    [Theory]
    [MemberData(nameof(Orders))]
    public void BeginUpload_Staged_GivesEachUseItsBatch(ulong order)
    {
        const int Batches = 8, Slots = 2;
        CudaMachine.OrderStreams(order);
        using var host = _device.OpenHost();
        nint source = host.Allocate(Slots * Bytes), used = _device.Allocate(Batches * Bytes);
        _device.Clear(used, Batches * Bytes); // long before: the stream has work when the staging block is allocated
        nint staging = _device.Allocate(Bytes), input = _device.Allocate(Bytes);
        for (int i = 0; i < Batches; i++)
        {
            nint slot = source + i % Slots * Bytes;
            new Span<byte>((void*)slot, Bytes).Fill((byte)(i + 1));
            _device.BeginUpload(slot, Bytes, staging, input);
            ((CudaStream)_device.Stream).Copy(input, used + i * Bytes, Bytes);
            _device.WaitForUploads();
            new Span<byte>((void*)slot, Bytes).Fill(99);
        }
        byte[] all = new byte[Batches * Bytes];
        _device.Download(used, all);
        Assert.Equal(Enumerable.Range(0, all.Length).Select(static i => (byte)(i / Bytes + 1)), all);
        foreach (nint address in new[] { used, staging, input })
            _device.Free(address);
        host.Free(source);
    }

    [Fact]
    public void WaitForUploads_OneInOrderAndOneStaged_WaitsForBoth()
    {
        CudaMachine.OrderStreams(1);
        using var host = _device.OpenHost();
        nint source = host.Allocate(2), inOrder = _device.Allocate(1), staging = _device.Allocate(1), staged = _device.Allocate(1);
        (*(byte*)source, *((byte*)source + 1)) = (5, 6);
        _device.BeginUpload(source, 1, inOrder);
        _device.BeginUpload(source + 1, 1, staging, staged);
        _device.WaitForUploads();
        (*(byte*)source, *((byte*)source + 1)) = (99, 99);
        byte[] first = new byte[1], second = new byte[1];
        _device.Download(inOrder, first);
        _device.Download(staged, second);
        Assert.Equal((5, 6), (first[0], second[0]));
        foreach (nint address in new[] { inOrder, staging, staged })
            _device.Free(address);
        host.Free(source);
    }

    // Two streams write to the same byte. The one that waits for the other writes last, in every order.
    [Theory]
    [MemberData(nameof(Orders))]
    public void WaitEvent_OfAnotherStream_KeepsTheOrder(ulong order)
    {
        CudaMachine.OrderStreams(order);
        for (int firstAsked = 0; firstAsked < 2; firstAsked++)
            Assert.Equal(2, WriteByTwoStreams(waits: true, firstAsked));
    }

    // Without the wait the last to be asked for writes last, when work is done as late as can be.
    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 1)]
    public void WaitEvent_Missing_Shows(int firstAsked, int last)
    {
        CudaMachine.SkipUnlessEmulator();
        CudaMachine.OrderStreams(1);
        Assert.Equal(last, WriteByTwoStreams(waits: false, firstAsked));
    }

    // A wait is for the record before it, not for later ones.
    [Fact]
    public void WaitEvent_EventThatIsRecordedAgain_WaitsForTheRecordBefore()
    {
        CudaMachine.SkipUnlessEmulator();
        CudaMachine.OrderStreams(1);
        nint target = _device.Allocate(1);
        _device.Stream.Synchronize(); // it has filled the new memory
        nint[] streams = [NewStream(), NewStream()];
        using var moment = new CudaEvent(_device.Context);
        moment.Precede(streams[1]); // never recorded: no wait
        Fill(target, 1, streams[0]);
        moment.Record(streams[0]);
        moment.Precede(streams[1]);
        Fill(target, 2, streams[0]);
        moment.Record(streams[0]);
        Fill(target, 3, streams[1]);
        Check(cuStreamSynchronize(streams[1]));
        Check(cuStreamSynchronize(streams[0])); // the second fill was not waited for
        Assert.Equal(2, Read(target));
        Free(streams, target);
    }

    [Fact]
    public void WaitEvent_WhileTheStreamIsCaptured_IsRefused()
    {
        nint stream = NewStream();
        using var moment = new CudaEvent(_device.Context);
        moment.Record(stream);
        Check(cuStreamSynchronize(stream));
        Check(cuStreamBeginCapture_v2(stream, CaptureOfThisThread));
        Assert.InRange(Assert.Throws<CudaException>(() => moment.Precede(stream)).Code, 900, 909); // the codes of captures
        Assert.NotEqual(0, cuStreamEndCapture(stream, out _));
        Free([stream]);
    }

    // The value that is written last: 1 by the first stream, 2 by the second.
    private int WriteByTwoStreams(bool waits, int firstAsked)
    {
        nint target = _device.Allocate(1);
        _device.Stream.Synchronize();
        nint[] streams = [NewStream(), NewStream()];
        using var moment = new CudaEvent(_device.Context);
        Fill(target, 1, streams[0]);
        moment.Record(streams[0]);
        if (waits)
            moment.Precede(streams[1]);
        Fill(target, 2, streams[1]);
        Check(cuStreamSynchronize(streams[firstAsked]));
        Check(cuStreamSynchronize(streams[1 - firstAsked]));
        int value = Read(target);
        Free(streams, target);
        return value;
    }

    private int Read(nint address)
    {
        byte[] value = new byte[1];
        _device.Download(address, value);
        return value[0];
    }

    private nint NewStream()
    {
        _device.Context.MakeCurrent();
        Check(cuStreamCreate(out nint stream, NonBlocking));
        return stream;
    }

    private static void Fill(nint address, byte value, nint stream) => Check(cuMemsetD8Async(address, value, 1, stream));

    private void Free(nint[] streams, params nint[] addresses)
    {
        foreach (nint stream in streams)
            Check(cuStreamDestroy_v2(stream));
        foreach (nint address in addresses)
            _device.Free(address);
    }

    private static void Check(int code) => CudaDriver.Check(code, "a call");
}
