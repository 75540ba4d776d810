using System.CommandLine;
using System.Globalization;
using System.Text;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Profiling;
using VideoSim.Models.Zoo;

namespace VideoSim.Cli.Commands;

/// <summary><c>kernels show</c>: what NVRTC makes of a kernel.</summary>
internal static class KernelsShowCommand
{
    public static Command Create()
    {
        var name = CommonOptions.CheckedArgument(
            new Argument<string>("name") { HelpName = "KERNEL", CompletionSources = { KernelsCommand.Names }, Description = "an entry, or part of the name of a family or an entry" },
            static name => KernelsCommand.Matching([name]));
        var ptx = new Option<bool>("--ptx") { Description = "the PTX of one kernel, with the lines of the source" };
        var sass = new Option<bool>("--sass") { Description = "the machine code of one kernel, with the lines of the source" };
        var resources = new Option<bool>("--resources") { Description = "registers, stack, shared memory, occupancy and instructions (the default)" };
        var architecture = new Option<string>("--architecture") { HelpName = "NAME", Description = "the GPU of --sass", DefaultValueFactory = static _ => KernelsCommand.Architecture };
        architecture.AcceptOnlyFromAmong([.. GpuModel.All.Select(static gpu => gpu.Architecture)]);
        var source = KernelsCommand.Source();
        var folder = KernelsCommand.Folder();
        var preset = CommonOptions.PresetName("reference");
        var json = CommonOptions.Json();
        var command = new Command("show", """
            Show what NVRTC makes of a kernel: registers, stack, shared memory, occupancy and instructions on three GPUs, or its code with the lines of the source. No GPU is needed.
            """) { name, resources, ptx, sass, architecture, source, folder, preset, json };
        command.Checks(result =>
        {
            if (new[] { ptx, sass, resources }.Count(result.GetValue) > 1)
                result.AddError("--ptx, --sass and --resources exclude each other");
            if ((result.GetValue(ptx) || result.GetValue(sass)) && result.GetValue(json))
                result.AddError("--json is for --resources: code is text");
            if (!result.GetValue(sass) && result.GetResult(architecture) is { Implicit: false })
                result.AddError("--architecture is for --sass: --resources shows all, and PTX is for every GPU");
        });
        return command.Does((parsed, console, _) =>
        {
            var kernels = KernelsCommand.Matching([parsed.GetValue(name)!]);
            var sources = KernelsCommand.Sources(parsed.GetValue(folder), parsed.GetValue(source));
            if (parsed.GetValue(ptx) || parsed.GetValue(sass))
            {
                string code = Code(sources, One(kernels, parsed.GetValue(name)!), parsed.GetValue(ptx) ? null : parsed.GetValue(architecture));
                console.WriteResult(output => output.Write(code));
                return CommandLine.Done;
            }
            var rows = Rows(sources, [.. kernels.Where(static kernel => kernel.Source is not null)], parsed.GetValue(preset)!);
            if (Disassembler.Problem is { } problem)
                console.Progress.Note($"the instructions are left out: {problem}");
            console.WriteResult(Tables(rows), rows, CliJson.Default.IReadOnlyListShownKernel);
            return CommandLine.Done;
        }, json);
    }

    /// <summary>The kernel of a name. An entry's whole name is that entry, also if others contain it.</summary>
    private static Kernel One(Kernel[] kernels, string name)
    {
        var one = kernels.FirstOrDefault(kernel => kernel.Entry == name) ?? (kernels.Length == 1 ? kernels[0] : null);
        if (one is null)
            throw new DataException($"'{name}' is {kernels.Length} kernels; name one of {string.Join(", ", kernels.Select(static kernel => kernel.Entry))}");
        return one.Source is not null ? one : throw new DataException($"{one.Entry} has no CUDA source{(one.Library is null ? "" : $"; {one.Library} computes it")}");
    }

    private static string Code(KernelSources sources, Kernel kernel, string? architecture)
    {
        var listing = new KernelListing(sources);
        var image = KernelCompiler.WithLines(sources).Compile(KernelsCommand.UnitOf(kernel), architecture ?? KernelResourceTable.Portable);
        return architecture is null ? listing.OfPtx(Encoding.UTF8.GetString(image.Code).TrimEnd('\0'), kernel.Entry) : listing.OfMachineCode(Disassembler.Text(image), kernel.Entry);
    }

    private static IReadOnlyList<ShownKernel> Rows(KernelSources sources, IReadOnlyList<Kernel> kernels, string preset)
    {
        var compiler = new KernelCompiler(sources, new KernelCache(UserCache.Kernels));
        var launches = StepLaunch.Largest(preset, ModelZoo.Names, [], ElementTypes.Precisions);
        return
        [
            .. from kernel in kernels
               let step = launches.GetValueOrDefault(kernel)
               let check = step is null ? CheckLaunch.Largest(kernel) : null
               from gpu in GpuModel.All
               select Row(compiler, gpu, step?.Launch ?? check!.Launch, step?.Step.ToString() ?? $"check, {check!.Case.Name}"),
        ];
    }

    private static ShownKernel Row(KernelCompiler compiler, GpuModel gpu, CountedLaunch launch, string where)
    {
        string entry = launch.Kernel.Entry;
        var shape = launch.Shape!.Value; // the kernel has a CUDA source
        var image = compiler.Compile(KernelsCommand.UnitOf(launch.Kernel), gpu.Architecture);
        var resources = image.Resources[entry];
        var mix = Disassembler.Problem is null ? InstructionMix.Of(Disassembler.Operations(image)[entry]) : null;
        return new(entry, gpu.Name, gpu.Architecture, where, shape, resources, Occupancy.Of(gpu, resources, shape), mix,
            mix is null ? null : 1e6 * gpu.IssueSeconds(mix.Total, shape), 1e6 * launch.Cost.MovedBytes / gpu.Bandwidth);
    }

    private static ResultTable[] Tables(IReadOnlyList<ShownKernel> rows)
    {
        var use = new ResultTable().TextColumn("kernel").TextColumn("launch").TextColumn("GPU").TextColumn("blocks x threads").NumberColumn("registers").NumberColumn("stack, B").NumberColumn("spilled, B").NumberColumn("shared, B")
            .NumberColumn("blocks at once").NumberColumn("occupancy").TextColumn("limited by");
        var code = new ResultTable().TextColumn("kernel").TextColumn("GPU").NumberColumn("instructions").NumberColumn("tensor").NumberColumn("float").NumberColumn("special").NumberColumn("integer").NumberColumn("memory")
            .NumberColumn("shared").NumberColumn("other").NumberColumn("us to issue").NumberColumn("us for bytes");
        foreach (var row in rows)
        {
            string gpu = $"{row.Gpu}, {row.Architecture}";
            var (resources, occupancy) = (row.Resources, row.Occupancy);
            use.Row(row.Entry, row.Launch, gpu, $"{(long)row.Shape.GridX * row.Shape.GridY * row.Shape.GridZ} x {row.Shape.BlockX}", $"{resources.Registers}", $"{resources.StackBytes}",
                $"{resources.SpillStoreBytes + resources.SpillLoadBytes}", $"{resources.SharedBytes + row.Shape.SharedBytes}", $"{occupancy.Blocks}",
                $"{(100 * occupancy.Share).ToString("F0", CultureInfo.InvariantCulture)} %", occupancy.Limiter);
            if (row.Instructions is { } mix)
            {
                code.Row(row.Entry, gpu, $"{mix.Total}", $"{mix.Tensor}", $"{mix.Float}", $"{mix.Special}", $"{mix.Integer}", $"{mix.Memory}", $"{mix.Shared}", $"{mix.Other}",
                    Microseconds(row.IssueMicroseconds), Microseconds(row.ByteMicroseconds));
            }
        }
        return rows.Any(static row => row.Instructions is not null) ? [use, code] : [use];
    }

    private static string Microseconds(double? value) => value?.ToString("G3", CultureInfo.InvariantCulture) ?? "";
}

/// <summary>One kernel of <c>kernels show</c> on one GPU.</summary>
/// <param name="Entry">Its name.</param>
/// <param name="Gpu">The GPU.</param>
/// <param name="Architecture">The GPU's architecture.</param>
/// <param name="Launch">The training step with its largest launch; the case of its checks if no model uses it.</param>
/// <param name="Shape">This launch's grid, block and dynamic shared memory.</param>
/// <param name="Resources">What NVRTC reports.</param>
/// <param name="Occupancy">How many blocks of the launch run at once.</param>
/// <param name="Instructions">The instructions of its code; null without nvdisasm.</param>
/// <param name="IssueMicroseconds">Time to issue them once for each warp of the launch.</param>
/// <param name="ByteMicroseconds">Time to move the bytes of the launch's cost.</param>
internal sealed record ShownKernel(string Entry, string Gpu, string Architecture, string Launch, LaunchShape Shape, KernelResources Resources, Occupancy Occupancy, InstructionMix? Instructions,
    double? IssueMicroseconds, double ByteMicroseconds);
