using System.Runtime.InteropServices;

namespace VideoSim.Engine.Checks;

/// <summary>The resources that a launch on the emulator got and used, counted in the check build.</summary>
/// <param name="Blocks">Blocks of the grid.</param>
/// <param name="WritingBlocks">Blocks that wrote to device memory.</param>
/// <param name="BlockThreads">Threads of a block.</param>
/// <param name="MostThreads">
/// Threads from the first to the last that accessed memory, in the block with the most.
/// </param>
/// <param name="FewestThreads">The same in the block with the fewest.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block.</param>
/// <param name="UsedSharedBytes">Bytes of it from the first to the last that any block accessed.</param>
/// <param name="ReadBytes">
/// Bytes of device memory that were read before the launch wrote them, each counted once.
/// </param>
/// <param name="WrittenBytes">Bytes of device memory that were written, each counted once.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct LaunchUse(
    long Blocks, long WritingBlocks, long BlockThreads, long MostThreads, long FewestThreads, long SharedBytes, long UsedSharedBytes, long ReadBytes, long WrittenBytes)
{
    /// <summary>Bytes that had to come from device memory or go there.</summary>
    public long MovedBytes => ReadBytes + WrittenBytes;
}
