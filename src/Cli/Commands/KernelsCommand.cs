using System.CommandLine;
using System.Globalization;
using System.Text.Json.Serialization;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>kernels</c>: what kernels there are, and whether they are right.</summary>
internal static class KernelsCommand
{
    private const string Architecture = "sm_90"; // that "kernels list" shows

    public static Command Create() => new("kernels", "List, compile, check and time the kernels; no GPU is needed.")
    {
        List(), KernelsCheckCommand.Create(), KernelsBenchCommand.Create(), Compile(), BuildEmulator(),
    };

    /// <summary>Option for sources in the place of those that the program carries.</summary>
    public static Option<string?> Folder() => new("--kernels")
    {
        Description = "folder of .cu and .cuh files, in the place of those that the program carries (or VIDEOSIM_KERNELS)",
        DefaultValueFactory = static _ => Environment.GetEnvironmentVariable(DeviceNames.KernelsVariable),
    };

    /// <summary>The kernels whose family or entry holds one of the names.</summary>
    /// <exception cref="DataException">A name fits none.</exception>
    public static Kernel[] Matching(IReadOnlyList<string> names)
    {
        foreach (string name in names.Where(static name => !Catalog.Kernels.Any(kernel => Fits(kernel, name))))
            throw new DataException($"there is no kernel '{name}'; families are {string.Join(", ", Catalog.Kernels.Select(static kernel => kernel.Family).Distinct().Order(StringComparer.Ordinal))}");
        return [.. Catalog.Kernels.Where(kernel => names.Any(name => Fits(kernel, name)))];

        static bool Fits(Kernel kernel, string name) => $"{kernel.Family} {kernel.Entry}".Contains(name, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Notes the shipped images that are damaged.</summary>
    /// <param name="device">The device that ran kernels.</param>
    /// <param name="console">Gets the notes.</param>
    /// <returns>Where the device's images came from, see <see cref="InstalledKernels.From"/>; null where it has none of the program's.</returns>
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
        return new Command("list", "List all kernels, with their largest launch in a training step of any model and what they take of an H100.") { preset, json }.Does((parsed, console, _) =>
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

    private static Command Compile()
    {
        var folder = Folder();
        var images = new Option<string?>("--output-dir")
        {
            Description = $"only write what was compiled to a folder; named '{Path.GetFileName(ShippedKernels.DefaultFolder)}' and beside the program it serves machines without NVRTC",
        };
        var command = new Command("compile", "Compile all kernels with NVRTC, and say which take other resources than the repository's table has.") { folder, images };
        return command.Does((parsed, console, _) =>
        {
            var compiler = new KernelCompiler(KernelSources.In(parsed.GetValue(folder)), new KernelCache(UserCache.Kernels));
            if (parsed.GetValue(images) is { } directory)
            {
                int files = ShippedKernels.Write(directory, compiler, Catalog.Kernels, [.. KernelResourceTable.Architectures, KernelResourceTable.Portable]);
                NoteUnassertedOffsets(compiler, console);
                console.Progress.Note($"{files} files in {directory}");
                return CommandLine.Done;
            }
            var units = KernelUnit.Group(Catalog.Kernels);
            foreach (var unit in units)
                compiler.Compile(unit, KernelResourceTable.Portable);
            NoteUnassertedOffsets(compiler, console);
            var table = KernelResourceTable.Compile(compiler, units);
            if (!KernelResourceTable.Embedded.Has(compiler.Version))
                throw new DataException($"there is no table for NVRTC {compiler.Version}; bench/Tables writes one");
            string[] differences = [.. KernelResourceTable.Embedded.Differences(table, compiler.Version)];
            foreach (string difference in differences)
                console.Progress.Note(difference);
            return differences.Length == 0 ? CommandLine.Done : CommandLine.Failed;
        });
    }

    private static void NoteUnassertedOffsets(KernelCompiler compiler, CommandConsole console)
    {
        if (!compiler.AssertsOffsets)
            console.Progress.Note($"NVRTC {compiler.Version} cannot tell where fields of arguments lie: their offsets were not compared with C#");
    }

    private static Command BuildEmulator()
    {
        var folder = Folder();
        return new Command("build-emulator", "Build the CUDA emulator with g++, and print the folder to name in VIDEOSIM_CUDA_PATH.") { folder }.Does((parsed, console, _) =>
        {
            string built = EmulatorBuild.Make(UserCache.Emulator, KernelSources.In(parsed.GetValue(folder)), Catalog.Kernels);
            console.WriteResult(output => output.WriteLine(built));
            return CommandLine.Done;
        });
    }
}

/// <summary>One kernel of <c>kernels list</c>.</summary>
/// <param name="Family">What it is one of.</param>
/// <param name="Entry">Its name.</param>
/// <param name="Source">Its <c>.cu</c> file; null if it has none.</param>
/// <param name="Library">The library that computes it on CUDA in place of a source; null for none.</param>
/// <param name="Shape">Grid and block of its largest launch; null where no model uses it.</param>
/// <param name="Resources">What it takes on an H100; null where it was never compiled.</param>
/// <param name="Flops">Floating-point operations of its largest launch.</param>
/// <param name="MovedBytes">Bytes that launch moves by design.</param>
internal sealed record KernelRow(string Family, string Entry, string? Source, string? Library, LaunchShape? Shape, KernelResources? Resources, double? Flops,
    [property: JsonPropertyName("bytes")] double? MovedBytes);
