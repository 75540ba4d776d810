using System.Runtime.InteropServices;

namespace VideoSim.Engine.Checks;

/// <summary>What a launch on the emulator was given and what it used, counted where every access to memory is looked at.</summary>
/// <param name="Blocks">Blocks of the grid.</param>
/// <param name="WritingBlocks">Those that wrote to device memory.</param>
/// <param name="BlockThreads">Threads of a block.</param>
/// <param name="MostThreads">Those from the first to the last that accessed memory in any block.</param>
/// <param name="FewestThreads">The same in all blocks.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block.</param>
/// <param name="UsedSharedBytes">That from the first to the last byte that was accessed in any block.</param>
/// <param name="ReadBytes">Bytes of device memory that were read before the launch wrote them, each counted once.</param>
/// <param name="WrittenBytes">Bytes of device memory that were written, each counted once.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct LaunchUse(
    long Blocks, long WritingBlocks, long BlockThreads, long MostThreads, long FewestThreads, long SharedBytes, long UsedSharedBytes, long ReadBytes, long WrittenBytes)
{
    /// <summary>Bytes that had to come from device memory, or to go there.</summary>
    public long MovedBytes => ReadBytes + WrittenBytes;
}
