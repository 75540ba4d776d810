using System.Diagnostics;
using VideoSim.Models.Records;

namespace VideoSim.Cpu.Bench;

/// <summary>Reading all records once for their places: time, and the memory that the index then holds.</summary>
internal static class Indexing
{
    private const int FrameWidth = 1536;

    /// <summary>Builds an index over some TFRecord files.</summary>
    /// <param name="pattern">A file, a folder or a pattern.</param>
    /// <returns>What was found.</returns>
    public static IndexingResult Measure(string pattern)
    {
        var files = RecordFiles.Expand(pattern);
        long bytes = files.Sum(static file => new FileInfo(file).Length), before = GC.GetTotalMemory(forceFullCollection: true);
        long start = Stopwatch.GetTimestamp();
        var index = RecordIndex.Build(files, FrameWidth, threads: Environment.ProcessorCount);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        index.TryFind("0"u8, out _); // sorts the ids
        long held = GC.GetTotalMemory(forceFullCollection: true) - before;
        GC.KeepAlive(index);
        return new IndexingResult(index.Count, bytes, seconds, held);
    }
}

/// <summary>Cost of an index.</summary>
/// <param name="Records">Records read and verified.</param>
/// <param name="FileBytes">Bytes of the files.</param>
/// <param name="Seconds">Wall-clock time.</param>
/// <param name="IndexBytes">Managed memory that the index holds, its table of ids included.</param>
internal sealed record IndexingResult(int Records, long FileBytes, double Seconds, long IndexBytes);
