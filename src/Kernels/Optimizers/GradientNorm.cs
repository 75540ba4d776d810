using System.Runtime.Intrinsics;
using VideoSim.Kernels.Common;
using VideoSim.Kernels.Contract;

namespace VideoSim.Kernels.Optimizers;

/// <summary>The norm of the gradient of all parameters, and the factor that limits it.</summary>
public unsafe struct GradientNormArgs
{
    /// <summary>[Count]</summary>
    public float* Gradients;

    /// <summary>
    /// [Chunks + 1]: the first element of each chunk, ascending, and then Count. All are multiples of 4. A chunk has
    /// at most <see cref="GradientNormKernels.ChunkElements"/> elements, all of one parameter.
    /// </summary>
    public int* ChunkStarts;

    /// <summary>[Parameters + 1]: the first chunk of each parameter, ascending, and then Chunks.</summary>
    public int* FirstChunks;

    /// <summary>[Chunks]: the sum of squares of each chunk.</summary>
    public double* ChunkSums;

    /// <summary>[Parameters]: the sum of squares of each parameter.</summary>
    public double* ParameterSums;

    /// <summary>
    /// [2]: the norm, at most the largest float unless a gradient is infinite; the factor
    /// min(1, Limit / (norm + 1e-6)), which is never 0.
    /// </summary>
    public float* Norm;

    /// <summary>Sizes.</summary>
    public int Count, Chunks, Parameters;

    /// <summary>The largest norm of the limited gradient; 0 for no limit, with a factor of 1.</summary>
    public float Limit;
}

/// <summary>
/// The Euclidean norm of the gradient of all parameters, and the factor by which an optimizer multiplies the gradient
/// to limit its norm (Pascanu et al. 2013; the formula of PyTorch's clip_grad_norm_). Squares are summed in chunks,
/// then the chunks of each parameter, then the parameters, each in a fixed order. So the result depends on the shapes
/// and the values only. Sums are float64, because squares of finite gradients leave the range of fp32. If the norm is
/// NaN, the factor is 1.
/// </summary>
public static unsafe class GradientNormKernels
{
    /// <summary>Most elements of a chunk, as of an update.</summary>
    public const int ChunkElements = ParameterBlock.ChunkElements;

    /// <summary>Added to the norm before the limit is divided by it.</summary>
    public const double Epsilon = 1e-6;

    private const int Threads = 256, SumThreads = 32;
    private const double OperationsOfFactor = 4; // root, sum, quotient, minimum

    private static readonly KernelFile File = new("gradient-norm", "GradientNorm.cu", $"THREADS={Threads}", $"SUM_THREADS={SumThreads}", "EPSILON=1e-6", "LARGEST=3.40282347e38f", "SMALLEST=1.40129846e-45f");

    /// <summary>Sums the squares of each chunk. Items: chunks.</summary>
    public static readonly Kernel<GradientNormArgs> SumChunks = new("gradient_norm_chunks_f32")
    {
        From = File,
        LaunchShape = static (in GradientNormArgs a, in DeviceLimits _) => new(a.Chunks, Threads),
        CountItems = static (in GradientNormArgs a) => a.Chunks,
        Twin = SquareChunks,
        CountCost = static (in GradientNormArgs a) => new(2.0 * a.Count, sizeof(float) * (a.Count + a.Chunks + 1.0) + sizeof(double) * (double)a.Chunks),
    };

    /// <summary>Sums the chunks of each parameter. Items: parameters.</summary>
    public static readonly Kernel<GradientNormArgs> SumParameters = new("gradient_norm_parameters_f32")
    {
        From = File,
        LaunchShape = static (in GradientNormArgs a, in DeviceLimits _) => new(a.Parameters, SumThreads),
        CountItems = static (in GradientNormArgs a) => a.Parameters,
        Twin = AddChunks,
        CountCost = static (in GradientNormArgs a) => new(a.Chunks, sizeof(float) * (a.Parameters + 1.0) + sizeof(double) * ((double)a.Chunks + a.Parameters)),
    };

    /// <summary>Sums the parameters; writes norm and factor. One item.</summary>
    public static readonly Kernel<GradientNormArgs> Finish = new("gradient_norm_finish_f32")
    {
        From = File,
        LaunchShape = static (in GradientNormArgs _, in DeviceLimits _) => new(1, SumThreads),
        CountItems = static (in GradientNormArgs _) => 1,
        Twin = AddParameters,
        CountCost = static (in GradientNormArgs a) => new(a.Parameters + OperationsOfFactor, sizeof(float) * 2.0 + sizeof(double) * (double)a.Parameters),
    };

    private static void SquareChunks(in GradientNormArgs a, int from, int to)
    {
        for (int chunk = from; chunk < to; chunk++)
        {
            int first = a.ChunkStarts[chunk];
            a.ChunkSums[chunk] = SumOfSquares(a.Gradients + first, a.ChunkStarts[chunk + 1] - first);
        }
    }

    // Lane i has the sums of the elements i, i + 8, i + 16, ... The halves are added until one lane is left.
    internal static double SumOfSquares(float* x, int count)
    {
        Vector512<double> even = default, odd = default;
        for (int i = 0; i < count; i += Lanes.Count)
        {
            var (low, high) = Vector512.Widen(Lanes.Load(x + i, count - i));
            even = Vector512.FusedMultiplyAdd(low, low, even);
            odd = Vector512.FusedMultiplyAdd(high, high, odd);
        }
        even += odd;
        var four = even.GetLower() + even.GetUpper();
        var two = four.GetLower() + four.GetUpper();
        return two.ToScalar() + two.GetElement(1);
    }

    private static void AddChunks(in GradientNormArgs a, int from, int to)
    {
        for (int parameter = from; parameter < to; parameter++)
            a.ParameterSums[parameter] = Total(a.ChunkSums, a.FirstChunks[parameter], a.FirstChunks[parameter + 1]);
    }

    private static void AddParameters(in GradientNormArgs a, int from, int to)
    {
        double norm = Math.Sqrt(Total(a.ParameterSums, 0, a.Parameters)), factor = a.Limit / (norm + Epsilon);
        a.Norm[0] = double.IsFinite(norm) ? (float)Math.Min(norm, float.MaxValue) : (float)norm;
        a.Norm[1] = a.Limit > 0 && factor < 1 ? Math.Max((float)factor, float.Epsilon) : 1;
    }

    private static double Total(double* x, int first, int last)
    {
        double sum = 0;
        for (int i = first; i < last; i++)
            sum += x[i];
        return sum;
    }
}
