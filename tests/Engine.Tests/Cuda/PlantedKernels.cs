using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Tests.Cuda;

public unsafe struct PlantedArgs
{
    public float* Out;
    public uint* Lowest;
    public int Count;
}

/// <summary>
/// The kernels of Planted.cu: two right ones, one for each mistake, and some with known bank conflicts.
/// </summary>
internal static class PlantedKernels
{
    public const string Source = "Planted.cu";
    public const int Threads = 64, Blocks = 3;

    public static readonly Kernel<PlantedArgs> Nothing = Planted("nothing"), Atomics = Planted("atomics");

    /// <summary>Kernels with a mistake, and what the check build says of it.</summary>
    public static readonly IReadOnlyList<(Kernel<PlantedArgs> Kernel, string Finding)> Mistakes =
    [
        (Planted("no_barrier"), "race|read of unwritten dynamic shared memory"),
        (Planted("no_barrier_before_reuse"), "race"),
        (Planted("no_warp_barrier"), "race"),
        (Planted("divergent_barrier"), "divergent __syncthreads"),
        (Planted("absent_lanes"), "deadlock"),
        (Planted("mask_without_caller"), "the mask of a shuffle leaves out its caller"),
        (Planted("past_dynamic_shared"), "out of bounds: write of 4 bytes at byte 256 of dynamic shared memory of 256 bytes"),
        (Planted("past_static_shared"), @"index \d+ is outside of its array"),
        (Planted("past_global"), "out of bounds: write of 4 bytes at byte 768 of device memory of 768 bytes"),
        (Planted("unwritten_shared"), @"read of unwritten dynamic shared memory \+ 0"),
        (Planted("block_race"), "race"),
        (Planted("misaligned"), "not a multiple of its size"),
        (Planted("copy_without_wait"), "no wait covers the asynchronous copy"),
        (Planted("copy_without_commit"), "no wait covers the asynchronous copy"),
        (Planted("copy_wait_for_the_other"), "no wait covers the asynchronous copy"),
        (Planted("copy_without_barrier"), "race|read of unwritten dynamic shared memory"),
        (Planted("copy_into_what_is_read"), "race"),
        (Planted("copy_misaligned"), "the source of cp.async is not aligned to 16 bytes"),
        (Planted("copy_past_global"), "out of bounds: read of 16 bytes at byte 768 of device memory of 768 bytes"),
        (Planted("matrix_without_wait"), "no wait covers the asynchronous copy"),
        (Planted("matrix_without_barrier"), "race|read of unwritten dynamic shared memory"),
        (Planted("matrix_misaligned"), "a row of ldmatrix is not aligned to 16 bytes"),
        (Planted("matrix_of_global"), "a row of ldmatrix is not in shared memory"),
        (Planted("product_without_lanes"), "mma without lane 16 of warp [01] in"),
    ];

    /// <summary>Kernels that access shared memory, and how many words of one bank they need at once.</summary>
    public static readonly IReadOnlyList<(Kernel<PlantedArgs> Kernel, int Ways)> Accesses =
    [
        (Planted("row"), 1),
        (Planted("column"), 32),
        (Planted("column_of_padded"), 1),
        (Planted("two_columns"), 16),
        (Planted("one_word"), 1),
        (Planted("written_column"), 32),
        (Planted("halves"), 1),
        (Planted("halves_apart"), 2),
        (Planted("pairs"), 1),
        (Planted("pairs_apart"), 2), // 4 if all lanes were served at once
        (Planted("packs"), 1),
        (Planted("packs_apart"), 2), // 8 if all lanes were served at once
        (Planted("written_packs"), 8),
        (Planted("structs"), 8),
        (Planted("turns"), 1),
        (Planted("matrix_of_rows_of_128"), 8),
        (Planted("matrix_of_rows_of_64"), 4),
        (Planted("matrix_swizzled"), 1),
        (Planted("copies"), 1),
        (Planted("copies_in_turns"), 1),
        (Planted("copies_of_rows_of_128"), 8),
    ];

    /// <summary>
    /// Kernels that double the values of Out: one uses all its blocks, threads and memory, the others do not.
    /// </summary>
    public static readonly Kernel<PlantedArgs> Rightly = Doubling("rightly"), WithSpareBlocks = Doubling("with_spare_blocks", blocks: 1),
        WithSpareThreads = Doubling("with_spare_threads", threads: 32), WithSpareSharedMemory = Doubling("with_spare_shared_memory", shared: 64),
        WithOtherBytes = Doubling("with_other_bytes", bytes: 4);

    public static IEnumerable<Kernel> All => [Nothing, Atomics, Rightly, WithSpareBlocks, WithSpareThreads, WithSpareSharedMemory, WithOtherBytes, .. Mistakes.Select(static mistake => mistake.Kernel),
        .. Accesses.Select(static access => access.Kernel)];

    private static Kernel<PlantedArgs> Doubling(string name, int blocks = 0, int threads = 0, int shared = 0, int bytes = 0) => new($"planted_double_{name}")
    {
        Source = Source,
        CountItems = static (in PlantedArgs a) => a.Count,
        Twin = null,
        LaunchShape = (in PlantedArgs a, in DeviceLimits _) => new((a.Count + Threads - 1) / Threads + blocks, Threads + threads, SharedBytes: Threads * sizeof(float) + shared),
        CountCost = (in PlantedArgs a) => new(a.Count, (2.0 * sizeof(float) + bytes) * a.Count),
    };

    private static Kernel<PlantedArgs> Planted(string name) => new($"planted_{name}")
    {
        Source = Source,
        CountItems = static (in PlantedArgs a) => a.Count / Threads,
        Twin = static (in PlantedArgs a, int from, int to) => throw new NotSupportedException("there is no twin of a mistake"),
        // Where the count is no multiple of a block's threads, a launch that no GPU takes: too many threads.
        LaunchShape = static (in PlantedArgs a, in DeviceLimits _) =>
            new(a.Count / Threads, a.Count % Threads == 0 ? Threads : 2000, SharedBytes: Threads * sizeof(float)),
        CountCost = static (in PlantedArgs a) => default,
    };
}
