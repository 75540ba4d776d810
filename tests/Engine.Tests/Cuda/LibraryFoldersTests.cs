using VideoSim.Engine.Interop;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

public sealed class LibraryFoldersTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("videosim-test-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void In_ToolkitsAndPythons_ListsLibraryFoldersNewestFirst()
    {
        string[] expected =
        [
            "cuda/lib64", "cuda/targets/x86_64-linux/lib",
            "venv/lib/python3.13/site-packages/nvidia/cublas/lib", "venv/lib/python3.13/site-packages/nvidia/cuda_nvrtc/lib",
            "venv/lib/python3.9/dist-packages/nvidia/cu13/lib",
        ];
        foreach (string folder in expected.Reverse().Append("venv/lib/python3.9/site-packages/nvidia/without_libraries"))
            Directory.CreateDirectory(Path.Combine(_root, folder));
        var found = LibraryFolders.In([null, "", Path.Combine(_root, "missing"), Path.Combine(_root, "cuda")], [null, Path.Combine(_root, "venv"), Path.Combine(_root, "missing")]);
        Assert.Equal(expected, found.Select(folder => Path.GetRelativePath(_root, folder)));
    }
}
