using VideoSim.Engine.Interop;

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
