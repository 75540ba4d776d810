namespace VideoSim.Engine.Compilation;

/// <summary>
/// Folders that keep compiled kernels between runs: below XDG_CACHE_HOME, or below .cache in the home folder.
/// </summary>
public static class UserCache
{
    /// <summary>Kernels that NVRTC compiled.</summary>
    public static string Kernels => Path.Combine(Root, "kernels");

    /// <summary>Builds of the emulator.</summary>
    public static string Emulator => Path.Combine(Root, "emulator");

    private static string Root
    {
        get
        {
            string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
            if (string.IsNullOrEmpty(cache))
                cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
            return Path.Combine(cache, "videosim");
        }
    }
}
