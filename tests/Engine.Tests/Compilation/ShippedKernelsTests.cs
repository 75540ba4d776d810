using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Tests.Cuda;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Dropout;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>A target without NVRTC runs what a publish carries.</summary>
[Collection(CudaMachine.Collection)]
public sealed class ShippedKernelsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    private static KernelUnit Unit => KernelUnit.Group([DropoutKernels.Apply[ElementType.Float32]]).Single();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Open_DeviceOverShippedKernels_RunsWithoutACompiler()
    {
        CudaMachine.SkipUnlessEmulator();
        Ship("sm_90");
        using var device = CudaMachine.Open(Installed());
        Assert.Empty(KernelGates.Accuracy(device, Catalog.All.Where(static check => check.Kernel == DropoutKernels.Apply[ElementType.Float32]).SelectMany(static check => check.Cases())));
    }

    [Fact]
    public void ArchitectureFor_Devices_IsTheirOwnElseTheNewestPtxBefore()
    {
        Ship("sm_86", "compute_80", "compute_70");
        Assert.Equal(["sm_86", "compute_80", "compute_70"], new[] { 86, 90, 75 }.Select(Installed().ArchitectureFor));
        Assert.Contains("compute capability 6.1 did not come with the program and cannot be compiled: install NVRTC",
            Assert.Throws<DataException>(() => Installed().ArchitectureFor(61)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compile_EditedSource_IsNotTakenFromTheOldOne()
    {
        Ship("sm_90");
        var edited = KernelSources.Embedded.Texts.ToDictionary();
        edited["Dropout.cu"] += "// edited\n";
        var failure = Assert.Throws<DataException>(() => Installed(new KernelSources(edited)).Compile(Unit, "sm_90"));
        Assert.StartsWith("Dropout.cu, as it is now, did not come with the program for sm_90 and cannot be compiled: install NVRTC", failure.Message, StringComparison.Ordinal);
        Assert.NotEmpty(Installed(new KernelSources(edited), new KernelCompiler(KernelSources.Embedded)).Compile(Unit, "sm_90").Code);
    }

    [Fact]
    public void Compile_DamagedImage_NamesItWhereThereIsNoCompiler()
    {
        Ship("sm_90");
        string file = Directory.GetFiles(_folder).Single();
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^9] ^= 4;
        File.WriteAllBytes(file, bytes);
        Assert.Equal($"{file}: this compiled kernel is damaged", Assert.Throws<DataException>(() => Installed().Compile(Unit, "sm_90")).Message);
        var compiler = new KernelCompiler(KernelSources.Embedded);
        var installed = Installed(KernelSources.Embedded, compiler);
        Assert.Equal(compiler.Compile(Unit, "sm_90").Code, installed.Compile(Unit, "sm_90").Code);
        Assert.Equal([$"{file}: this compiled kernel is damaged"], installed.Damaged);
    }

    [Fact]
    public void From_ImagesSoFar_TellsWhereTheyCameFrom()
    {
        Ship("sm_90");
        var compiler = new KernelCompiler(KernelSources.Embedded);
        var installed = Installed(compiler: compiler);
        Assert.Null(installed.From);
        installed.Compile(Unit, "sm_90");
        Assert.Equal("shipped", installed.From);
        installed.Compile(Unit, "sm_86");
        Assert.Equal("both", installed.From);
        var other = Installed(compiler: compiler);
        other.Compile(Unit, "sm_86");
        Assert.Equal(("compiled", 0), (other.From, other.Damaged.Count));
    }

    [Fact]
    public void Compile_NothingShipped_SaysWhatToInstall() =>
        Assert.Contains("cannot be compiled: install NVRTC", Assert.Throws<DataException>(() => Installed().Compile(Unit, "sm_90")).Message, StringComparison.Ordinal);

    private InstalledKernels Installed(KernelSources? sources = null, KernelCompiler? compiler = null) =>
        new(new ShippedKernels(_folder, sources ?? KernelSources.Embedded), compiler);

    private void Ship(params string[] architectures)
    {
        CudaMachine.SkipWithoutNvrtc();
        Assert.Equal(architectures.Length, ShippedKernels.Write(_folder, new KernelCompiler(KernelSources.Embedded), KernelUnit.Group([DropoutKernels.Apply[ElementType.Float32]]), architectures));
    }
}
