using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Common;

namespace VideoSim.Search.USearch;

/// <summary>
/// The functions of USearch's library in C that are used. Each sets <c>error</c> to a text if it fails.
/// </summary>
internal static unsafe partial class Native
{
    /// <summary>Cosines; <see cref="UnitRows.Distance"/> computes them instead of the library.</summary>
    public const uint Cosine = 1;

    /// <summary>The type of the values of a vector: bf16.</summary>
    public const uint OfBFloat16 = 6;

    private const string Name = "usearch_c";

    private static readonly Lazy<nint> Handle = new(Load);

    static Native() => NativeLibrary.SetDllImportResolver(typeof(Native).Assembly, static (_, _, _) => Handle.Value);

    /// <summary>What a new index gets. Fields as in usearch.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Options
    {
        public uint Metric;
        public nint MetricFunction;
        public uint Quantization;
        public nuint Dimensions, Connectivity, ExpansionAdd, ExpansionSearch;
        public byte Multi;
    }

    [LibraryImport(Name, EntryPoint = "usearch_init")]
    public static partial nint Init(in Options options, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_free")]
    public static partial void Free(nint index, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_change_metric")]
    public static partial void ChangeMetric(IndexHandle index, nint metric, nint state, uint kind, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_change_threads_add")]
    public static partial void ChangeThreadsAdd(IndexHandle index, nuint threads, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_change_threads_search")]
    public static partial void ChangeThreadsSearch(IndexHandle index, nuint threads, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_reserve")]
    public static partial void Reserve(IndexHandle index, nuint capacity, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_add")]
    public static partial void Add(IndexHandle index, ulong key, BFloat16* vector, uint kind, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_serialized_length")]
    public static partial nuint SerializedLength(IndexHandle index, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_save_buffer")]
    public static partial void SaveBuffer(IndexHandle index, byte* buffer, nuint length, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_view_buffer")]
    public static partial void ViewBuffer(IndexHandle index, byte* buffer, nuint length, ref nint error);

    [LibraryImport(Name, EntryPoint = "usearch_search")]
    public static partial nuint Search(IndexHandle index, BFloat16* vector, uint kind, nuint count, ulong* keys, float* distances, ref nint error);

    /// <summary>Loads the library.</summary>
    /// <exception cref="DataException">It is not there, or the system cannot load it.</exception>
    public static void Require() => _ = Handle.Value;

    /// <summary>Throws if a function has set an error.</summary>
    /// <param name="error">What it has set.</param>
    /// <param name="path">The file that it is about.</param>
    /// <exception cref="DataException">There is an error.</exception>
    public static void Check(nint error, string path)
    {
        if (error != 0)
            throw new DataException($"{path}: USearch: {Marshal.PtrToStringUTF8(error)}");
    }

    // Only the file that came with the program: one that the system finds by its name may be of another version.
    private static nint Load()
    {
        string file = $"lib{Name}.{(OperatingSystem.IsWindows() ? "dll" : OperatingSystem.IsMacOS() ? "dylib" : "so")}";
        string[] folders = [AppContext.BaseDirectory, .. (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)];
        string path = folders.Where(Path.IsPathFullyQualified).Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists)
            ?? throw new DataException($"indexes of kind hnsw need USearch's {file}, which is not beside this program; there is one for Linux x64, macOS arm64 and Windows x64, and this system is {RuntimeInformation.RuntimeIdentifier}");
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (Exception failure) when (failure is DllNotFoundException or BadImageFormatException)
        {
            // The system's reason is the last line: a library that this one needs, for example.
            throw new DataException($"{path}: cannot be loaded: {Printable.OneLine(failure.Message.TrimEnd().Split('\n')[^1])}", failure);
        }
    }
}

/// <summary>An index of USearch in memory.</summary>
internal sealed class IndexHandle : SafeHandle
{
    private IndexHandle(nint index) : base(0, ownsHandle: true) => SetHandle(index);

    public override bool IsInvalid => handle == 0;

    /// <summary>Makes an index.</summary>
    /// <exception cref="DataException">There is no memory for it.</exception>
    public static IndexHandle Make(in Native.Options options, string path)
    {
        nint error = 0;
        var index = new IndexHandle(Native.Init(options, ref error));
        Native.Check(error, path);
        return index;
    }

    protected override bool ReleaseHandle()
    {
        nint error = 0;
        Native.Free(handle, ref error);
        return error == 0;
    }
}
