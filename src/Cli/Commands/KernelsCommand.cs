using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>kernels</c>: lists, shows, checks, measures and compiles the kernels.</summary>
internal static class KernelsCommand
{
    /// <summary>The architecture whose resources tables show.</summary>
    public const string Architecture = "sm_90";

    public static Command Create() => new("kernels", "List, show, check, measure and compile the kernels; no GPU is needed.")
    {
        List(), KernelsShowCommand.Create(), KernelsCheckCommand.Create(), KernelsBenchCommand.Create(), KernelsCompileCommand.Create(), KernelsNewCommand.Create(), BuildEmulator(), Clean(),
    };

    /// <summary>The option for sources to use instead of those in the program.</summary>
    public static Option<string?> Folder() => new("--kernels")
    {
        HelpName = ValueName.Folder,
        Description = "folder of .cu and .cuh files to use instead of those in the program (or set VIDEOSIM_KERNELS)",
        DefaultValueFactory = static _ => Environment.GetEnvironmentVariable(DeviceNames.KernelsVariable),
    };

    /// <summary>The option for one file of them.</summary>
    public static Option<string?> Source() => new("--source") { HelpName = ValueName.File, Description = "a .cu or .cuh file to use instead of the program's file of that name" };

    /// <summary>The sources that both options name.</summary>
    public static KernelSources Sources(string? folder, string? file)
    {
        var sources = KernelSources.In(folder);
        return file is null ? sources : sources.With(file);
    }

    /// <summary>Names of families and of kernels, for completion.</summary>
    public static IEnumerable<CompletionItem> Names(CompletionContext _) => AllNames().Order(StringComparer.Ordinal).Select(static name => new CompletionItem(name));

    /// <summary>The kernels with one of the names in their family or entry.</summary>
    /// <exception cref="DataException">A name matches no kernel.</exception>
    public static Kernel[] Matching(IReadOnlyList<string> names)
    {
        foreach (string name in names.Where(static name => !Catalog.Kernels.Any(kernel => Fits(kernel, name))))
            throw new DataException($"there is no kernel '{name}'; the families are {string.Join(", ", Catalog.Kernels.Select(static kernel => kernel.Family).Distinct().Order(StringComparer.Ordinal))}{Suggestion.Text(name, AllNames())}");
        return [.. Catalog.Kernels.Where(kernel => names.Any(name => Fits(kernel, name)))];

        static bool Fits(Kernel kernel, string name) => $"{kernel.Family} {kernel.Entry}".Contains(name, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The unit that a kernel with a CUDA source is compiled in.</summary>
    public static KernelUnit UnitOf(Kernel kernel) => KernelUnit.Group(Catalog.Kernels).Single(unit => unit.Kernels.Contains(kernel));

    private static IEnumerable<string> AllNames() => Catalog.Kernels.Select(static kernel => kernel.Family).Concat(Catalog.Kernels.Select(static kernel => kernel.Entry)).Distinct();

    /// <summary>Reports the shipped images that are damaged.</summary>
    /// <param name="device">The device that ran kernels.</param>
    /// <param name="console">Receives the notes.</param>
    /// <returns>
    /// Source of the device's images, see <see cref="InstalledKernels.From"/>; null if it uses none of the program's.
    /// </returns>
    public static string? NoteImages(Device device, CommandConsole console) => device is CudaDevice { Images: InstalledKernels installed } ? NoteImages(installed, console) : null;

    /// <summary>The same for the images themselves.</summary>
    internal static string? NoteImages(InstalledKernels installed, CommandConsole console)
    {
        foreach (string damaged in installed.Damaged)
            console.Progress.Note($"{damaged}; NVRTC compiled it instead");
        return installed.From;
    }

    private static Command List()
    {
        var preset = CommonOptions.PresetName("reference");
        var json = CommonOptions.Json();
        return new Command("list", "List all kernels, with their largest launch in the models' training steps and the resources that they use on an H100.") { preset, json }.Does((parsed, console, _) =>
        {
            var largest = StepLaunch.Largest(parsed.GetValue(preset)!, ModelZoo.Names, [], ElementTypes.Precisions);
            IReadOnlyList<KernelRow> rows = [.. Catalog.Kernels.OrderBy(static kernel => kernel.Family, StringComparer.Ordinal).Select(kernel =>
            {
                var launch = largest.GetValueOrDefault(kernel)?.Launch;
                return new KernelRow(kernel.Family, kernel.Entry, kernel.Source, kernel.Library, launch?.Shape, KernelResourceTable.Embedded.Find(Architecture, kernel.Entry),
                    launch?.Cost.Flops, launch?.Cost.MovedBytes);
            })];
            console.WriteResult(Table(rows), rows, CliJson.Default.IReadOnlyListKernelRow);
            return CommandLine.Done;
        }, json);
    }

    internal static ResultTable Table(IReadOnlyList<KernelRow> rows)
    {
        var table = new ResultTable().TextColumn("family").TextColumn("entry").TextColumn("blocks x threads").NumberColumn("registers").NumberColumn("spilled, B")
            .NumberColumn("shared, B").NumberColumn("MFLOP").NumberColumn("MB");
        foreach (var row in rows)
        {
            table.Row(row.Family, row.Entry, row.Shape is { } shape ? $"{(long)shape.GridX * shape.GridY * shape.GridZ} x {shape.BlockX}" : row.Source is null ? row.Library ?? "CPU only" : "",
                $"{row.Resources?.Registers}", $"{row.Resources?.SpillStoreBytes + row.Resources?.SpillLoadBytes}",
                $"{(row.Resources is null ? null : row.Resources.SharedBytes + (row.Shape?.SharedBytes ?? 0))}", Millions(row.Flops), Millions(row.MovedBytes));
        }
        return table;
    }

    private static string Millions(double? value) => value is null ? "" : (value.Value / 1e6).ToString("N2", CultureInfo.InvariantCulture);

    private static Command Clean()
    {
        var json = CommonOptions.Json();
        return new Command("clean", "Delete the compiled kernels and the builds of the emulator from the user's cache folder. They are made again when they are needed.") { json }.Does((_, console, _) =>
        {
            long bytes = UserCache.Clear();
            console.Progress.Note($"freed {(bytes / 1e6).ToString("F1", CultureInfo.InvariantCulture)} MB in {UserCache.FullPath}");
            console.WriteMade(new CleanResult(UserCache.FullPath, bytes), CliJson.Default.CleanResult);
            return CommandLine.Done;
        }, json);
    }

    private static Command BuildEmulator()
    {
        var folder = Folder();
        var json = CommonOptions.Json();
        return new Command("build-emulator", "Build the CUDA emulator with g++, and print its folder, for VIDEOSIM_CUDA_PATH.") { folder, json }.Does((parsed, console, _) =>
        {
            string built;
            var sources = KernelSources.In(parsed.GetValue(folder));
            var units = VariantTable.Of(sources).WithVariants(KernelUnit.Group(Catalog.Kernels));
            using (var progress = new EmulatorProgress(console.Progress))
                built = EmulatorBuild.Make(UserCache.Emulator, sources, units, progress.Report);
            console.WriteResult(output => output.WriteLine(parsed.GetValue(json) ? JsonSerializer.Serialize(new EmulatorResult(built), CliJson.Default.EmulatorResult) : built));
            return CommandLine.Done;
        }, json);
    }
}

/// <summary>One kernel of <c>kernels list</c>.</summary>
/// <param name="Family">Its family, such as "layernorm".</param>
/// <param name="Entry">Its name.</param>
/// <param name="Source">Its <c>.cu</c> file; null if it has none.</param>
/// <param name="Library">The library that computes it on CUDA instead of a source; null for none.</param>
/// <param name="Shape">Grid and block of its largest launch; null if no model uses it.</param>
/// <param name="Resources">Resources that it uses on an H100; null if the table does not contain it.</param>
/// <param name="Flops">Floating-point operations of its largest launch.</param>
/// <param name="MovedBytes">Bytes that this launch moves, by its cost.</param>
internal sealed record KernelRow(string Family, string Entry, string? Source, string? Library, LaunchShape? Shape, KernelResources? Resources, double? Flops,
    [property: JsonPropertyName("bytes")] double? MovedBytes);
