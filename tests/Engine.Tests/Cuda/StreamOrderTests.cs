using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using Xunit;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>
/// Two streams. The emulator does their work as early and as late as events allow, so that a wait that is missing
/// shows.
/// </summary>
[Collection(CudaMachine.Collection)]
public sealed unsafe class StreamOrderTests : IDisposable
{
    private readonly CudaDevice _device = CudaMachine.Open();

    /// <summary>At once but for the host's copies, all as late as can be, and random ones.</summary>
    public static TheoryData<ulong> Orders => [.. Enumerable.Range(0, 12).Select(static order => (ulong)order)];

    public void Dispose()
    {
        CudaMachine.OrderStreams(0);
        _device.Dispose();
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
