using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Benchmarks;

/// <summary>
/// Launches a step on a GPU. When a kind of matrix product occurs for the first time, it times the algorithms that
/// cuBLASLt offers for it, on the operands of that launch. The results of these launches go to memory of their own, so
/// the step computes what it computes without.
/// </summary>
/// <param name="device">The GPU.</param>
/// <param name="known">Kinds that are not timed.</param>
/// <param name="sample">Measures calls, one for each algorithm; see <see cref="LaunchClock.SampleInTurn"/>.</param>
/// <param name="report">Receives the number of kinds that were timed.</param>
public sealed unsafe class ProductTuner(CudaDevice device, IEnumerable<ProductKind> known, Func<IReadOnlyList<Action>, IReadOnlyList<IReadOnlyList<double>>> sample, Action<int> report) : ComputeStream
{
    // A smaller gain may be noise, and another algorithm has other bits.
    private const double LeastGain = 0.01;

    private readonly CudaStream _stream = (CudaStream)device.Stream;
    private readonly HashSet<ProductKind> _known = [.. known];
    private readonly List<TunedProduct> _products = [];

    /// <summary>The kinds that were timed.</summary>
    public IReadOnlyList<TunedProduct> Products => _products;

    /// <summary>The kinds of products of a step, in the order of their first launches. Nothing is launched.</summary>
    /// <param name="device">The GPU.</param>
    /// <param name="replay">Launches the step on a stream.</param>
    public static IReadOnlyList<ProductKind> KindsOf(CudaDevice device, Action<ComputeStream> replay)
    {
        using var list = new KindList((CudaStream)device.Stream);
        replay(list);
        return [.. list.Kinds];
    }

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        if (IsProduct(kernel, args))
        {
            var product = _stream.Products.Given(*(MatMulArgs*)args);
            var kind = ProductKind.Of(product);
            if (_known.Add(kind))
                Time(product, kind);
        }
        _stream.Launch(kernel, args, bytes);
    }

    /// <summary>
    /// The index of the algorithm to take: the first one, unless the fastest takes at least 1 % less time in the
    /// median of the rounds, and less in three quarters of them.
    /// </summary>
    /// <param name="times">For each algorithm its times, by round.</param>
    internal static int Choose(IReadOnlyList<IReadOnlyList<double>> times)
    {
        int fastest = Enumerable.Range(0, times.Count).MinBy(i => SampledTime.Of(times[i]).Median);
        var ratio = SampledRatio.Of(times[fastest], times[0]);
        return ratio.Median <= 1 - LeastGain && ratio.IsBeyondSpread ? fastest : 0;
    }

    private static bool IsProduct(Kernel kernel, void* args) => kernel == MatMulKernels.Multiply && kernel.Items(args) > 0;

    private void Time(in MatMulArgs product, ProductKind kind)
    {
        long bytes = (product.StrideC * (product.Batch - 1) + (product.M - 1L) * product.LdC + product.N) * product.Result.Size();
        nint result = device.Allocate(bytes);
        try
        {
            device.Clear(result, bytes); // products that add would add to NaN
            var timed = product with { C = (float*)result };
            var candidates = _stream.Products.CandidatesOf(product);
            var times = sample([.. candidates.Select(algorithm => (Action)(() => _stream.Products.Run(timed, kind, algorithm, _stream.Handle)))]);
            int chosen = Choose(times);
            _products.Add(new TunedProduct(kind, candidates[chosen].ToString(), SampledTime.Of(times[chosen]).Median, SampledTime.Of(times[0]).Median, candidates.Count));
            report(_products.Count);
        }
        finally
        {
            device.Free(result);
        }
    }

    private sealed class KindList(CudaStream stream) : ComputeStream
    {
        // In the order in which they were added, because none is removed.
        public HashSet<ProductKind> Kinds { get; } = [];

        public override void Launch(Kernel kernel, void* args, int bytes)
        {
            if (IsProduct(kernel, args))
                Kinds.Add(ProductKind.Of(stream.Products.Given(*(MatMulArgs*)args)));
        }
    }
}
