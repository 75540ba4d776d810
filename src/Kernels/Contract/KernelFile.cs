namespace VideoSim.Kernels.Contract;

/// <summary>Properties that the kernels of one CUDA source share.</summary>
/// <param name="Family">See <see cref="Kernel.Family"/>.</param>
/// <param name="Source">Name of the <c>.cu</c> file.</param>
/// <param name="Defines">Macros for the compiler, as <c>NAME=VALUE</c>.</param>
public sealed record KernelFile(string Family, string Source, params string[] Defines)
{
    /// <summary>
    /// Macros with values that may be chosen. The launch shapes of the kernels read them
    /// (<see cref="Kernel{T}.TunedShape"/>).
    /// </summary>
    public IReadOnlyList<Tunable> Tunables { get; init; } = [];
}
