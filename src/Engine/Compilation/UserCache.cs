using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// Folders that keep compiled kernels between runs: below XDG_CACHE_HOME, or below .cache in the home folder.
/// </summary>
public static class UserCache
{
    /// <summary>The variable that names the root of the user's caches.</summary>
    internal const string RootVariable = "XDG_CACHE_HOME";

    /// <summary>Kernels that NVRTC compiled.</summary>
    public static CacheFolder Kernels => new(Root, "videosim/kernels");

    /// <summary>Builds of the emulator.</summary>
    public static CacheFolder Emulator => new(Root, "videosim/emulator");

    /// <summary>The folder of both.</summary>
    public static string FullPath => Path.Combine(Root, "videosim");

    /// <summary>Deletes what both contain. It is made again when it is needed.</summary>
    /// <returns>Bytes freed.</returns>
    /// <exception cref="DataException">A folder is refused, or a file cannot be deleted.</exception>
    public static long Clear()
    {
        try
        {
            return KernelCache.Clear(Kernels) + EmulatorBuild.Clear(Emulator);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(FullPath, e, FullPath);
        }
    }

    // Relative paths do not count, as the standard of the variable says: they would lead to another cache in every
    // folder.
    private static string Root
    {
        get
        {
            string cache = Environment.GetEnvironmentVariable(RootVariable) ?? "", home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            return Path.IsPathFullyQualified(cache) ? cache
                : Path.IsPathFullyQualified(home) ? Path.Combine(home, ".cache")
                : $"/tmp/videosim-cache-{FileKind.ThisUser}"; // a user without a home folder
        }
    }
}
