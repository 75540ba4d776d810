namespace VideoSim.Kernels.Contract;

/// <summary>How the values of a tensor are stored. Kernels always compute and sum in fp32.</summary>
public enum Precision
{
    /// <summary>IEEE binary32.</summary>
    Float32,

    /// <summary>The upper half of binary32: its exponent and 8 significant bits.</summary>
    BFloat16,
}

/// <summary>Facts about precisions.</summary>
public static class Precisions
{
    /// <summary>Bytes of a value.</summary>
    public static int Bytes(this Precision precision) => precision == Precision.Float32 ? sizeof(float) : sizeof(ushort);

    /// <summary>Ending of kernel names: f32 or bf16.</summary>
    public static string Suffix(this Precision precision) => precision == Precision.Float32 ? "f32" : "bf16";
}
