using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>
/// The functions of the CUDA driver API that the engine calls, as declared in NVIDIA's cuda.h. They return a code, 0
/// for success; <see cref="Check"/> turns others into a <see cref="CudaException"/>.
/// </summary>
internal static unsafe partial class CudaDriver
{
    public const int OutOfMemory = 2, NoDevice = 100, NotReady = 600;

    // Codes 714 to 719 are faults: HARDWARE_STACK_ERROR, ILLEGAL_INSTRUCTION, MISALIGNED_ADDRESS,
    // INVALID_ADDRESS_SPACE, INVALID_PC and LAUNCH_FAILED.
    private const int EccUncorrectable = 214, IllegalAddress = 700, LaunchTimeout = 702, Assertion = 710, FirstFault = 714, LastFault = 719, Unknown = 999;

    private const string Library = NativeLibraries.CudaName;

    static CudaDriver() => NativeLibraries.Register();

    /// <summary>Values of CUdevice_attribute.</summary>
    public enum DeviceAttribute
    {
        ClockKilohertz = 13,
        MultiprocessorCount = 16,
        MemoryClockKilohertz = 36,
        L2Bytes = 38,
        ComputeCapabilityMajor = 75,
        ComputeCapabilityMinor = 76,
        SharedBytesPerBlockOptIn = 97,
    }

    /// <summary>CU_STREAM_NON_BLOCKING: no implicit order with the legacy default stream.</summary>
    public const uint NonBlocking = 1;

    /// <summary>CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may continue to call the driver.</summary>
    public const int CaptureOfThisThread = 1;

    /// <summary>
    /// CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, of static shared memory, and
    /// CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.
    /// </summary>
    public const int StaticSharedBytes = 1, MaxDynamicSharedBytes = 8;

    /// <summary>Throws if a call failed.</summary>
    public static void Check(int code, string call, string? device = null)
    {
        if (code != 0)
            throw new CudaException(call, code, Meaning(code), kernel: null, device);
    }

    /// <summary>The driver's text for a code.</summary>
    public static string Meaning(int code)
    {
        string name = cuGetErrorName(code, out nint text) == 0 ? Marshal.PtrToStringUTF8(text) ?? "?" : "unknown error";
        return cuGetErrorString(code, out text) == 0 ? $"{name}: {Marshal.PtrToStringUTF8(text)}" : name;
    }

    /// <summary>Whether the driver refuses all calls after a code: faults of a kernel or of the hardware.</summary>
    public static bool LosesDevice(int code) => code is EccUncorrectable or IllegalAddress or LaunchTimeout or Assertion or (>= FirstFault and <= LastFault) or Unknown;

    [LibraryImport(Library)]
    internal static partial int cuInit(uint flags);

    [LibraryImport(Library)]
    internal static partial int cuDriverGetVersion(out int version);

    [LibraryImport(Library)]
    private static partial int cuGetErrorName(int code, out nint text);

    [LibraryImport(Library)]
    private static partial int cuGetErrorString(int code, out nint text);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetCount(out int count);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(Library)]
    internal static partial int cuDeviceGetAttribute(out int value, DeviceAttribute attribute, int device);

    [LibraryImport(Library)]
    internal static partial int cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(Library)]
    internal static partial int cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(Library)]
    internal static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Library)]
    internal static partial int cuStreamCreate(out nint stream, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuStreamDestroy_v2(nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamSynchronize(nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamQuery(nint stream);

    [LibraryImport(Library)]
    internal static partial int cuStreamWaitEvent(nint stream, nint handle, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuStreamBeginCapture_v2(nint stream, int mode);

    [LibraryImport(Library)]
    internal static partial int cuStreamEndCapture(nint stream, out nint graph);

    [LibraryImport(Library)]
    internal static partial int cuGraphInstantiateWithFlags(out nint executable, nint graph, ulong flags);

    [LibraryImport(Library)]
    internal static partial int cuGraphLaunch(nint executable, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuGraphDestroy(nint graph);

    [LibraryImport(Library)]
    internal static partial int cuGraphExecDestroy(nint executable);

    [LibraryImport(Library)]
    internal static partial int cuMemAlloc_v2(out nint address, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cuMemFree_v2(nint address);

    [LibraryImport(Library)]
    internal static partial int cuMemHostAlloc(out nint address, nuint bytes, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuMemFreeHost(nint address);

    [LibraryImport(Library)]
    internal static partial int cuMemsetD8Async(nint address, byte value, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyHtoDAsync_v2(nint destination, void* source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyDtoHAsync_v2(void* destination, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuMemcpyDtoDAsync_v2(nint destination, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuEventCreate(out nint handle, uint flags);

    [LibraryImport(Library)]
    internal static partial int cuEventRecord(nint handle, nint stream);

    [LibraryImport(Library)]
    internal static partial int cuEventSynchronize(nint handle);

    [LibraryImport(Library)]
    internal static partial int cuEventQuery(nint handle);

    [LibraryImport(Library)]
    internal static partial int cuEventElapsedTime(out float milliseconds, nint start, nint end);

    [LibraryImport(Library)]
    internal static partial int cuEventDestroy_v2(nint handle);

    [LibraryImport(Library)]
    internal static partial int cuModuleLoadData(out nint module, void* image);

    [LibraryImport(Library)]
    internal static partial int cuModuleUnload(nint module);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int cuModuleGetFunction(out nint function, nint module, string name);

    [LibraryImport(Library)]
    internal static partial int cuFuncSetAttribute(nint function, int attribute, int value);

    [LibraryImport(Library)]
    internal static partial int cuFuncGetAttribute(out int value, int attribute, nint function);

    [LibraryImport(Library)]
    internal static partial int cuLaunchKernel(nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ,
        uint sharedBytes, nint stream, void** parameters, void** extra);
}
