namespace VideoSim.Tests.Shared;

/// <summary>How near two vectors are, in float64.</summary>
internal static class Vectors
{
    /// <summary>Cosine of the angle between them; 1 where both are 0.</summary>
    internal static double Cosine(float[] a, float[] b)
    {
        double product = 0, ofA = 0, ofB = 0;
        foreach (var (x, y) in a.Zip(b))
        {
            product += (double)x * y;
            ofA += (double)x * x;
            ofB += (double)y * y;
        }
        return ofA == 0 && ofB == 0 ? 1 : product / Math.Sqrt(ofA * ofB);
    }

    /// <summary>Length of their difference.</summary>
    internal static double Distance(float[] a, float[] b) => Math.Sqrt(a.Zip(b, static (x, y) => (double)(x - y) * (x - y)).Sum());
}
