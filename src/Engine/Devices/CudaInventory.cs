using System.Runtime.InteropServices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>What there is of CUDA on this machine. That something is missing is an answer, not an error.</summary>
/// <param name="Driver">The library of the GPU's driver.</param>
/// <param name="Compiler">NVRTC.</param>
/// <param name="Products">cuBLASLt.</param>
/// <param name="Gpus">What the driver can run on.</param>
/// <param name="LookedIn">Where a library is missing, where it was looked for beside the folders of the system's loader: there, and below there.</param>
public sealed record CudaInventory(CudaComponent Driver, CudaComponent Compiler, CudaComponent Products, IReadOnlyList<CudaGpu> Gpus, IReadOnlyList<string> LookedIn)
{
    /// <summary>Looks; no GPU is opened.</summary>
    public static CudaInventory Take() => Take(NativeLibraries.Cuda, NativeLibraries.Nvrtc, NativeLibraries.CublasLt);

    /// <summary>The same for libraries that a test names.</summary>
    internal static CudaInventory Take(NvidiaLibrary driver, NvidiaLibrary compiler, NvidiaLibrary products)
    {
        IReadOnlyList<CudaGpu> gpus = [];
        var found = Ask(driver, () =>
        {
            Check(cuDriverGetVersion(out int number), nameof(cuDriverGetVersion));
            return new Version(number / 1000, number % 1000 / 10); // 12040 is 12.4
        });
        if (found.Problem is null)
            found = found with { Problem = ProblemOf(driver, () => gpus = ReadGpus()) };
        CudaComponent ofCompiler = Ask(compiler, static () => Nvrtc.Version), ofProducts = Ask(products, static () => CublasLt.Version);
        bool isMissing = found.Path is null || ofCompiler.Path is null || ofProducts.Path is null;
        return new CudaInventory(found, ofCompiler, ofProducts, gpus, isMissing ? [.. LibraryFolders.OfTheUser().Concat(LibraryFolders.Roots())] : []);
    }

    private static CudaComponent Ask(NvidiaLibrary library, Func<Version> ask)
    {
        Version? version = null;
        string? problem = ProblemOf(library, () => version = ask());
        return new CudaComponent(library.Path, version, problem);
    }

    private static string? ProblemOf(NvidiaLibrary library, Action ask)
    {
        if (library.Path is null)
            return library.Problem;
        try
        {
            ask();
            return null;
        }
        catch (CudaException e)
        {
            return e.Message;
        }
        catch (EntryPointNotFoundException e)
        {
            return $"{e.Message.TrimEnd('.')}: {library.Advice}";
        }
    }

    private static CudaGpu[] ReadGpus()
    {
        Check(cuInit(0), nameof(cuInit));
        Check(cuDeviceGetCount(out int count), nameof(cuDeviceGetCount));
        return [.. Enumerable.Range(0, count).Select(static ordinal => CudaGpu.Read(ordinal, out _))];
    }
}

/// <summary>One library of CUDA's.</summary>
/// <param name="Path">Its file; null if it was not found.</param>
/// <param name="Version">Its version of CUDA; null if it could not tell.</param>
/// <param name="Problem">Why it cannot be used and what would help, in one line; null if it can.</param>
public sealed record CudaComponent(string? Path, Version? Version, string? Problem);

/// <summary>A GPU as its driver describes it.</summary>
/// <param name="Name">Its number and model, such as <c>cuda:0 NVIDIA H100</c>.</param>
/// <param name="ComputeCapability">Ten times the major version plus the minor one.</param>
/// <param name="Limits">What launch shapes depend on.</param>
public sealed unsafe record CudaGpu(string Name, int ComputeCapability, DeviceLimits Limits)
{
    private const int NameBytes = 256;

    /// <summary>Asks an initialised driver.</summary>
    /// <param name="ordinal">Which GPU.</param>
    /// <param name="device">The driver's handle of it.</param>
    /// <exception cref="CudaException">There is no such GPU.</exception>
    internal static CudaGpu Read(int ordinal, out int device)
    {
        string name = $"cuda:{ordinal}";
        Check(cuDeviceGet(out device, ordinal), nameof(cuDeviceGet), name);
        byte* model = stackalloc byte[NameBytes];
        Check(cuDeviceGetName(model, NameBytes, device), nameof(cuDeviceGetName), name);
        int handle = device;
        return new CudaGpu($"{name} {Marshal.PtrToStringUTF8((nint)model)}",
            10 * Attribute(DeviceAttribute.ComputeCapabilityMajor) + Attribute(DeviceAttribute.ComputeCapabilityMinor),
            new DeviceLimits(Attribute(DeviceAttribute.MultiprocessorCount), Attribute(DeviceAttribute.SharedBytesPerBlockOptIn)));

        int Attribute(DeviceAttribute attribute)
        {
            Check(cuDeviceGetAttribute(out int value, attribute, handle), nameof(cuDeviceGetAttribute), name);
            return value;
        }
    }
}
