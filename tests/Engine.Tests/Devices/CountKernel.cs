using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Tests.Devices;

/// <summary>Arguments of <see cref="CountKernel"/>.</summary>
internal unsafe struct CountArgs
{
    /// <summary>[Items]: how often each ran.</summary>
    public int* Runs;

    public int Items, FailingItem;
}

/// <summary>A kernel that counts how often each of its items ran, and fails at one if told to.</summary>
internal static unsafe class CountKernel
{
    public static readonly Kernel<CountArgs> Instance = new("test_count")
    {
        CountItems = static (in CountArgs a) => a.Items,
        CountCost = static (in CountArgs a) => new(1e9, 1e9), // enough to be shared between threads
        Twin = static (in CountArgs a, int from, int to) =>
        {
            for (int i = from; i < to; i++)
            {
                Interlocked.Increment(ref a.Runs[i]);
                if (i == a.FailingItem)
                    throw new ArgumentException($"item {i} fails");
            }
        },
    };
}
