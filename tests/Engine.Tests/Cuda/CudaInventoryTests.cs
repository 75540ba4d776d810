using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

[Collection(CudaMachine.Collection)]
public sealed class CudaInventoryTests
{
    [Fact]
    public void Take_NothingInstalled_SaysInOneLineEachWhatToInstall()
    {
        var inventory = CudaInventory.Take(Nobody("one"), Nobody("two"), Nobody("three"));
        Assert.Equal(new CudaComponent(null, null, "libnobody-has-one.so.1 was not found: install one, or name its folder in VIDEOSIM_CUDA_PATH"), inventory.Driver);
        Assert.Equal(new CudaComponent(null, null, "libnobody-has-two.so.1 was not found: install two, or name its folder in VIDEOSIM_CUDA_PATH"), inventory.Compiler);
        Assert.Equal(new CudaComponent(null, null, "libnobody-has-three.so.1 was not found: install three, or name its folder in VIDEOSIM_CUDA_PATH"), inventory.Products);
        Assert.Empty(inventory.Gpus);
        Assert.Equal(LibraryFolders.OfTheUser().Concat(LibraryFolders.Roots()), inventory.LookedIn);
        Assert.Contains("/usr/local/cuda", inventory.LookedIn);
    }

    [Fact]
    public void Take_FileThatIsNoLibrary_SaysWhyItIsNotUsed()
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("videosim-test-").FullName, "libbroken.so.1");
        File.WriteAllText(file, "no library");
        try
        {
            var broken = new NvidiaLibrary("broken", [file], "install it");
            string problem = CudaInventory.Take(broken, broken, broken).Compiler.Problem!;
            Assert.StartsWith($"{file} was not found (", problem, StringComparison.Ordinal);
            Assert.EndsWith("): install it, or name its folder in VIDEOSIM_CUDA_PATH", problem, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', problem);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }

    [Fact]
    public void Take_WithADriver_ListsItsGpusAsTheyAreWhenOpened()
    {
        using var device = CudaMachine.Open();
        var inventory = CudaInventory.Take();
        Assert.Null(inventory.Driver.Problem);
        Assert.Equal(NativeLibraries.Cuda.Path, inventory.Driver.Path);
        Assert.Equal(device.Name, inventory.Gpus[0].Name);
        Assert.True(inventory.Gpus[0].ComputeCapability >= 50);
        if (CudaMachine.IsEmulator)
            Assert.Equal((new Version(12, 4), new Version(12, 4, 0), 1), (inventory.Driver.Version, inventory.Products.Version, inventory.Gpus.Count));
    }

    [Fact]
    public void Take_WithNvrtc_TellsItsVersion()
    {
        CudaMachine.SkipWithoutNvrtc();
        var compiler = CudaInventory.Take(Nobody("one"), NativeLibraries.Nvrtc, Nobody("three")).Compiler; // the driver is loaded by the machine, not before it
        Assert.Null(compiler.Problem);
        Assert.True(compiler.Version >= new Version(11, 2));
        Assert.True(File.Exists(compiler.Path), compiler.Path);
    }

    private static NvidiaLibrary Nobody(string name) => new(name, [$"libnobody-has-{name}.so.1"], $"install {name}");
}
