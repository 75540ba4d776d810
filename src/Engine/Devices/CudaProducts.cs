using System.Numerics;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using static VideoSim.Engine.Interop.CublasLt;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Matrix products in a context, by cuBLASLt. Descriptors and algorithm of a product are created when its shape first
/// occurs, and kept, so a steady step creates nothing. The algorithm is the first of the library's heuristic that can
/// run, which is the same every time.
/// </summary>
/// <remarks>
/// Row-major C = A B is the same memory as column-major C^T = B^T A^T. The library therefore gets B first, then A, and
/// each matrix as its transpose with the same leading dimension. A bias for the columns of C is a bias for the rows of
/// C^T.
/// </remarks>
internal sealed unsafe class CudaProducts(CudaContext context) : IDisposable
{
    private const long WorkspaceBytes = 32 << 20; // NVIDIA's advice for Hopper
    private const int MostAlignment = 256; // the heuristic's default; no algorithm requires more
    private const int Candidates = 8; // algorithms to try: the heuristic may return some that cannot run
    // Kernels load biases by 16 bytes, but the heuristic does not check the alignment of the bias.
    private const int InvalidValue = 7, NotSupported = 15; // of cublasStatus_t
    private const int LeastBiasAlignment = 16;

    private readonly Dictionary<ProductKind, Product?> _products = [];
    private readonly nint[] _workspaces = new nint[2]; // of the compute stream and of branches, which run beside it
    private nint _library, _preference;

    /// <summary>Number of kinds of products so far.</summary>
    public int Count => _products.Count;

    /// <summary>
    /// Launches a product. If the library cannot add the bias, a kernel first writes the bias to the result, and the
    /// product is added to it.
    /// </summary>
    /// <param name="args">The product.</param>
    /// <param name="stream">Stream for that kernel.</param>
    /// <param name="handle">The driver's handle of the stream or of its branch.</param>
    /// <param name="isBranch">Whether it is the handle of the branch.</param>
    public void Run(in MatMulArgs args, CudaStream stream, nint handle, bool isBranch)
    {
        if (args.Packed != null)
            throw new ArgumentException("cuBLASLt does not take packed operands");
        if (TryRun(args, handle, isBranch))
            return;
        stream.Run(MatMulBiasKernels.Begin[args.Result], MatMulBiasKernels.Of(args));
        stream.Run(MatMulKernels.Multiply, args with { Bias = null, Add = 1 });
    }

    // Returns false and launches nothing if the library cannot add the bias.
    private bool TryRun(in MatMulArgs args, nint stream, bool isBranch)
    {
        var kind = new ProductKind(args);
        if (kind.HasBias && kind.AlignmentBias < LeastBiasAlignment)
            return false;
        if (!_products.TryGetValue(kind, out var product))
            _products.Add(kind, product = Make(kind, args.Bias));
        if (product is null)
            return false;
        if (kind.HasBias)
            Set(product.Descriptor, DescriptorAttribute.BiasPointer, (nint)args.Bias);
        ref nint workspace = ref _workspaces[isBranch ? 1 : 0];
        if (workspace == 0)
            workspace = context.Allocate(WorkspaceBytes, "the workspace of cuBLASLt");
        float alpha = 1, beta = args.Add;
        var algorithm = product.Algorithm;
        Check(cublasLtMatmul(_library, product.Descriptor, &alpha, args.B, product.First, args.A, product.Second,
            &beta, args.C, product.Result, args.C, product.Result, &algorithm, workspace, (nuint)WorkspaceBytes, stream), nameof(cublasLtMatmul), kind);
        return true;
    }

    public void Dispose()
    {
        foreach (var product in _products.Values.OfType<Product>())
            Destroy(product);
        _products.Clear();
        if (_preference != 0)
            _ = cublasLtMatmulPreferenceDestroy(_preference);
        foreach (nint workspace in _workspaces.Where(static workspace => workspace != 0))
            context.Free(workspace);
        Array.Clear(_workspaces);
        if (_library != 0)
            _ = cublasLtDestroy(_library);
        _library = _preference = 0;
    }

    // Called for the first product: a device that only copies and launches needs no cuBLASLt.
    private void Open()
    {
        NativeLibraries.CublasLt.Require();
        if (_preference == 0)
        {
            Check(cublasLtMatmulPreferenceCreate(out _preference), nameof(cublasLtMatmulPreferenceCreate));
            SetPreference(PreferenceAttribute.MaxWorkspaceBytes, (ulong)WorkspaceBytes);
            SetPreference(PreferenceAttribute.ReductionSchemeMask, FixedOrderSchemes);
        }
        Check(cublasLtCreate(out _library), nameof(cublasLtCreate));
    }

    // Returns null if no algorithm adds the bias.
    private Product? Make(in ProductKind kind, void* bias)
    {
        if (_library == 0)
            Open();
        var product = new Product();
        try
        {
            Check(cublasLtMatmulDescCreate(out product.Descriptor, Compute32F, Float32), nameof(cublasLtMatmulDescCreate));
            Set(product.Descriptor, DescriptorAttribute.TransposeA, kind.TransposeB);
            Set(product.Descriptor, DescriptorAttribute.TransposeB, kind.TransposeA);
            if (kind.HasBias)
            {
                Set(product.Descriptor, DescriptorAttribute.Epilogue, EpilogueBias);
                Set(product.Descriptor, DescriptorAttribute.BiasBatchStride, kind.StrideBias);
                Set(product.Descriptor, DescriptorAttribute.BiasPointer, (nint)bias); // the heuristic requires one
            }
            product.First = Layout(kind.TransposeB != 0 ? (kind.K, kind.N) : (kind.N, kind.K), kind.Operands, kind.LdB, kind.Batch, kind.StrideB);
            product.Second = Layout(kind.TransposeA != 0 ? (kind.M, kind.K) : (kind.K, kind.M), kind.Operands, kind.LdA, kind.Batch, kind.StrideA);
            product.Result = Layout((kind.N, kind.M), kind.Result, kind.LdC, kind.Batch, kind.StrideC);
            if (Choose(product, kind) is { } algorithm)
            {
                product.Algorithm = algorithm;
                return product;
            }
            Destroy(product);
            return null;
        }
        catch
        {
            Destroy(product);
            throw;
        }
    }

    private Algorithm? Choose(Product product, in ProductKind kind)
    {
        var found = Find(product, kind, out int status);
        if (found is not null || kind.HasBias)
            return found;
        uint operands = (uint)kind.Operands.Size(), result = (uint)kind.Result.Size();
        found = Find(product, kind with { AlignmentA = operands, AlignmentB = operands, AlignmentC = result }, out status);
        Check(status, nameof(cublasLtMatmulAlgoGetHeuristic), kind);
        return found ?? throw new NotSupportedException($"cuBLASLt has no algorithm on {context.Name} for {kind}");
    }

    private Algorithm? Find(Product product, in ProductKind kind, out int status)
    {
        SetPreference(PreferenceAttribute.MinAlignmentBytesA, kind.AlignmentB);
        SetPreference(PreferenceAttribute.MinAlignmentBytesB, kind.AlignmentA);
        SetPreference(PreferenceAttribute.MinAlignmentBytesC, kind.AlignmentC);
        SetPreference(PreferenceAttribute.MinAlignmentBytesD, kind.HasBias ? Math.Min(kind.AlignmentC, kind.AlignmentBias) : kind.AlignmentC);
        var results = stackalloc HeuristicResult[Candidates];
        status = cublasLtMatmulAlgoGetHeuristic(_library, product.Descriptor, product.First, product.Second, product.Result, product.Result,
            _preference, Candidates, results, out int count);
        // The library's ways to say that it has no algorithm. After another failure the next choice would have other
        // bits.
        if (status is not (0 or InvalidValue or NotSupported))
            Check(status, nameof(cublasLtMatmulAlgoGetHeuristic), kind);
        for (int i = 0; i < count && status == 0; i++)
        {
            if (results[i].State == 0)
                return results[i].Algorithm;
        }
        return null;
    }

    private static void Destroy(Product product)
    {
        nint[] layouts = [product.First, product.Second, product.Result];
        foreach (nint layout in layouts.Where(static layout => layout != 0))
            _ = cublasLtMatrixLayoutDestroy(layout);
        if (product.Descriptor != 0)
            _ = cublasLtMatmulDescDestroy(product.Descriptor);
    }

    private nint Layout((int Rows, int Columns) size, ElementType precision, int leadingDimension, int batch, long stride)
    {
        Check(cublasLtMatrixLayoutCreate(out nint layout, TypeOf(precision), (ulong)size.Rows, (ulong)size.Columns, leadingDimension), nameof(cublasLtMatrixLayoutCreate));
        Check(cublasLtMatrixLayoutSetAttribute(layout, LayoutAttribute.BatchCount, &batch, sizeof(int)), nameof(cublasLtMatrixLayoutSetAttribute));
        Check(cublasLtMatrixLayoutSetAttribute(layout, LayoutAttribute.StridedBatchOffset, &stride, sizeof(long)), nameof(cublasLtMatrixLayoutSetAttribute));
        return layout;
    }

    private void Set<T>(nint descriptor, DescriptorAttribute attribute, T value) where T : unmanaged =>
        Check(cublasLtMatmulDescSetAttribute(descriptor, attribute, &value, (nuint)sizeof(T)), nameof(cublasLtMatmulDescSetAttribute));

    private void SetPreference<T>(PreferenceAttribute attribute, T value) where T : unmanaged =>
        Check(cublasLtMatmulPreferenceSetAttribute(_preference, attribute, &value, (nuint)sizeof(T)), nameof(cublasLtMatmulPreferenceSetAttribute));

    private void Check(int status, string call)
    {
        if (status != 0)
            context.Fail(call, status, Meaning(status));
    }

    private void Check(int status, string call, in ProductKind kind)
    {
        if (status != 0)
            context.Fail($"{call} of {kind}", status, Meaning(status));
    }

    private static int TypeOf(ElementType precision) => precision == ElementType.Float32 ? Float32 : BFloat16;

    // The alignment of all matrices of a batch, or of all their biases.
    private static uint AlignmentOf(void* first, long stride, ElementType precision, int batch)
    {
        nint bits = (nint)first | (batch > 1 ? (nint)(stride * precision.Size()) : 0) | MostAlignment;
        return 1u << BitOperations.TrailingZeroCount(bits);
    }

    private sealed class Product
    {
        public nint Descriptor, First, Second, Result;
        public Algorithm Algorithm;
    }

    /// <summary>Everything that the choice of an algorithm may depend on.</summary>
    private readonly record struct ProductKind(int M, int N, int K, int LdA, int LdB, int LdC, int TransposeA, int TransposeB, int Batch,
        long StrideA, long StrideB, long StrideC, long StrideBias, bool HasBias, ElementType Operands, ElementType Result, uint AlignmentA, uint AlignmentB, uint AlignmentC, uint AlignmentBias)
    {
        public ProductKind(in MatMulArgs args) : this(args.M, args.N, args.K, args.LdA, args.LdB, args.LdC, args.TransposeA, args.TransposeB, args.Batch,
            args.StrideA, args.StrideB, args.StrideC, args.Bias == null ? 0 : args.StrideBias, args.Bias != null, args.Operands, args.Result,
            AlignmentOf(args.A, args.StrideA, args.Operands, args.Batch), AlignmentOf(args.B, args.StrideB, args.Operands, args.Batch),
            AlignmentOf(args.C, args.StrideC, args.Result, args.Batch),
            args.Bias == null ? 0 : AlignmentOf(args.Bias, args.StrideBias, args.Result, args.Batch))
        {
        }
    }
}
