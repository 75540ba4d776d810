using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>
/// The functions of cuBLASLt that the engine calls, as declared in NVIDIA's cublasLt.h. Matrices are column-major.
/// They return a status, 0 for success; <see cref="Check"/> turns others into a <see cref="CudaException"/>.
/// </summary>
internal static unsafe partial class CublasLt
{
    /// <summary>
    /// CUDA_R_32F, CUDA_R_16BF, and CUBLAS_COMPUTE_32F: sums in fp32, no rounding of operands to shorter types.
    /// </summary>
    public const int Float32 = 0, BFloat16 = 14, Compute32F = 68;

    private const string Library = NativeLibraries.CublasLtName;

    static CublasLt() => NativeLibraries.Register();

    /// <summary>Values of cublasLtMatmulDescAttributes_t.</summary>
    public enum DescriptorAttribute
    {
        TransposeA = 3,
        TransposeB = 4,
        Epilogue = 7,
        BiasPointer = 8,
        BiasBatchStride = 10,
    }

    /// <summary>Values of cublasLtMatrixLayoutAttribute_t.</summary>
    public enum LayoutAttribute
    {
        BatchCount = 5,
        StridedBatchOffset = 6,
    }

    /// <summary>Values of cublasLtMatmulPreferenceAttributes_t.</summary>
    public enum PreferenceAttribute
    {
        MaxWorkspaceBytes = 1,
        ReductionSchemeMask = 3,
        MinAlignmentBytesA = 5,
        MinAlignmentBytesB = 6,
        MinAlignmentBytesC = 7,
        MinAlignmentBytesD = 8,
    }

    /// <summary>CUBLASLT_EPILOGUE_BIAS: one value for each row of the result.</summary>
    public const int EpilogueBias = 4;

    /// <summary>
    /// How parts of k are added up: not at all, or in a second pass in fixed order, with fp32 sums (COMPUTE_TYPE of
    /// cublasLtReductionScheme_t). Not in place, and not in the type of the result, which may be bf16.
    /// </summary>
    public const uint FixedOrderSchemes = 2;

    /// <summary>cublasLtMatmulAlgo_t: opaque, copied as it is.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Algorithm
    {
        private fixed ulong _data[8];

        /// <summary>The 64 bytes as hex digits.</summary>
        public override readonly string ToString() => Convert.ToHexStringLower(MemoryMarshal.AsBytes(new ReadOnlySpan<Algorithm>(in this)));
    }

    /// <summary>cublasLtMatmulHeuristicResult_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct HeuristicResult
    {
        public Algorithm Algorithm;
        public nuint WorkspaceBytes;
        public int State;
        public float Waves;
        private fixed int _reserved[4];
    }

    /// <summary>Version of the library.</summary>
    public static Version Version
    {
        get
        {
            int number = (int)cublasLtGetVersion(); // 120405 is 12.4.5
            return new Version(number / 10000, number % 10000 / 100, number % 100);
        }
    }

    /// <summary>Throws if a call failed.</summary>
    public static void Check(int code, string call, string? device = null)
    {
        if (code != 0)
            throw new CudaException(call, code, Meaning(code), kernel: null, device);
    }

    /// <summary>The library's text for a status.</summary>
    public static string Meaning(int status) => Marshal.PtrToStringUTF8(cublasLtGetStatusString(status)) ?? "?";

    [LibraryImport(Library)]
    private static partial nuint cublasLtGetVersion();

    [LibraryImport(Library)]
    private static partial nint cublasLtGetStatusString(int status);

    [LibraryImport(Library)]
    internal static partial int cublasLtCreate(out nint handle);

    [LibraryImport(Library)]
    internal static partial int cublasLtDestroy(nint handle);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulDescCreate(out nint descriptor, int computeType, int scaleType);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulDescDestroy(nint descriptor);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulDescSetAttribute(nint descriptor, DescriptorAttribute attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatrixLayoutCreate(out nint layout, int type, ulong rows, ulong columns, long leadingDimension);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatrixLayoutDestroy(nint layout);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatrixLayoutSetAttribute(nint layout, LayoutAttribute attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulPreferenceCreate(out nint preference);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulPreferenceDestroy(nint preference);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulPreferenceSetAttribute(nint preference, PreferenceAttribute attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmulAlgoGetHeuristic(nint handle, nint descriptor, nint layoutA, nint layoutB, nint layoutC, nint layoutD,
        nint preference, int requested, HeuristicResult* results, out int count);

    [LibraryImport(Library)]
    internal static partial int cublasLtMatmul(nint handle, nint descriptor, float* alpha, void* a, nint layoutA, void* b, nint layoutB,
        float* beta, void* c, nint layoutC, void* d, nint layoutD, Algorithm* algorithm, nint workspace, nuint workspaceBytes, nint stream);
}
