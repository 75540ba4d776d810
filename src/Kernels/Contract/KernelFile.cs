namespace VideoSim.Kernels.Contract;

/// <summary>Properties that the kernels of one CUDA source share.</summary>
/// <param name="Family">See <see cref="Kernel.Family"/>.</param>
/// <param name="Source">Name of the <c>.cu</c> file.</param>
/// <param name="Defines">Macros for the compiler, as <c>NAME=VALUE</c>.</param>
public sealed record KernelFile(string Family, string Source, params string[] Defines);
