using System.Numerics;

namespace VideoSim.PtxMachine.Running;

/// <summary>Three sizes, or three indices.</summary>
internal readonly record struct Extent(int X, int Y, int Z)
{
    /// <summary>All of them, multiplied.</summary>
    public long Count => (long)X * Y * Z;

    /// <summary>Indices of an element; X runs fastest.</summary>
    public Extent IndexOf(long number) => new((int)(number % X), (int)(number / X % Y), (int)(number / X / Y));

    /// <inheritdoc/>
    public override string ToString() => $"({X}, {Y}, {Z})";
}

/// <summary>One launch of a kernel.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Arguments">Its parameters.</param>
/// <param name="Grid">Blocks.</param>
/// <param name="Threads">Threads of a block.</param>
/// <param name="DynamicShared">Bytes of a block's dynamic shared memory.</param>
/// <param name="Memory">Device memory that it may access.</param>
/// <param name="FirstBlock">Number of its first block among all that ever ran.</param>
/// <param name="Order">
/// Order of blocks and warps: 0 ascending, 1 descending, others are seeds of a random order of warps.
/// </param>
/// <param name="Perturbation">Seed of the errors of approximate instructions; 0 for none.</param>
internal sealed record Launch(
    Kernel Kernel, byte[] Arguments, Extent Grid, Extent Threads, int DynamicShared, DeviceMemory Memory, uint FirstBlock, ulong Order, ulong Perturbation)
{
    /// <summary>Runs all blocks, one after the other.</summary>
    /// <returns>Instructions of warps that ran.</returns>
    /// <exception cref="FaultException">The kernel made a mistake.</exception>
    public long Run()
    {
        if (Threads.Count > Kernel.Text.MostThreads)
            throw new FaultException($"{Kernel.Text.Name} is launched with {Threads.Count} threads a block, and compiled for {Kernel.Text.MostThreads} at most");
        var block = new Block(this);
        for (long i = 0; i < Grid.Count; i++)
            block.Run(Order == 1 ? Grid.Count - 1 - i : i, FirstBlock + (uint)i);
        return block.Instructions;
    }

    /// <summary>Runs blocks from all over the grid until they ran enough instructions.</summary>
    /// <param name="enough">Instructions of warps.</param>
    /// <returns>How often the warps of all blocks would come to each instruction.</returns>
    /// <exception cref="FaultException">The kernel made a mistake.</exception>
    public double[] RunSome(long enough)
    {
        var block = new Block(this);
        // A stride without a common factor visits every block once, and neighbours late.
        long blocks = Grid.Count, stride = (long)(0.618 * blocks) | 1, ran = 0;
        while (BigInteger.GreatestCommonDivisor(stride, blocks) != 1)
            stride++;
        for (; ran < blocks && block.Instructions < enough; ran++)
            block.Run(stride * ran % blocks, FirstBlock + (uint)ran);
        return [.. block.Executions.Select(count => (double)count * blocks / ran)];
    }
}
