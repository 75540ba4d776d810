using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Kernels.Common;
using VideoSim.Models.Progress;
using VideoSim.Models.Search;

namespace VideoSim.Search.USearch;

/// <summary>
/// Graphs by the package Cloud.Unum.USearch (docs/adr/0036-approximate-indexes.md). The same rows give the same bytes
/// on every processor.
/// </summary>
public sealed unsafe class USearchLibrary : INeighborGraphLibrary
{
    private const int RowsAtATime = 256, BytesAtATime = 1 << 20;

    // The library has an object for each thread that may call it, with random numbers for the levels of nodes. Nodes
    // get the objects in turn. There are as many as processors, but at least this number. So the bytes do not depend
    // on the number of processors.
    private const int ThreadsOfABuild = 256;

    /// <summary>Loads the native library.</summary>
    /// <exception cref="DataException">There is none for this system, or it cannot be loaded.</exception>
    public USearchLibrary() => Native.Require();

    /// <inheritdoc/>
    public GraphParameters Parameters { get; } = new(Connectivity: 16, Expansion: 128);

    /// <inheritdoc/>
    public void Build(int rows, int width, RowReader read, Stream stream, IProgressSink progress, CancellationToken cancellation)
    {
        const string Name = "the graph";
        int padded = UnitRows.PaddedWidth(width);
        long bytes = 2L * rows * GraphFormat.BytesOfARow(Parameters, padded); // the graph, and what is written of it
        if (bytes > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)
            throw new DataException(string.Create(CultureInfo.InvariantCulture, $"{Name} of {rows:N0} rows takes about {bytes:N0} bytes while it is built, more than the memory that this process may have"));
        using var index = Make(Parameters, padded, Name);
        nint error = 0;
        Native.Reserve(index, (nuint)rows, ref error);
        Native.Check(error, Name);
        SetUp(index, padded, ThreadsOfABuild, Name);
        double[] some = new double[RowsAtATime * width];
        Span<BFloat16> unit = stackalloc BFloat16[padded];
        var (nodes, others) = (new Dictionary<UInt128, int>(rows), new List<(int Row, int Node)>());
        progress.Begin("building the graph", rows);
        for (int first = 0; first < rows; first += RowsAtATime)
        {
            cancellation.ThrowIfCancellationRequested();
            var block = some.AsSpan(0, Math.Min(RowsAtATime, rows - first) * width);
            read(first, block);
            for (int row = 0; row < block.Length / width; row++)
            {
                UnitRows.Write(block.Slice(row * width, width), unit);
                if (!nodes.TryAdd(UnitRows.HashOf(unit), first + row))
                {
                    others.Add((first + row, nodes[UnitRows.HashOf(unit)]));
                    continue;
                }
                fixed (BFloat16* vector = unit)
                    Native.Add(index, (ulong)(first + row), vector, Native.OfBFloat16, ref error);
                Native.Check(error, Name);
            }
            progress.Report(first + (block.Length / width), "");
        }
        progress.End("");
        Save(index, stream, Name);
        GraphFormat.WriteOthers(stream, others);
    }

    /// <inheritdoc/>
    public INeighborGraph Open(FileMemory file, GraphParameters parameters, int rows, int width)
    {
        int padded = UnitRows.PaddedWidth(width);
        var others = GraphFormat.Require(file, parameters, rows, padded);
        var index = Make(parameters, padded, file.Path);
        try
        {
            nint error = 0;
            Native.ViewBuffer(index, file.Start, (nuint)file.Length, ref error);
            Native.Check(error, file.Path);
            SetUp(index, padded, Environment.ProcessorCount, file.Path);
            return new USearchGraph(index, file, others, padded, Environment.ProcessorCount);
        }
        catch
        {
            index.Dispose();
            throw;
        }
    }

    private static IndexHandle Make(GraphParameters parameters, int padded, string path) => IndexHandle.Make(new Native.Options
    {
        Metric = Native.Cosine,
        Quantization = Native.OfBFloat16,
        Dimensions = (nuint)padded,
        Connectivity = (nuint)parameters.Connectivity,
        ExpansionAdd = (nuint)parameters.Expansion,
        ExpansionSearch = 1, // a search expands as many rows as it is to find, if they are more
    }, path);

    // Both calls for threads are needed, and after rows have their room: the library takes the larger number.
    private static void SetUp(IndexHandle index, int padded, int threads, string path)
    {
        nint error = 0;
        delegate* unmanaged[Cdecl]<ushort*, ushort*, nint, float> distance = &UnitRows.Distance;
        Native.ChangeMetric(index, (nint)distance, padded, Native.Cosine, ref error);
        Native.Check(error, path);
        Native.ChangeThreadsAdd(index, (nuint)threads, ref error);
        Native.Check(error, path);
        Native.ChangeThreadsSearch(index, (nuint)threads, ref error);
        Native.Check(error, path);
    }

    private static void Save(IndexHandle index, Stream stream, string path)
    {
        nint error = 0;
        nuint length = Native.SerializedLength(index, ref error);
        Native.Check(error, path);
        byte* buffer = (byte*)NativeMemory.Alloc(length);
        try
        {
            Native.SaveBuffer(index, buffer, length, ref error);
            Native.Check(error, path);
            for (nuint at = 0; at < length; at += BytesAtATime)
                stream.Write(new ReadOnlySpan<byte>(buffer + at, (int)nuint.Min(BytesAtATime, length - at)));
        }
        finally
        {
            NativeMemory.Free(buffer);
        }
    }
}
