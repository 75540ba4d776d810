namespace VideoSim.Engine.Interop;

/// <summary>Folders where installers put NVIDIA's libraries without telling the system's loader.</summary>
internal static class LibraryFolders
{
    // Folders of a toolkit, from its root.
    private static readonly string[] InToolkits = ["lib64", "targets/x86_64-linux/lib", "lib"];

    // Folders of Python's packages (pip's "wheels"), from a root that contains lib/python3.x.
    private static readonly string[] PackageFolders = ["site-packages", "dist-packages"];

    /// <summary>
    /// Files and folders that <see cref="NativeLibraries.PathVariable"/> names: where to look first. Here and in the
    /// variables below only absolute paths count: a relative one would load code from the current folder.
    /// </summary>
    public static IEnumerable<string> OfTheUser() => Split(Variable(NativeLibraries.PathVariable)).Where(Path.IsPathFullyQualified).Select(Path.GetFullPath);

    /// <summary>The relative paths in <see cref="NativeLibraries.PathVariable"/>, for messages.</summary>
    public static IEnumerable<string> RelativeOfTheUser() => Split(Variable(NativeLibraries.PathVariable)).Where(static path => !Path.IsPathFullyQualified(path));

    /// <summary>The folders that exist, in the order in which to look.</summary>
    public static IEnumerable<string> OfThisMachine() => In(Toolkits(), Pythons());

    /// <summary>
    /// The roots of those folders, for messages: of toolkits and of Python's packages. They need not exist.
    /// </summary>
    public static IEnumerable<string> Roots() => Toolkits().Concat(Pythons()).Where(static root => !string.IsNullOrEmpty(root)).OfType<string>().Distinct();

    /// <summary>The same for given roots; null and empty ones are skipped.</summary>
    public static IEnumerable<string> In(IEnumerable<string?> toolkits, IEnumerable<string?> pythons)
    {
        foreach (string toolkit in Existing(toolkits))
        {
            foreach (string folder in InToolkits.Select(name => Path.Combine(toolkit, name)).Where(Directory.Exists))
                yield return folder;
        }
        foreach (string python in Existing(pythons))
        {
            foreach (string version in Versions(python))
            {
                // nvidia/cublas/lib and similar ones; from CUDA 13 on nvidia/cu13/lib contains all libraries.
                foreach (string folder in PackageFolders.SelectMany(name => Newest(Path.Combine(version, name, "nvidia"), "*")).Select(static package => Path.Combine(package, "lib")))
                {
                    if (Directory.Exists(folder))
                        yield return folder;
                }
            }
        }
    }

    /// <summary>
    /// Roots of the first python3 on a search path: the parent of its bin folder, then the same for the file that it
    /// links to. In a virtual environment python3 is a link, and the packages are beside the link. A python3 without
    /// packages at either place is skipped, such as pyenv's, which is a script.
    /// </summary>
    public static IEnumerable<string> PythonsOn(string? searchPath)
    {
        return Split(searchPath).Where(Path.IsPathFullyQualified).Select(static folder => Path.Combine(folder, "python3")).Where(File.Exists).Select(RootsOf).FirstOrDefault(static roots => roots.Length > 0, []);

        static string[] RootsOf(string python)
        {
            string target = File.ResolveLinkTarget(python, returnFinalTarget: true)?.FullName ?? python;
            return [.. new[] { python, target }.Select(static file => Path.GetDirectoryName(Path.GetDirectoryName(file))).OfType<string>().Distinct().Where(static root => Versions(root).Any())];
        }
    }

    private static IEnumerable<string> Existing(IEnumerable<string?> folders) => folders.OfType<string>().Where(static folder => Path.IsPathFullyQualified(folder) && Directory.Exists(folder));

    private static IEnumerable<string> Versions(string python) => Newest(Path.Combine(python, "lib"), "python3*");

    private static string[] Split(string? value) => value?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static IEnumerable<string?> Toolkits() => [Variable("CUDA_PATH"), Variable("CUDA_HOME"), "/usr/local/cuda", .. Newest("/usr/local", "cuda-*"), "/opt/cuda"];

    private static IEnumerable<string?> Pythons() => [Variable("VIRTUAL_ENV"), Variable("CONDA_PREFIX"), .. PythonsOn(Variable("PATH")),
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local"), "/usr/local", "/usr"];

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name);

    // Folders with versions at the end of their names, the highest first: python3.13 before python3.9, unlike in the
    // alphabet.
    private static IEnumerable<string> Newest(string parent, string pattern) =>
        Folders(parent, pattern).OrderByDescending(static folder => VersionOf(Path.GetFileName(folder))).ThenBy(static folder => folder, StringComparer.Ordinal);

    // A folder that cannot be read has no libraries for this user.
    private static string[] Folders(string parent, string pattern)
    {
        try
        {
            return Directory.GetDirectories(parent, pattern);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static Version VersionOf(string name)
    {
        int digit = name.AsSpan().IndexOfAnyInRange('0', '9');
        return digit >= 0 && Version.TryParse(name.AsSpan(digit), out var version) ? version : new Version();
    }
}
