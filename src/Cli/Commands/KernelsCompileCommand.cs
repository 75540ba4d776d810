using System.CommandLine;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Kernels;
using VideoSim.Kernels.Contract;

namespace VideoSim.Cli.Commands;

/// <summary><c>kernels compile</c>: compiles kernels with NVRTC.</summary>
internal static class KernelsCompileCommand
{
    public static Command Create()
    {
        var names = CommonOptions.CheckedArgument(
            new Argument<string[]>("names") { HelpName = "KERNEL", CompletionSources = { KernelsCommand.Names }, Description = "parts of the names of families or entries, to list their resources; all kernels if left out", Arity = ArgumentArity.ZeroOrMore },
            static name => KernelsCommand.Matching([name]));
        var folder = KernelsCommand.Folder();
        var images = new Option<string?>("--output-dir")
        {
            HelpName = ValueName.Folder,
            Description = $"only write the compiled kernels to a folder; with a folder '{Path.GetFileName(ShippedKernels.DefaultFolder)}' beside it, the program needs no NVRTC",
        };
        var json = CommonOptions.Json();
        var command = new Command("compile", "Compile kernels with NVRTC, and list those of which the resources differ from the repository's table.") { names, folder, images, json };
        command.Checks(result =>
        {
            if (result.GetValue(names) is { Length: > 0 } && result.GetResult(images) is { Implicit: false })
                result.AddError("--output-dir writes all kernels: it takes no names");
        });
        return command.Does((parsed, console, _) =>
        {
            var compiler = new KernelCompiler(KernelSources.In(parsed.GetValue(folder)), new KernelCache(UserCache.Kernels));
            if (compiler.CacheProblem is { } problem)
                CommonOptions.NoteCache(problem, console);
            if (parsed.GetValue(names) is { Length: > 0 } named)
                return List(compiler, KernelsCommand.Matching(named), console);
            return parsed.GetValue(images) is { } directory ? Write(compiler, directory, console) : Compare(compiler, console);
        }, json);
    }

    private static int List(KernelCompiler compiler, IEnumerable<Kernel> kernels, CommandConsole console)
    {
        IReadOnlyList<CompiledKernel> rows =
        [
            .. from kernel in kernels
               where kernel.Source is not null
               let unit = KernelsCommand.UnitOf(kernel)
               from architecture in KernelResourceTable.Architectures
               select new CompiledKernel(kernel.Entry, architecture, compiler.Compile(unit, architecture).Resources[kernel.Entry], KernelResourceTable.Embedded.Find(architecture, kernel.Entry)),
        ];
        NoteUnassertedOffsets(compiler, console);
        var table = new ResultTable().TextColumn("kernel").TextColumn("architecture").NumberColumn("registers").NumberColumn("stack, B").NumberColumn("spilled, B").NumberColumn("shared, B").TextColumn("repository's table");
        foreach (var row in rows)
        {
            table.Row(row.Entry, row.Architecture, $"{row.Resources.Registers}", $"{row.Resources.StackBytes}", $"{row.Resources.SpillStoreBytes + row.Resources.SpillLoadBytes}", $"{row.Resources.SharedBytes}",
                row.Table is null ? "not there" : row.Table == row.Resources ? "equal" : $"{row.Table}");
        }
        console.WriteResult(table, rows, CliJson.Default.IReadOnlyListCompiledKernel);
        return CommandLine.Done;
    }

    private static int Write(KernelCompiler compiler, string directory, CommandConsole console)
    {
        int files = ShippedKernels.Write(directory, compiler, VariantTable.Of(compiler.Sources).WithVariants(KernelUnit.Group(Catalog.Kernels)), [.. KernelResourceTable.Architectures, KernelResourceTable.Portable]);
        NoteUnassertedOffsets(compiler, console);
        console.Progress.Note($"{files} files in {directory}");
        Made(compiler, directory, files, [], console);
        return CommandLine.Done;
    }

    private static int Compare(KernelCompiler compiler, CommandConsole console)
    {
        var units = KernelUnit.Group(Catalog.Kernels);
        foreach (var unit in units)
            compiler.Compile(unit, KernelResourceTable.Portable);
        NoteUnassertedOffsets(compiler, console);
        var table = KernelResourceTable.Compile(compiler, units, KernelResourceTable.Architectures);
        if (!KernelResourceTable.Embedded.Has(compiler.Version))
            throw new DataException($"the repository has no table for NVRTC {compiler.Version}; run bench/Tables to write one");
        string[] differences = [.. KernelResourceTable.Embedded.Differences(table, compiler.Version)];
        foreach (string difference in differences)
            console.Progress.Note(difference);
        Made(compiler, null, 0, differences, console);
        return differences.Length == 0 ? CommandLine.Done : CommandLine.Failed;
    }

    private static void Made(KernelCompiler compiler, string? output, int files, string[] different, CommandConsole console) =>
        console.WriteMade(new CompileResult(Catalog.Kernels.Count(static kernel => kernel.Source is not null), $"{compiler.Version}", output, files, different), CliJson.Default.CompileResult);

    private static void NoteUnassertedOffsets(KernelCompiler compiler, CommandConsole console)
    {
        if (!compiler.AssertsOffsets)
            console.Progress.Note($"NVRTC {compiler.Version} cannot compute the offsets of fields: they were not compared with C#");
    }
}

/// <summary>One kernel of <c>kernels compile KERNEL</c> for one architecture.</summary>
/// <param name="Entry">Its name.</param>
/// <param name="Architecture">The architecture.</param>
/// <param name="Resources">What NVRTC reports.</param>
/// <param name="Table">What the repository's table has; null if it does not contain it.</param>
internal sealed record CompiledKernel(string Entry, string Architecture, KernelResources Resources, KernelResources? Table);
