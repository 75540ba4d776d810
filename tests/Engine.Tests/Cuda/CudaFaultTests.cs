using VideoSim.Engine.Checks;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Dropout;
using Xunit;
using Xunit.Sdk;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>Errors of the driver: one line names the error, nothing hangs, and all memory is freed.</summary>
[Collection(CudaMachine.Collection)]
public sealed class CudaFaultTests : IDisposable
{
    public CudaFaultTests() => CudaMachine.SkipUnlessEmulator();

    public void Dispose()
    {
        CudaMachine.Inject();
        CudaMachine.KeepFaults(false);
        Assert.Equal(0, CudaMachine.LiveAllocations);
    }

    [Fact]
    public void Open_NoGpu_SaysSo()
    {
        CudaMachine.Inject("device");
        var failure = Assert.Throws<DataException>(CudaMachine.Open);
        Assert.Matches(@"^cuda:0: the driver, .*libcuda\.so\.1, finds no NVIDIA GPU in this machine$", failure.Message);
    }

    [Fact]
    public void Require_LibraryThatIsMissing_SaysWhatToInstall()
    {
        var library = new NvidiaLibrary("cublasLt", ["libnobody-has-cublasLt.so.13", "libnobody-has-cublasLt.so.12", "libnobody-has-cublasLt.so.11"], "install cuBLASLt");
        var failure = Assert.Throws<DataException>(library.Require);
        Assert.Equal("libnobody-has-cublasLt.so.13 was not found, nor .so.12 or .so.11: install cuBLASLt, or name its folder in VIDEOSIM_CUDA_PATH", failure.Message);
    }

    // Every allocation of a training in turn, until there is none left to fail.
    [Fact]
    public void Train_AnyAllocationFails_SaysHowMuchAndFreesAll()
    {
        int failed = 0;
        for (int n = 1; Fails(n); n++)
            failed = n;
        Assert.InRange(failed, 4, 20); // parameters, moments, inputs and a step at least

        static bool Fails(int n)
        {
            using var device = CudaMachine.Open();
            CudaMachine.Inject($"allocation={n}");
            try
            {
                using var layer = new OneLayer(device);
                layer.Train(planned: true);
                return false;
            }
            catch (InsufficientMemoryException e)
            {
                Assert.Matches(@"^(cuda:0 emulator has no room for another \d+ bytes|the host has .*), needed for [\w ]+$", e.Message);
                return true;
            }
        }
    }

    [Fact]
    public void DeviceCheck_MemoryRunsOut_FailsThatCaseAndFreesAll()
    {
        var kernel = DropoutKernels.Apply[ElementType.Float32];
        using var device = CudaMachine.Open();
        int before = CudaMachine.LiveAllocations;
        CudaMachine.Inject("allocation=2");
        CheckedCase[] cases = [.. Catalog.All.Where(check => check.Kernel == kernel).SelectMany(static check => check.Cases()).Take(2).Select(check => new DeviceCheck(device, isReal: false).Run(kernel, check))];
        Assert.Equal([DeviceCheck.Failed, DeviceCheck.Right], cases.Select(static one => one.Verdict));
        Assert.Matches(@"^cuda:0 emulator has no room for another \d+ bytes$", cases[0].Failure);
        Assert.Equal(before, CudaMachine.LiveAllocations); // the context would free the rest with itself
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 9)]
    [InlineData(true, 1)] // of the first replay, which launches one by one
    [InlineData(true, 9)] // of a graph
    [InlineData(true, 30)]
    public void Train_ALaunchFails_NamesCallAndDeviceAndFreesAll(bool planned, int launch)
    {
        using (var device = CudaMachine.Open())
        {
            CudaMachine.Inject($"launch={launch}");
            using var layer = new OneLayer(device);
            var failure = Assert.Throws<CudaException>(() => layer.Train(planned));
            Assert.Equal((719, device.Name), (failure.Code, failure.Device));
            Assert.Contains("CUDA_ERROR_LAUNCH_FAILED: a planted failure", failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', failure.Message);
        }
        using var next = CudaMachine.Open();
        using var again = new OneLayer(next);
        again.Train(planned);
    }

    [Fact]
    public void Train_AKernelFails_NamesItWithShapeAndArguments()
    {
        CudaMachine.Inject("kernel=adam_f32");
        using var device = CudaMachine.Open();
        using var layer = new OneLayer(device);
        var failure = Assert.Throws<CudaException>(() => layer.Train(planned: false));
        Assert.Equal("adam_f32", failure.Kernel);
        Assert.Matches(@", last kernel adam_f32, grid \(\d+, 1, 1\), block \(\d+, 1, 1\), 0 bytes of dynamic shared memory, arguments \{\w+=0x[0-9a-f]+, .*=[\d.]+\}$", failure.Message);
    }

    // The 30th launch comes in a replay that is one graph, unless launches are waited for.
    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    public void Train_LaunchInAGraphFails_IsNamedWhereLaunchesAreWaitedFor(string blocking)
    {
        Environment.SetEnvironmentVariable(CudaStream.LaunchBlockingVariable, blocking);
        try
        {
            using var device = CudaMachine.Open();
            using var layer = new OneLayer(device);
            CudaMachine.Inject("launch=30");
            var failure = Assert.Throws<CudaException>(() => layer.Train(planned: true));
            if (blocking == "1")
                Assert.Equal(("cuStreamSynchronize", false), (failure.Call, failure.Kernel is null));
            else
                Assert.Matches(@", in a graph of \d+ launches \(set CUDA_LAUNCH_BLOCKING=1 to find the one\)$", failure.Message);
        }
        finally
        {
            Environment.SetEnvironmentVariable(CudaStream.LaunchBlockingVariable, null);
        }
    }

    [Fact]
    public void KeepFaults_AFaultOfAnEarlierDevice_MeetsTheNextOne()
    {
        CudaMachine.KeepFaults(true);
        CudaMachine.Inject("launch=1");
        using (var device = CudaMachine.Open())
        {
            using var layer = new OneLayer(device);
            Assert.Throws<CudaException>(() => layer.Train(planned: false));
        }
        Assert.Equal(719, Assert.Throws<CudaException>(CudaMachine.Open).Code);
        CudaMachine.KeepFaults(false);
        CudaMachine.Open().Dispose();
    }

    [Fact]
    public void OpenedDevices_OneIsLost_FailsAtOnceWithTheFirstError()
    {
        var opened = new OpenedDevices();
        using (var refusing = opened.Open(CudaMachine.Open)) // a call that is refused loses nothing
            Assert.Throws<CudaException>(() => refusing.Stream.Run(PlantedKernels.Nothing, new PlantedArgs { Count = PlantedKernels.Threads + 1 }));
        string first;
        using (var device = opened.Open(CudaMachine.Open))
        {
            CudaMachine.Inject("launch=1");
            using var layer = new OneLayer(device);
            first = Assert.Throws<CudaException>(() => layer.Train(planned: false)).Message;
        }
        var failure = Assert.Throws<FailException>(() => opened.Open(static () => throw new InvalidOperationException("a call of the driver")));
        Assert.Equal($"the device was lost in an earlier test: {first}", failure.Message);
    }
}
