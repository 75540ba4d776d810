namespace VideoSim.Kernels.Contract;

/// <summary>
/// Number of independent work items of a launch. It depends on shapes only, never on threads or multiprocessors.
/// </summary>
public delegate int ItemCount<TArgs>(in TArgs args) where TArgs : unmanaged;

/// <summary>
/// The kernel of the CPU device, for items [<paramref name="from"/>, <paramref name="to"/>). It starts no threads: the
/// CPU stream divides the items among its threads.
/// </summary>
public delegate void Twin<TArgs>(in TArgs args, int from, int to) where TArgs : unmanaged;

/// <summary>Grid, block and shared memory of a launch on a CUDA device.</summary>
public delegate LaunchShape ShapeOf<TArgs>(in TArgs args, in DeviceLimits limits) where TArgs : unmanaged;

/// <summary>The same for a kernel whose source is compiled with chosen values of macros.</summary>
public delegate LaunchShape TunedShapeOf<TArgs>(in TArgs args, in DeviceLimits limits, Variant variant) where TArgs : unmanaged;

/// <summary>Floating-point operations of a launch, and the bytes that it moves by design.</summary>
public delegate KernelCost CostOf<TArgs>(in TArgs args) where TArgs : unmanaged;

/// <summary>
/// One kernel for all devices: its name, argument struct, items, twin, CUDA source, launch shape and cost. The streams
/// of the engine launch it. Nothing here allocates memory or starts threads.
/// </summary>
public abstract unsafe class Kernel
{
    private protected Kernel(string entry) => Entry = entry;

    /// <summary>The <c>extern "C"</c> name of this instance, such as <c>layer_norm_forward_f32</c>.</summary>
    public string Entry { get; }

    /// <summary>Sets family, source, defines and tunable macros, which the kernels of one file share.</summary>
    public KernelFile From
    {
        init => (Family, Source, Defines, Tunables) = (value.Family, value.Source, [.. value.Defines, .. value.Tunables.Select(static macro => FormattableString.Invariant($"{macro.Name}={macro.Default}"))], value.Tunables);
    }

    /// <summary>
    /// Name of the kernel family in commands, such as <c>layernorm</c>: lower case, words joined by hyphens. Every
    /// kernel of the catalog has one.
    /// </summary>
    public string Family { get; init; } = "";

    /// <summary>
    /// The <c>.cu</c> file with the entry. Null if a library computes the kernel on CUDA, or if it runs on the CPU
    /// only.
    /// </summary>
    public string? Source { get; init; }

    /// <summary>
    /// The library that computes the kernel on CUDA in place of a source, such as cuBLASLt; null for none.
    /// </summary>
    public string? Library { get; init; }

    /// <summary>Macros for the compiler, as <c>NAME=VALUE</c>, with the defaults of <see cref="Tunables"/>.</summary>
    public IReadOnlyList<string> Defines { get; init; } = [];

    /// <summary>See <see cref="KernelFile.Tunables"/>.</summary>
    public IReadOnlyList<Tunable> Tunables { get; private init; } = [];

    /// <summary>The argument struct, shared with the CUDA source field by field.</summary>
    public abstract ArgumentLayout Layout { get; }

    /// <summary>Number of work items for these arguments.</summary>
    public abstract int Items(void* args);

    /// <summary>True if the kernel has a twin, which the CPU runs.</summary>
    public abstract bool HasTwin { get; }

    /// <summary>Computes items [<paramref name="from"/>, <paramref name="to"/>) on the calling thread.</summary>
    /// <exception cref="NotSupportedException">The kernel has no twin.</exception>
    public abstract void Invoke(void* args, int from, int to);

    /// <summary>Launch shape on a CUDA device.</summary>
    /// <param name="args">The kernel's arguments.</param>
    /// <param name="limits">Properties of the device.</param>
    /// <param name="variant">Values of macros with which the source is compiled.</param>
    /// <exception cref="InvalidOperationException">The kernel has no CUDA source.</exception>
    public abstract LaunchShape Shape(void* args, in DeviceLimits limits, Variant variant);

    /// <summary>FLOPs and moved bytes of a launch.</summary>
    public abstract KernelCost Cost(void* args);

    /// <inheritdoc/>
    public override string ToString() => Entry;
}

/// <summary>A kernel over one unmanaged argument struct, laid out identically in C# and CUDA.</summary>
/// <typeparam name="TArgs">
/// Pointers first, then 64-bit, then 32-bit fields. No bool or char: their sizes differ between the languages.
/// </typeparam>
public sealed unsafe class Kernel<TArgs>(string entry) : Kernel(entry)
    where TArgs : unmanaged
{
    /// <summary>Number of independent items.</summary>
    public required ItemCount<TArgs> CountItems { get; init; }

    /// <summary>The kernel of the CPU device; null if the kernel runs on CUDA devices only.</summary>
    public required Twin<TArgs>? Twin { get; init; }

    /// <summary>FLOPs and bytes.</summary>
    public required CostOf<TArgs> CountCost { get; init; }

    /// <summary>
    /// Launch shape; this or <see cref="TunedShape"/> is required where <see cref="Kernel.Source"/> is set.
    /// </summary>
    public ShapeOf<TArgs>? LaunchShape { get; init; }

    /// <summary>Launch shape that depends on <see cref="Kernel.Tunables"/>.</summary>
    public TunedShapeOf<TArgs>? TunedShape { get; init; }

    /// <inheritdoc/>
    public override ArgumentLayout Layout { get; } = ArgumentLayout.Of<TArgs>();

    /// <inheritdoc/>
    public override int Items(void* args) => CountItems(in *(TArgs*)args);

    /// <inheritdoc/>
    public override bool HasTwin => Twin is not null;

    /// <inheritdoc/>
    public override void Invoke(void* args, int from, int to) =>
        (Twin ?? throw new NotSupportedException($"{Entry} runs on CUDA devices only"))(in *(TArgs*)args, from, to);

    /// <inheritdoc/>
    public override LaunchShape Shape(void* args, in DeviceLimits limits, Variant variant) => TunedShape is { } tuned ? tuned(in *(TArgs*)args, limits, variant)
        : LaunchShape is { } shape ? shape(in *(TArgs*)args, limits) : throw new InvalidOperationException($"{Entry} has no CUDA source");

    /// <inheritdoc/>
    public override KernelCost Cost(void* args) => CountCost(in *(TArgs*)args);
}
