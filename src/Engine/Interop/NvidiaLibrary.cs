using System.Diagnostics;
using System.Runtime.InteropServices;

namespace VideoSim.Engine.Interop;

/// <summary>One native library: the places to look for it, and where it was found.</summary>
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

    /// <summary>What to do if the library is missing or cannot be used.</summary>
    public string Advice { get; }

    /// <summary>
    /// One line that tells that the library was not found, and what to install; null if it was found.
    /// </summary>
    public string? Problem => Path is null ? $"{_fileNames[0]} was not found{Others}{_loaded.Value.Failures}: {Advice}" : null;

    internal nint Handle => _loaded.Value.Handle;

    /// <summary>Throws if the library was not found.</summary>
    /// <exception cref="DataException">It was not found; the message tells what to install.</exception>
    public void Require()
    {
        if (Problem is { } problem)
            throw new DataException(problem);
    }

    private (nint Handle, string? Path, string Failures) Load()
    {
        var failures = LibraryFolders.RelativeOfTheUser().Select(static path => $"{NativeLibraries.PathVariable} has {path}, which is not an absolute path").ToList();
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
                if (isFile) // the file exists but cannot be loaded: the message contains the reason
                    failures.Add(e.Message.ReplaceLineEndings(" ").Trim());
            }
        }
        return (0, null, failures.Count == 0 ? "" : $" ({string.Join("; ", failures)})");
    }

    // If the loader was given a bare name, it does not report which file it loaded. A link may lead to a file of
    // another name.
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

    // NVRTC opens libnvrtc-builtins.so.X.Y by its bare name at the first compilation. Outside of the loader's folders
    // that fails, unless the process has already loaded a library of that name.
    private void LoadBuiltins(string folder)
    {
        if (Name != NativeLibraries.NvrtcName)
            return;
        try
        {
            foreach (string builtins in Directory.EnumerateFiles(folder, "libnvrtc-builtins.so.*"))
                NativeLibrary.TryLoad(builtins, out _);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // If they are missing, the compiler reports it.
        }
    }
}
