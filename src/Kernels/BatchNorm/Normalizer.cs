namespace VideoSim.Kernels.BatchNorm;

/// <summary>
/// A batch normalisation that a kernel applies to the raw values that it reads. It is a part of the kernel's
/// arguments.
/// </summary>
public unsafe struct Normalizer
{
    /// <summary>
    /// [Stack, Sides, Columns]: statistics, as <see cref="BatchNormKernels"/> writes them; rstd is 1 / standard
    /// deviation.
    /// </summary>
    public float* Mean, Rstd;

    /// <summary>[Stack, Columns]</summary>
    public float* Weight, Bias;

    /// <summary>Columns, C.</summary>
    public int Columns;

    /// <summary>Groups of rows that have statistics of their own.</summary>
    public int Sides;
}
