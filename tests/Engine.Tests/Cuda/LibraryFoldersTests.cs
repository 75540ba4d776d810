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

    [Fact]
    public void PythonsOn_VirtualEnvironment_GivesItsRootThenThatOfTheProgram()
    {
        foreach (string root in new[] { "opt/python", "usr", "venv" })
            Directory.CreateDirectory(Path.Combine(_root, root, "lib/python3.12"));
        Make("pyenv/shims/python3"); // a script, not a link
        string program = Make("opt/python/bin/python3.12");
        Make("usr/bin/python3");
        Make("venv/bin/python3", linkTo: Make("venv/bin/python", linkTo: program));
        Directory.CreateDirectory(Path.Combine(_root, "empty"));
        string path = string.Join(Path.PathSeparator, new[] { "missing", "empty", "pyenv/shims", "venv/bin", "usr/bin" }.Select(folder => Path.Combine(_root, folder)));
        Assert.Equal([Path.Combine(_root, "venv"), Path.Combine(_root, "opt/python")], LibraryFolders.PythonsOn(path));
        Assert.Equal([Path.Combine(_root, "usr")], LibraryFolders.PythonsOn(Path.Combine(_root, "usr/bin")));
        Assert.Empty(LibraryFolders.PythonsOn(Path.Combine(_root, "empty")));
        Assert.Empty(LibraryFolders.PythonsOn(null));
    }

    // A relative path would load a library from the folder that a command happens to run in.
    [Fact]
    public void In_RelativePaths_AreSkipped()
    {
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, _root);
        Directory.CreateDirectory(Path.Combine(_root, "cuda/lib64"));
        Directory.CreateDirectory(Path.Combine(_root, "venv/lib/python3.13/site-packages/nvidia/cublas/lib"));
        Directory.CreateDirectory(Path.Combine(_root, "bin"));
        Make("bin/python3");
        Directory.CreateDirectory(Path.Combine(_root, "lib/python3.13"));
        Assert.Empty(LibraryFolders.In([Path.Combine(relative, "cuda")], [Path.Combine(relative, "venv")]));
        Assert.Empty(LibraryFolders.PythonsOn(Path.Combine(relative, "bin")));
        Assert.Equal([_root], LibraryFolders.PythonsOn(Path.Combine(_root, "bin")));
    }

    // An empty file, or a link.
    private string Make(string name, string? linkTo = null)
    {
        string path = Path.Combine(_root, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (linkTo is null)
            File.WriteAllText(path, "");
        else
            File.CreateSymbolicLink(path, linkTo);
        return path;
    }
}
