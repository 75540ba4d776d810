using VideoSim.Engine.Interop;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>What goes wrong in the driver: one line that says what, nothing hangs, and no memory is left behind.</summary>
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
        CudaMachine.Inject(noDevice: true);
        var failure = Assert.Throws<DataException>(CudaMachine.Open);
        Assert.Matches(@"^cuda:0: the driver, .*libcuda\.so\.1, finds no NVIDIA GPU in this machine$", failure.Message);
    }

    [Fact]
    public void Require_LibraryThatIsMissing_SaysWhatToInstall()
    {
        var library = new NvidiaLibrary("cublasLt", ["libnobody-has-cublasLt.so.12"], "install cuBLASLt");
        var failure = Assert.Throws<DataException>(library.Require);
        Assert.Equal("libnobody-has-cublasLt.so.12 was not found: install cuBLASLt, or name its folder in VIDEOSIM_CUDA_PATH", failure.Message);
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
            CudaMachine.Inject(allocation: n);
            try
            {
                using var layer = new OneLayer(device);
                layer.Train(planned: true);
                return false;
            }
            catch (InsufficientMemoryException e)
            {
                Assert.Matches(@"^cuda:0 emulator has no room for another \d+ bytes$", e.Message);
                return true;
            }
        }
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
            CudaMachine.Inject(launch: launch);
            using var layer = new OneLayer(device);
            var failure = Assert.Throws<CudaException>(() => layer.Train(planned));
            Assert.Equal((719, device.Name), (failure.Code, failure.Device));
            Assert.Contains("CUDA_ERROR_LAUNCH_FAILED: the launch that a test lets fail", failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', failure.Message);
        }
        using var next = CudaMachine.Open();
        using var again = new OneLayer(next);
        again.Train(planned);
    }

    [Fact]
    public void KeepFaults_AFaultOfAnEarlierDevice_MeetsTheNextOne()
    {
        CudaMachine.KeepFaults(true);
        CudaMachine.Inject(launch: 1);
        using (var device = CudaMachine.Open())
        {
            using var layer = new OneLayer(device);
            Assert.Throws<CudaException>(() => layer.Train(planned: false));
        }
        Assert.Equal(719, Assert.Throws<CudaException>(CudaMachine.Open).Code);
        CudaMachine.KeepFaults(false);
        CudaMachine.Open().Dispose();
    }
}
