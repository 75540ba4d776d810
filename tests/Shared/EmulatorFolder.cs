namespace VideoSim.Tests.Shared;

/// <summary>Where the tests of all projects keep builds of the CUDA emulator, so that each part of it is built once.</summary>
internal static class EmulatorFolder
{
    internal static string Path { get; } = Find();

    // In the repository if the program lies in one; test programs that travel by themselves keep builds beside them.
    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "VideoSim.sln")))
                return System.IO.Path.Combine(folder.FullName, "artifacts", "emulator");
        }
        return System.IO.Path.Combine(AppContext.BaseDirectory, "emulator");
    }
}
