namespace VideoSim.Kernels.Rotary;

/// <summary>
/// The constant table of rotary positions (Su et al. 2021), in the layout of RoFormer's files. The angle of pair i at
/// position p is p * 10000^(-2i / D).
/// </summary>
public static class RotaryTable
{
    private const double Base = 10000;

    /// <summary>
    /// Row p is the sines of its D / 2 angles, then the cosines. They are computed in float64 and rounded once.
    /// </summary>
    /// <param name="positions">Rows.</param>
    /// <param name="headWidth">D, even.</param>
    /// <returns>[positions, D]</returns>
    public static float[] Create(int positions, int headWidth)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(headWidth);
        if (headWidth % 2 != 0)
            throw new ArgumentException($"rotary positions need heads of even width, and this width is {headWidth}", nameof(headWidth));
        int half = headWidth / 2;
        float[] table = new float[positions * headWidth];
        for (int p = 0; p < positions; p++)
        {
            for (int i = 0; i < half; i++)
            {
                var (sine, cosine) = Math.SinCos(p * Math.Pow(Base, -2.0 * i / headWidth));
                table[p * headWidth + i] = (float)sine;
                table[p * headWidth + half + i] = (float)cosine;
            }
        }
        return table;
    }
}
