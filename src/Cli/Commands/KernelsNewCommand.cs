using System.CommandLine;
using System.Text;
using System.Text.RegularExpressions;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels;

namespace VideoSim.Cli.Commands;

/// <summary><c>kernels new</c>: writes the files of a kernel that passes its check, to be changed.</summary>
internal static partial class KernelsNewCommand
{
    private const string Kernels = "src/Kernels", CatalogFile = "Catalog.cs", Prefix = "Templates/", EndOfCatalog = "    ];\n";

    public static Command Create()
    {
        var name = CommonOptions.CheckedArgument(new Argument<string>("name") { HelpName = "NAME", Description = "its name in C#, such as SwiGlu" }, static name => RequireName(name));
        var json = CommonOptions.Json();
        var command = new Command("new", """
            Write the files of a new kernel into the repository around this folder, and add it to the catalog. They multiply by a number, in fp32 and bf16, and pass their check.
            """) { name, json };
        return command.Does((parsed, console, _) =>
        {
            string wanted = parsed.GetValue(name)!, folder = Path.Combine(Root(), Kernels);
            var files = Files(wanted);
            string[] made = Write(folder, wanted, files);
            foreach (string file in made)
                console.Progress.Note(file);
            console.Progress.Note($"next: build src/Cli, then run 'videosim kernels check {Separated(wanted, '-')}'");
            console.WriteMade(new NewKernelResult(Separated(wanted, '-'), made), CliJson.Default.NewKernelResult);
            return CommandLine.Done;
        }, json);
    }

    private static void RequireName(string name)
    {
        if (!CSharpName().IsMatch(name))
            throw new DataException($"{Printable.Quote(name)} is not a name such as SwiGlu: a capital letter, then letters and digits");
        if (Catalog.Kernels.FirstOrDefault(kernel => kernel.Family == Separated(name, '-') || kernel.Entry.StartsWith($"{Separated(name, '_')}_", StringComparison.Ordinal)) is { } taken)
            throw new DataException($"there is a kernel {taken.Entry} of the family {taken.Family}: choose another name");
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(Environment.CurrentDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, Kernels, CatalogFile)))
            folder = folder.Parent;
        return folder?.FullName ?? throw new DataException($"neither {Environment.CurrentDirectory} nor a folder above it has {Kernels}/{CatalogFile}: run this command in a clone of the repository");
    }

    /// <summary>The files of a kernel, by name.</summary>
    internal static IReadOnlyDictionary<string, string> Files(string name)
    {
        var assembly = typeof(KernelsNewCommand).Assembly;
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string resource in assembly.GetManifestResourceNames().Where(static resource => resource.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            files[resource[Prefix.Length..].Replace("Kernel", name, StringComparison.Ordinal)] = Renamed(reader.ReadToEnd(), name);
        }
        return files;
    }

    private static string Renamed(string text, string name) => text.Replace("KernelName", name, StringComparison.Ordinal)
        .Replace("kernel_name", Separated(name, '_'), StringComparison.Ordinal).Replace("kernel-name", Separated(name, '-'), StringComparison.Ordinal);

    // The catalog comes last: without it, the files of the kernel change nothing.
    private static string[] Write(string folder, string name, IReadOnlyDictionary<string, string> files)
    {
        string catalog = Path.Combine(folder, CatalogFile), target = Path.Combine(folder, name);
        if (Path.Exists(target))
            throw new DataException($"{target} is there already");
        string text = FileFailure.ReadAllText(catalog);
        int end = text.IndexOf(EndOfCatalog, StringComparison.Ordinal);
        if (end < 0)
            throw new DataException($"{catalog}: has no list that ends with a line '{EndOfCatalog.TrimEnd()}'");
        foreach (var (file, content) in files)
            AtomicFile.Write(Path.Combine(target, file), stream => stream.Write(Encoding.UTF8.GetBytes(content)));
        AtomicFile.Write(catalog, stream => stream.Write(Encoding.UTF8.GetBytes(text.Insert(end, $"        .. {name}.{name}Checks.All,\n"))));
        return [.. files.Keys.Select(file => Path.Combine(target, file)), catalog];
    }

    /// <summary>SwiGlu and RMSNorm become swi_glu and rms_norm.</summary>
    private static string Separated(string name, char separator) => Boundary().Replace(name, $"{separator}").ToLowerInvariant();

    [GeneratedRegex("^[A-Z][A-Za-z0-9]*$")]
    private static partial Regex CSharpName();

    [GeneratedRegex("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")]
    private static partial Regex Boundary();
}

/// <summary>The result of <c>kernels new --json</c>.</summary>
/// <param name="Family">Family of the new kernel.</param>
/// <param name="Files">Files that were written.</param>
internal sealed record NewKernelResult(string Family, IReadOnlyList<string> Files);
