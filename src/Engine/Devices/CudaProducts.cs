using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;
using static VideoSim.Engine.Interop.CublasLt;

namespace VideoSim.Engine.Devices;

/// <summary>
/// Matrix products in a context, by cuBLASLt. Descriptors and algorithm of a product are created when its shape first
/// occurs, and kept, so a steady step creates nothing. The algorithm is the first of the library's heuristic that can
/// run, which is the same every time, or the one of a table.
/// </summary>
/// <remarks>
/// Row-major C = A B is the same memory as column-major C^T = B^T A^T. The library therefore gets B first, then A, and
/// each matrix as its transpose with the same leading dimension. A bias for the columns of C is a bias for the rows of
/// C^T.
/// </remarks>
internal sealed unsafe class CudaProducts(CudaContext context, TuningTable? tuning) : IDisposable
{
    private const long WorkspaceBytes = 32 << 20; // NVIDIA's advice for Hopper
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
        var kind = ProductKind.Of(args);
        if (Find(kind, args.Bias) is { } product)
        {
            Launch(args, kind, product, product.Chosen, handle, isBranch);
            return;
        }
        stream.Run(MatMulBiasKernels.Begin[args.Result], MatMulBiasKernels.Of(args));
        stream.Run(MatMulKernels.Multiply, WithoutBias(args));
    }

    /// <summary>
    /// The product as the library gets it: without the bias if a kernel writes that to the result before.
    /// </summary>
    public MatMulArgs Given(in MatMulArgs args) => Find(ProductKind.Of(args), args.Bias) is null ? WithoutBias(args) : args;

    /// <summary>
    /// The algorithms that can compute a product, in the order of the heuristic. The product is one that
    /// <see cref="Given"/> returned.
    /// </summary>
    public IReadOnlyList<Algorithm> CandidatesOf(in MatMulArgs given) => Find(ProductKind.Of(given), given.Bias)!.Candidates;

    /// <summary>
    /// Launches a product with an algorithm that <see cref="CandidatesOf"/> returned for one of this kind.
    /// </summary>
    public void Run(in MatMulArgs args, in ProductKind kind, Algorithm algorithm, nint handle) =>
        Launch(args, kind, _products[kind]!, algorithm, handle, isBranch: false);

    private static MatMulArgs WithoutBias(in MatMulArgs args) => args with { Bias = null, Add = 1 };

    // Returns null if the library cannot add the bias.
    private Product? Find(in ProductKind kind, void* bias)
    {
        if (kind.HasBias && kind.AlignmentBias < LeastBiasAlignment)
            return null;
        if (!_products.TryGetValue(kind, out var product))
            _products.Add(kind, product = Make(kind, bias));
        return product;
    }

    private void Launch(in MatMulArgs args, in ProductKind kind, Product product, Algorithm algorithm, nint stream, bool isBranch)
    {
        if (kind.HasBias)
            Set(product.Descriptor, DescriptorAttribute.BiasPointer, (nint)args.Bias);
        ref nint workspace = ref _workspaces[isBranch ? 1 : 0];
        if (workspace == 0)
            workspace = context.Allocate(WorkspaceBytes, "the workspace of cuBLASLt");
        float alpha = 1, beta = args.Add;
        Check(cublasLtMatmul(_library, product.Descriptor, &alpha, args.B, product.First, args.A, product.Second,
            &beta, args.C, product.Result, args.C, product.Result, &algorithm, workspace, (nuint)WorkspaceBytes, stream), nameof(cublasLtMatmul), kind);
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
            product.Candidates = CandidatesFor(product, kind);
            if (Choose(product.Candidates, kind) is { } algorithm)
            {
                product.Chosen = algorithm;
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

    // The library does not check the bytes of an algorithm. So those of a file are compared with what it offers, and
    // never passed to it.
    private Algorithm? Choose(Algorithm[] candidates, in ProductKind kind)
    {
        if (tuning?.Find(kind) is not { } row)
            return candidates.Length > 0 ? candidates[0] : null;
        int place = Array.FindIndex(candidates, candidate => candidate.ToString() == row.Algorithm);
        return place >= 0 ? candidates[place] : throw new DataException($"{tuning.Path}: cuBLASLt does not offer the algorithm of the table on {context.Name} for {kind}");
    }

    // Empty if no algorithm adds the bias.
    private Algorithm[] CandidatesFor(Product product, in ProductKind kind)
    {
        var found = Ask(product, kind, out int status);
        if (found.Length > 0 || kind.HasBias)
            return found;
        uint operands = (uint)kind.Operands.Size(), result = (uint)kind.Result.Size();
        found = Ask(product, kind with { AlignmentA = operands, AlignmentB = operands, AlignmentC = result }, out status);
        Check(status, nameof(cublasLtMatmulAlgoGetHeuristic), kind);
        return found.Length > 0 ? found : throw new NotSupportedException($"cuBLASLt has no algorithm on {context.Name} for {kind}");
    }

    // Some of the algorithms that the heuristic returns may be unable to run.
    private Algorithm[] Ask(Product product, in ProductKind kind, out int status)
    {
        SetPreference(PreferenceAttribute.MinAlignmentBytesA, kind.AlignmentB);
        SetPreference(PreferenceAttribute.MinAlignmentBytesB, kind.AlignmentA);
        SetPreference(PreferenceAttribute.MinAlignmentBytesC, kind.AlignmentC);
        SetPreference(PreferenceAttribute.MinAlignmentBytesD, kind.HasBias ? Math.Min(kind.AlignmentC, kind.AlignmentBias) : kind.AlignmentC);
        var results = new HeuristicResult[TuningTable.MostCandidates]; // zeroed: bytes that the library does not write are the same every time
        int count;
        fixed (HeuristicResult* first = results)
        {
            status = cublasLtMatmulAlgoGetHeuristic(_library, product.Descriptor, product.First, product.Second, product.Result, product.Result,
                _preference, results.Length, first, out count);
        }
        // The library's ways to say that it has no algorithm. After another failure the next choice would have other
        // bits.
        if (status is not (0 or InvalidValue or NotSupported))
            Check(status, nameof(cublasLtMatmulAlgoGetHeuristic), kind);
        return status == 0 ? [.. results.Take(count).Where(static result => result.State == 0).Select(static result => result.Algorithm)] : [];
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

    private sealed class Product
    {
        public nint Descriptor, First, Second, Result;
        public Algorithm[] Candidates = [];
        public Algorithm Chosen;
    }
}
