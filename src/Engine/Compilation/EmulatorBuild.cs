using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;

namespace VideoSim.Engine.Compilation;

/// <summary>
/// Builds the CUDA emulator with g++: a stand-in for the driver, <c>libcuda.so.1</c>, that runs the kernels' own
/// sources on the CPU. The name of the result's folder is a hash of everything that the build depends on, so each
/// state of the sources is built once. Parts that have not changed are copied from earlier builds.
/// </summary>
public static partial class EmulatorBuild
{
    private const string ResourcePrefix = "Emulator/", EmulatorFolder = "emulator/", UnitFolder = "units", PartFolder = "parts", WarningsAreErrors = "-Werror";

    private const long MostBytes = 512L << 20; // of all builds, and of all parts of builds

    /// <summary>Pattern of the files with built kernels in the folder of a build.</summary>
    internal const string BuiltUnits = "*.kernels.so";

    private static readonly string[] Libraries = ["libcuda.so.1", "libcublasLt.so.12"];

    /// <summary>Builds the emulator, unless the cache contains it.</summary>
    /// <param name="cache">Folder that keeps builds.</param>
    /// <param name="sources">The kernels' sources.</param>
    /// <param name="units">The kernels.</param>
    /// <param name="progress">
    /// Called while g++ runs, on one thread, with the number of sources that are done and of all.
    /// </param>
    /// <returns>The folder with <c>libcuda.so.1</c>, for <see cref="Interop.NativeLibraries.PathVariable"/>.</returns>
    /// <exception cref="DataException">
    /// g++ was not found, or reported errors, which the message lists, one a line. Or another user may write to the
    /// cache.
    /// </exception>
    public static string Make(CacheFolder cache, KernelSources sources, IReadOnlyList<KernelUnit> units, Action<int, int>? progress = null)
    {
        var files = Files(sources, units);
        string builds = cache.Open(), folder = Path.Combine(builds, Hash(files));
        try
        {
            if (!Directory.Exists(folder))
            {
                using var turn = TakeLock(builds);
                AtomicFolder.Recover(builds, static _ => true); // while the lock is held, no other process builds
                if (!Directory.Exists(folder))
                {
                    Build(files, folder, (cache with { Name = $"{cache.Name}/{PartFolder}" }).Open(), sources.HasOthers ? [] : [WarningsAreErrors], progress);
                    CacheContents.Trim(FolderListing.Folders(builds).Where(static build => Path.GetFileName(build) != PartFolder), MostBytes);
                    CacheContents.Trim(FolderListing.Files(Path.Combine(builds, PartFolder)), MostBytes);
                }
            }
            CacheContents.Touch(folder);
            // Another user may have put them there when the rights of the cache were wider.
            foreach (string loaded in FolderListing.Entries(folder).Prepend(folder))
                CacheFolder.RequireOwn(loaded);
            return folder;
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(folder, e, folder);
        }
    }

    // Built in another folder, then moved: a process that is killed leaves no half build.
    private static void Build(SortedDictionary<string, string> files, string folder, string parts, string[] options, Action<int, int>? progress)
    {
        string work = TemporaryName.OfUnfinished(folder);
        using var unfinished = UnfinishedWork.Result(() => Directory.Delete(work, recursive: true));
        CacheFolder.MakePrivate(work);
        try
        {
            foreach (var (name, text) in files)
            {
                string path = Path.Combine(work, name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllText(path, text);
            }
            string driver = Hash(files.Where(static file => file.Key.StartsWith(EmulatorFolder, StringComparison.Ordinal)));
            foreach (string part in FolderListing.Files(parts, BuiltUnits).Where(part => files.ContainsKey(SourceOf(part))))
                Reuse(part, Path.Combine(work, Path.GetFileName(part)));
            foreach (string library in Libraries.Where(library => File.Exists(Path.Combine(parts, $"{driver}-{library}"))))
                Reuse(Path.Combine(parts, $"{driver}-{library}"), Path.Combine(work, library));
            // In a session of its own: then one call ends it with all compilers, and Ctrl-C does not reach them first.
            int count = -1, done = 0;
            Run("setsid", ["bash", Path.Combine(work, "emulator", "build.sh"), work, .. options], line =>
            {
                if (count < 0)
                    count = int.Parse(line, CultureInfo.InvariantCulture);
                else
                    done++;
                progress?.Invoke(done, count);
            });
            foreach (string part in FolderListing.Files(work, BuiltUnits))
                CopyOnce(part, Path.Combine(parts, Path.GetFileName(part)));
            foreach (string library in Libraries)
                CopyOnce(Path.Combine(work, library), Path.Combine(parts, $"{driver}-{library}"));
            foreach (string file in FolderListing.Files(work))
                Flush(file);
            Directory.Move(work, folder);
        }
        finally
        {
            if (Directory.Exists(work))
                Directory.Delete(work, recursive: true);
        }

        static void Reuse(string part, string path)
        {
            CacheFolder.RequireOwn(part);
            File.Copy(part, path);
        }

        // After a power cut, a library with no bytes would stay there for ever.
        static void Flush(string file)
        {
            using var written = File.OpenHandle(file, access: FileAccess.ReadWrite);
            DiskFlush.Flush(written);
        }
    }

    /// <summary>Deletes all builds.</summary>
    /// <param name="cache">The folder that keeps them.</param>
    /// <returns>Bytes freed.</returns>
    internal static long Clear(CacheFolder cache)
    {
        if (!Directory.Exists(cache.FullPath))
            return 0;
        string builds = cache.Open();
        using var turn = TakeLock(builds);
        return CacheContents.Clear(FolderListing.Folders(builds));
    }

    /// <summary>
    /// One line that tells why the emulator cannot be built or run here, and what to install; null if it can.
    /// </summary>
    public static string? Problem
    {
        get
        {
            if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
                return "the CUDA emulator runs on Linux x64";
            try
            {
                CompilerVersion();
                return UserCache.Emulator.Problem;
            }
            catch (DataException)
            {
                return "g++ was not found: the CUDA emulator needs it (Debian: apt install g++)";
            }
        }
    }

    /// <summary>
    /// The C++ text that g++ compiles for a unit: macros, source, layout assertions, and the names of its kernels.
    /// </summary>
    public static string UnitText(KernelUnit unit)
    {
        var text = new StringBuilder();
        foreach (string define in unit.Macros)
            text.Append($"#define {define.Replace('=', ' ')}\n");
        text.Append($"#include \"{unit.Source}\"\n").Append(unit.LayoutAssertions()).Append("#include \"Registration.h\"\n");
        foreach (var kernel in unit.Kernels)
            text.Append($"EMULATE({unit.SymbolOf(kernel)})\n");
        return text.ToString();
    }

    // Builds in one cache run one after the other; the second finds the results of the first. The system releases the
    // lock when the process ends.
    private static FileStream TakeLock(string cache)
    {
        while (true)
        {
            if (FileLock.TryTake(Path.Combine(cache, "lock")) is { } turn)
                return turn;
            Thread.Sleep(100);
        }
    }

    private static SortedDictionary<string, string> Files(KernelSources sources, IEnumerable<KernelUnit> units)
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var assembly = typeof(EmulatorBuild).Assembly;
        foreach (string name in assembly.GetManifestResourceNames().Where(static name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            files[$"{EmulatorFolder}{name[ResourcePrefix.Length..]}"] = reader.ReadToEnd();
        }
        foreach (var (name, text) in sources.Texts)
            files[$"kernels/{name}"] = text;
        var options = files.Where(static file => file.Key == $"{EmulatorFolder}build.sh").Append(new("g++", CompilerVersion())).ToList();
        foreach (var unit in units)
        {
            // The key of a unit covers its text, every file that it includes, the compiler and its options.
            string text = UnitText(unit);
            var included = new SortedDictionary<string, string>(StringComparer.Ordinal);
            AddIncluded(included, files, text);
            string key = Hash([.. options, .. included, new(UnitFolder, text)]);
            files[$"{UnitFolder}/{Path.GetFileNameWithoutExtension(unit.Source)}-{key}.cpp"] = text;
        }
        return files;
    }

    // Adds the files that a text includes by name, and the files that they include. Either folder may contain them; an
    // include inside #if counts as well.
    private static void AddIncluded(SortedDictionary<string, string> included, SortedDictionary<string, string> files, string text)
    {
        foreach (Match include in IncludeLine().Matches(text))
        {
            foreach (string path in new[] { $"kernels/{include.Groups[1].Value}", $"{EmulatorFolder}{include.Groups[1].Value}" })
            {
                if (files.TryGetValue(path, out string? found) && included.TryAdd(path, found))
                    AddIncluded(included, files, found);
            }
        }
    }

    [GeneratedRegex("""^\s*#\s*include\s+"([^"\n]+)\x22""", RegexOptions.Multiline)]
    private static partial Regex IncludeLine();

    // The unit that a library "units/Name-key.fast.kernels.so" was built from.
    private static string SourceOf(string built) => $"{UnitFolder}/{Path.GetFileName(built).Split('.')[0]}.cpp";

    private static void CopyOnce(string file, string path)
    {
        if (File.Exists(path))
            return;
        using var part = File.OpenRead(file);
        AtomicFile.Write(path, part.CopyTo);
    }

    private static string Hash(IEnumerable<KeyValuePair<string, string>> files)
    {
        var all = new StringBuilder();
        foreach (var (name, text) in files)
            all.Append(name).Append('\0').Append(text).Append('\0');
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all.ToString())))[..16];
    }

    private static string CompilerVersion()
    {
        var lines = new StringBuilder();
        Run("g++", ["--version"], line => lines.Append(line).Append('\n'));
        return lines.ToString();
    }

    private static void Run(string program, IEnumerable<string> arguments, Action<string> output)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            using var unfinished = UnfinishedWork.Result(() => ProcessEnd.OfGroup(process.Id));
            var errors = process.StandardError.ReadToEndAsync();
            while (process.StandardOutput.ReadLine() is { } line)
                output(line);
            process.WaitForExit();
            if (process.ExitCode != 0)
                throw new DataException($"the emulator could not be built:\n{EmulatorErrors.Summary(errors.Result)}");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new DataException($"{program} is needed to build the CUDA emulator and cannot be started; on Debian: apt install g++", e);
        }
    }
}
