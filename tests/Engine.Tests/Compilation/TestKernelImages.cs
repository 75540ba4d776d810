using VideoSim.Engine.Compilation;
using VideoSim.Engine.Tests.Cuda;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>
/// Not a test. <c>bench/gpu/pack</c> runs it to compile the tests' kernels for a machine without NVRTC.
/// </summary>
public sealed class TestKernelImages
{
    private const string FolderVariable = "VIDEOSIM_TEST_KERNELS";

    /// <summary>Compiles the tests' kernels into the folder that VIDEOSIM_TEST_KERNELS names.</summary>
    [Fact(Explicit = true)]
    public void Write()
    {
        string folder = Environment.GetEnvironmentVariable(FolderVariable) ?? throw new InvalidOperationException($"{FolderVariable} names no folder");
        string[] architectures = [KernelResourceTable.Portable, .. KernelResourceTable.Architectures];
        Assert.True(ShippedKernels.Write(folder, new KernelCompiler(CudaMachine.Sources), KernelUnit.Group(CudaMachine.TestKernels), architectures) > 0);
    }
}
