using System.Reflection;
using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>
/// Finds NVIDIA's libraries for all declarations of this assembly. It looks first in <see cref="PathVariable"/>, then
/// where the system's loader looks, then in the usual folders of the CUDA toolkit and of Python's packages, those of
/// the python3 on PATH included. In each place it takes the newest version.
/// </summary>
public static class NativeLibraries
{
    /// <summary>Environment variable with files or folders to look in first, separated as in PATH.</summary>
    public const string PathVariable = "VIDEOSIM_CUDA_PATH";

    /// <summary>
    /// Whether VIDEOSIM_EMULATOR asks the emulator to run kernels as NVRTC compiled them: then they have to be PTX.
    /// </summary>
    public static bool EmulatorRunsPtx => Environment.GetEnvironmentVariable("VIDEOSIM_EMULATOR") == "ptx";

    internal const string CudaName = "cuda", NvrtcName = "nvrtc", CublasLtName = "cublasLt";

    static NativeLibraries() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    /// <summary>The driver API. It comes with the GPU's driver; one version serves all toolkits.</summary>
    public static NvidiaLibrary Cuda { get; } = new(CudaName, ["libcuda.so.1"], "install NVIDIA's driver (Debian: nvidia-driver)");

    /// <summary>
    /// The run-time compiler of CUDA C++. From version 12 on the file's name has only the major version.
    /// </summary>
    public static NvidiaLibrary Nvrtc { get; } = new(NvrtcName, ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"],
        "install NVRTC (part of the CUDA toolkit; Debian: libnvrtc12; pip: nvidia-cuda-nvrtc-cu12)");

    /// <summary>Matrix products.</summary>
    public static NvidiaLibrary CublasLt { get; } = new(CublasLtName, ["libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"],
        "install cuBLASLt (part of the CUDA toolkit; Debian: libcublaslt12; pip: nvidia-cublas-cu12)");

    /// <summary>Runs the static constructor, which makes this class resolve the declarations.</summary>
    internal static void Register() { }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) => name switch
    {
        CudaName => Cuda.Handle,
        NvrtcName => Nvrtc.Handle,
        CublasLtName => CublasLt.Handle,
        _ => 0,
    };
}
