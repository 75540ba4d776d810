using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Layers;

/// <summary>First values of weights, as Keras and BERT draw them. Weights are [out, in].</summary>
public static class Initializers
{
    // Standard deviation of a standard normal distribution that is cut at -2 and 2.
    private const double TruncatedDeviation = 0.87962566103423978;

    /// <summary>All zeros.</summary>
    public static readonly Initializer Zeros = static (values, _, _) => values.Clear();

    /// <summary>All ones.</summary>
    public static readonly Initializer Ones = static (values, _, _) => values.Fill(1);

    /// <summary>The same value everywhere.</summary>
    public static Initializer Constant(double value) => (values, _, _) => values.Fill((float)value);

    /// <summary>Normal distribution with the given sigma, cut at 2 sigma, as in BERT.</summary>
    public static Initializer TruncatedNormal(double sigma) => (values, _, uniform) => TruncatedNormal(values, sigma, uniform);

    /// <summary>Uniform in +-sqrt(6 / (in + out)): Keras' default for dense layers.</summary>
    public static readonly Initializer GlorotUniform = static (values, shape, uniform) =>
    {
        double limit = Math.Sqrt(6.0 / (Matrix(shape)[0] + shape[1]));
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(limit * (2 * uniform(i) - 1));
    };

    /// <summary>Truncated normal with variance 2 / in after the cut.</summary>
    public static readonly Initializer HeNormal = static (values, shape, uniform) =>
        TruncatedNormal(values, Math.Sqrt(2.0 / Matrix(shape)[1]) / TruncatedDeviation, uniform);

    /// <summary>
    /// Truncated normal with variance 2 / (in + out) after the cut. For cluster centres [D, K], in is D and out is K.
    /// </summary>
    public static readonly Initializer GlorotNormal = static (values, shape, uniform) =>
        TruncatedNormal(values, Math.Sqrt(2.0 / (Matrix(shape)[0] + shape[1])) / TruncatedDeviation, uniform);

    private static Shape Matrix(Shape shape) => shape.Rank > 1 ? shape
        : throw new ArgumentException($"this initializer draws weights [out, in], not a vector {shape}");

    private static void TruncatedNormal(Span<float> values, double sigma, Func<long, double> uniform)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = NormalQuantile.Scaled(NormalQuantile.Lowest + (1 - 2 * NormalQuantile.Lowest) * uniform(i), sigma);
    }
}
