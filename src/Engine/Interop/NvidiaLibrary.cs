using System.Diagnostics;
using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>One native library: where it may lie, and where it was found.</summary>
public sealed class NvidiaLibrary
{
    private readonly string[] _fileNames;
    private readonly Lazy<(nint Handle, string? Path, string Failures)> _loaded;

    internal NvidiaLibrary(string name, string[] fileNames, string advice)
    {
        (Name, _fileNames, Advice) = (name, fileNames, $"{advice}, or name its folder in {NativeLibraries.PathVariable}");
        _loaded = new(Load);
    }

    /// <summary>Short name.</summary>
    public string Name { get; }

    /// <summary>The file that was loaded; null if the library was not found.</summary>
    public string? Path => _loaded.Value.Path;

    /// <summary>What would help where the library is missing or no good.</summary>
    public string Advice { get; }

    /// <summary>Says in one line that the library was not found and what would help; null if it was found.</summary>
    public string? Problem => Path is null ? $"{_fileNames[0]} was not found{Others}{_loaded.Value.Failures}: {Advice}" : null;

    internal nint Handle => _loaded.Value.Handle;

    /// <summary>Says that the library is needed.</summary>
    /// <exception cref="DataException">It was not found; the message says what would help.</exception>
    public void Require()
    {
        if (Problem is { } problem)
            throw new DataException(problem);
    }

    private (nint Handle, string? Path, string Failures) Load()
    {
        var failures = new List<string>();
        foreach (string candidate in Candidates().Distinct())
        {
            bool isFile = System.IO.Path.IsPathRooted(candidate);
            if (isFile && !File.Exists(candidate))
                continue;
            if (isFile)
                LoadBuiltins(System.IO.Path.GetDirectoryName(candidate)!);
            try
            {
                nint handle = NativeLibrary.Load(candidate);
                return (handle, isFile ? candidate : FileOf(candidate), "");
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                if (isFile) // there, and yet useless: the user wants to know why
                    failures.Add(e.Message.ReplaceLineEndings(" ").Trim());
            }
        }
        return (0, null, failures.Count == 0 ? "" : $" ({string.Join("; ", failures)})");
    }

    // Of a bare name the loader does not tell what it found; the file may well have another name, behind a link.
    private string FileOf(string name)
    {
        using var process = Process.GetCurrentProcess();
        return process.Modules.Cast<ProcessModule>().FirstOrDefault(module => module.ModuleName.StartsWith(Stem, StringComparison.Ordinal))?.FileName ?? name;
    }

    // ", nor .so.12 or .so.11"
    private string Others => _fileNames.Length == 1 ? "" : $", nor {string.Join(" or ", _fileNames.Skip(1).Select(name => name[(Stem.Length - ".so".Length)..]))}";

    private string Stem => _fileNames[0][..(_fileNames[0].IndexOf(".so", StringComparison.Ordinal) + 3)];

    private IEnumerable<string> Candidates()
    {
        foreach (string path in LibraryFolders.OfTheUser())
        {
            if (System.IO.Path.GetFileName(path).StartsWith(Stem, StringComparison.Ordinal))
                yield return path;
            foreach (string name in _fileNames)
                yield return System.IO.Path.Combine(path, name);
        }
        foreach (string name in _fileNames)
            yield return name;
        foreach (string folder in LibraryFolders.OfThisMachine())
        {
            foreach (string name in _fileNames)
                yield return System.IO.Path.Combine(folder, name);
        }
    }

    // NVRTC opens libnvrtc-builtins.so.X.Y by its bare name at the first compilation. Away from the loader's folders that
    // fails, unless a library of that name is in the process already.
    private void LoadBuiltins(string folder)
    {
        if (Name != NativeLibraries.NvrtcName)
            return;
        foreach (string builtins in Directory.EnumerateFiles(folder, "libnvrtc-builtins.so.*"))
            NativeLibrary.TryLoad(builtins, out _); // where it fails, the compiler's own message says so
    }
}
