using VideoSim.Models.Search;

namespace VideoSim.Cli;

/// <summary>The library for indexes of kind hnsw, if the program is built with it.</summary>
internal static class USearchSupport
{
    /// <summary>Loads the library; null in a program built with <c>-p:WithUSearch=false</c>.</summary>
    public static Func<INeighborGraphLibrary>? Open { get; } =
#if USEARCH
        static () => new Search.USearch.USearchLibrary();
#else
        null;
#endif
}
