using System.Text;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.PtxMachine.Tests;

/// <summary>
/// The emulated device and the compiler of all tests. A process has one driver, so they share a collection.
/// </summary>
internal static class Emulated
{
    public const string Collection = "cuda";

    private static readonly Lazy<CudaEmulator> SharedEmulator = new(static () => new(UserCache.Emulator, KernelSources.Embedded, KernelUnit.Group(Catalog.Kernels)));
    private static readonly Lazy<KernelCompiler> SharedCompiler = new(static () => new(KernelSources.Embedded, new KernelCache(UserCache.Kernels)));

    /// <summary>The emulator, or skips the test and says why.</summary>
    public static CudaEmulator Emulator
    {
        get
        {
            Assert.SkipWhen(EmulatorBuild.Problem is not null, EmulatorBuild.Problem ?? "");
            return SharedEmulator.Value;
        }
    }

    /// <summary>Images of PTX, or skips the test and says why.</summary>
    public static IKernelImages Images
    {
        get
        {
            Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
            return new PtxImages(SharedCompiler.Value);
        }
    }

    /// <summary>Kernels with a CUDA source.</summary>
    public static IEnumerable<Kernel> Kernels => Catalog.Kernels.Where(static kernel => kernel.Source is not null);

    /// <summary>The kernel of a name.</summary>
    public static Kernel Find(string entry) => Kernels.Single(kernel => kernel.Entry == entry);

    /// <summary>The cases of a kernel's checks.</summary>
    public static IEnumerable<CheckCase> CasesOf(Kernel kernel) => Catalog.All.Where(check => check.Kernel == kernel).SelectMany(static check => check.Cases());

    /// <summary>Checks a kernel. An error of the device becomes a finding.</summary>
    public static string[] Check(Kernel kernel, IEnumerable<CheckCase> cases, bool hasBitsOfEmulator = false, Func<string, string>? edit = null)
    {
        try
        {
            var images = edit is null ? Images : new EditedImages(Images, edit);
            using var device = Emulator.Open();
            Kernel[] family = [.. Kernels.Where(one => one.Family == kernel.Family)];
            return [.. new PtxGate(Emulator, device, images, family, Variant.Default).Check(kernel, cases, hasBitsOfEmulator).Select(static finding => finding.ToString())];
        }
        catch (CudaException e)
        {
            return [e.Message];
        }
    }

    private sealed class EditedImages(IKernelImages images, Func<string, string> edit) : IKernelImages
    {
        public string ArchitectureFor(int computeCapability) => images.ArchitectureFor(computeCapability);

        public KernelImage Compile(KernelUnit unit, string architecture)
        {
            var image = images.Compile(unit, architecture);
            return new KernelImage(Encoding.UTF8.GetBytes(edit(Encoding.UTF8.GetString(image.Code))), image.Resources, image.Log);
        }
    }
}

[CollectionDefinition(Emulated.Collection)]
public sealed class CudaCollection;
