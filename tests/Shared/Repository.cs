namespace VideoSim.Tests.Shared;

/// <summary>The repository that the tests were built in.</summary>
internal static class Repository
{
    /// <summary>Its folder.</summary>
    internal static string Root
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder.FullName, "VideoSim.sln")))
                folder = folder.Parent ?? throw new InvalidOperationException("the tests do not run inside of the repository");
            return folder.FullName;
        }
    }
}
