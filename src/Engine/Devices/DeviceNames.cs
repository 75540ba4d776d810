using System.Globalization;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels;

namespace VideoSim.Engine.Devices;

/// <summary>Devices by name: <c>cpu</c>, <c>cuda</c> and <c>cuda:N</c>.</summary>
public static class DeviceNames
{
    /// <summary>Environment variable: a folder of <c>.cu</c> files to use instead of those in the program.</summary>
    public const string KernelsVariable = "VIDEOSIM_KERNELS";

    /// <summary>The names, for messages.</summary>
    public const string All = "cpu, cuda and cuda:N";

    /// <summary>Whether a text is the name of a device. Opens nothing.</summary>
    public static bool IsName(string text) => text == "cpu" || OrdinalOf(text) is not null;

    /// <summary>
    /// The name of an open device without the number, which differs between equal GPUs of a machine.
    /// </summary>
    public static string WithoutNumber(string name) => name.Split(' ', 2) is [var number, var model] && OrdinalOf(number) is not null ? model : name;

    /// <summary>Opens a device with all kernels of the catalog.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="threads">Threads of the CPU device; null for all cores.</param>
    /// <param name="products">Whether cuBLASLt is needed: matrix products use it, single kernels do not.</param>
    /// <param name="tuning">Algorithms of cuBLASLt; null for the first that it offers.</param>
    /// <exception cref="DataException">
    /// There is no such device, a library that it needs is missing, or the tuning is not for it.
    /// </exception>
    public static Device Open(string name, int? threads = null, bool products = true, TuningTable? tuning = null)
    {
        if (name == "cpu")
            return tuning is null ? new CpuDevice(threads ?? Environment.ProcessorCount) : throw new DataException($"{tuning.Path}: is a table of cuBLASLt, which the CPU does not use");
        int ordinal = OrdinalOf(name) ?? throw new DataException($"there is no device {Printable.Quote(name)}; the devices are {All}");
        // Missing libraries are reported before any work begins. The driver comes first: without it the others are of
        // no use.
        NativeLibraries.Cuda.Require();
        if (products)
            NativeLibraries.CublasLt.Require();
        var sources = KernelSources.In(Environment.GetEnvironmentVariable(KernelsVariable));
        return CudaDevice.Open(ordinal, InstalledKernels.Open(sources), Catalog.Kernels, VariantTable.Of(sources), tuning);
    }

    private static int? OrdinalOf(string name) => name == "cuda" ? 0 : name.StartsWith("cuda:", StringComparison.Ordinal)
        && int.TryParse(name.AsSpan("cuda:".Length), NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal) ? ordinal : null;
}
