using System.Diagnostics;
using VideoSim.Models.Records;

namespace VideoSim.Cpu.Bench;

/// <summary>Time to read the places of all records once, and the memory of the index.</summary>
internal static class Indexing
{
    private const int FrameWidth = 1536;

    /// <summary>Builds an index over some TFRecord files.</summary>
    /// <param name="pattern">A file, a folder or a pattern.</param>
    /// <returns>The cost.</returns>
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
/// <param name="IndexBytes">Managed memory of the index with its table of ids.</param>
internal sealed record IndexingResult(int Records, long FileBytes, double Seconds, long IndexBytes);
