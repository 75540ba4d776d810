using System.Runtime.InteropServices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using static VideoSim.Engine.Interop.CudaDriver;

namespace VideoSim.Engine.Devices;

/// <summary>The CUDA libraries and GPUs of this machine. A missing library is a result here, not an error.</summary>
/// <param name="Driver">The library of the GPU's driver.</param>
/// <param name="Compiler">NVRTC.</param>
/// <param name="Products">cuBLASLt.</param>
/// <param name="Gpus">The GPUs that the driver finds.</param>
/// <param name="LookedIn">
/// If a library is missing, the folders that were searched, with their subfolders, beside those of the system's
/// loader.
/// </param>
public sealed record CudaInventory(CudaComponent Driver, CudaComponent Compiler, CudaComponent Products, IReadOnlyList<CudaGpu> Gpus, IReadOnlyList<string> LookedIn)
{
    /// <summary>Takes the inventory. Opens no GPU.</summary>
    public static CudaInventory Take() => Take(NativeLibraries.Cuda, NativeLibraries.Nvrtc, NativeLibraries.CublasLt);

    /// <summary>The same for libraries that a test names.</summary>
    internal static CudaInventory Take(NvidiaLibrary driver, NvidiaLibrary compiler, NvidiaLibrary products)
    {
        IReadOnlyList<CudaGpu> gpus = [];
        var found = Describe(driver, () =>
        {
            Check(cuDriverGetVersion(out int number), nameof(cuDriverGetVersion));
            return new Version(number / 1000, number % 1000 / 10); // 12040 is 12.4
        });
        if (found.Problem is null)
            found = found with { Problem = ProblemOf(driver, () => gpus = ReadGpus()) };
        CudaComponent ofCompiler = Describe(compiler, static () => Nvrtc.Version), ofProducts = Describe(products, static () => CublasLt.Version);
        bool isMissing = found.Path is null || ofCompiler.Path is null || ofProducts.Path is null;
        return new CudaInventory(found, ofCompiler, ofProducts, gpus, isMissing ? [.. LibraryFolders.OfTheUser().Concat(LibraryFolders.Roots())] : []);
    }

    private static CudaComponent Describe(NvidiaLibrary library, Func<Version> readVersion)
    {
        Version? version = null;
        string? problem = ProblemOf(library, () => version = readVersion());
        return new CudaComponent(library.Path, version, problem);
    }

    private static string? ProblemOf(NvidiaLibrary library, Action call)
    {
        if (library.Path is null)
            return library.Problem;
        try
        {
            call();
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
/// <param name="Version">Its version of CUDA; null if unknown.</param>
/// <param name="Problem">
/// One line that tells why it cannot be used and what to install; null if it can be used.
/// </param>
public sealed record CudaComponent(string? Path, Version? Version, string? Problem);

/// <summary>A GPU as its driver describes it.</summary>
/// <param name="Name">Its number and model, such as <c>cuda:0 NVIDIA H100</c>.</param>
/// <param name="ComputeCapability">Ten times the major version plus the minor one.</param>
/// <param name="Limits">The limits that launch shapes depend on.</param>
public sealed unsafe record CudaGpu(string Name, int ComputeCapability, DeviceLimits Limits)
{
    private const int NameBytes = 256;

    /// <summary>Reads the description from an initialised driver.</summary>
    /// <param name="ordinal">Number of the GPU.</param>
    /// <param name="device">The driver's handle of the GPU.</param>
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
