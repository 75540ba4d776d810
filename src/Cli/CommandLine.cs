using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Training;

namespace VideoSim.Cli;

/// <summary>The work of a command after its options are read; returns the exit code.</summary>
internal delegate int CommandWork(ParseResult parsed, CommandConsole console, CancellationToken cancellation);

/// <summary>
/// Parses the command line and runs a command. Every result becomes an exit code and at most one error line.
/// </summary>
internal static class CommandLine
{
    public const int Done = 0, Failed = 1, WrongUsage = 2, Interrupted = 130;

    // A title or an id may begin with @; the library would read a file of that name.
    private static readonly ParserConfiguration Words = new() { ResponseFileTokenReplacer = null };

    public static async Task<int> RunAsync(string[] args, RootCommand root)
    {
        StandardStreams.Prepare();
        using var interruption = new Interruption(ProcessEnd.Now);
        ParseResult? parsed = null;
        string? problem;
        try
        {
            parsed = Complete(root).Parse(args, Words);
            problem = UsageErrors.Of(parsed, args);
        }
        catch (Exception e)
        {
            problem = $"the command line cannot be read: {Printable.OneLine(e.Message)}";
        }
        if (parsed is null || problem is not null)
        {
            CommandConsole.OfThisProcess(json: false, quiet: false).WriteError($"{problem?.ReplaceLineEndings(" ")} (see '{$"{CommandPath.Program} {(parsed is null ? "" : CommandPath.Of(parsed.CommandResult.Command))}".TrimEnd()} --help')");
            return WrongUsage;
        }
        try
        {
            // The library's own handling of signals is off: it ends a save after some time, and does not hear SIGHUP.
            int exitCode = await parsed.InvokeAsync(new Invocation(interruption) { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interruption.Token);
            interruption.Finish();
            return exitCode;
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            // Of help and version, which the library writes.
            CommandConsole.OfThisProcess(json: false, quiet: false).WriteError(CommandConsole.OutputFailure(e));
            return Failed;
        }
    }

    /// <summary>The command's way to what listens to signals.</summary>
    private sealed class Invocation(Interruption interruption) : InvocationConfiguration
    {
        public Interruption Interruption => interruption;
    }

    /// <summary>Adds what all commands have: help, and the options for messages.</summary>
    public static RootCommand Complete(RootCommand root)
    {
        root.Add(CommonOptions.Verbose);
        root.Add(CommonOptions.Quiet);
        foreach (var help in root.Options.OfType<HelpOption>())
            (help.Action, help.Description) = (new Help.HelpAction(), "show this help");
        // A name of several commands alone shows what there is.
        foreach (var group in CommandPath.Tree(root).Where(CommandPath.IsGroup))
            group.SetAction(parsed => Help.HelpAction.Write(group, parsed));
        return root;
    }

    /// <summary>Sets the work of a command. If the work fails, one line on stderr gives the reason.</summary>
    /// <param name="command">The command, with its options.</param>
    /// <param name="work">The work.</param>
    /// <param name="json">Its option for results as JSON, if it has one.</param>
    /// <param name="resumes">Whether the same command continues after an interruption; null if it never does.</param>
    /// <param name="waits">What work that is not simply ended does after a signal.</param>
    public static Command Does(this Command command, CommandWork work, Option<bool>? json = null, Func<ParseResult, bool>? resumes = null, string waits = "saving what is done")
    {
        // The work has a thread of its own. It is never cancelled before it begins: the work itself handles the token.
        // The threads of the pool stay free for SIGHUP, which .NET handles on one of them.
        command.SetAction((parsed, _) => Task.Factory.StartNew(
            () => Finish(Run(parsed, work, json, resumes, waits, ((Invocation)parsed.InvocationConfiguration).Interruption)), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default));
        return command;
    }

    private static int Run(ParseResult parsed, CommandWork work, Option<bool>? json, Func<ParseResult, bool>? resumes, string waits, Interruption interruption)
    {
        var console = CommandConsole.OfThisProcess(json is not null && parsed.GetValue(json), parsed.GetValue(CommonOptions.Quiet));
        interruption.Report(() => WriteInterrupted("where it stopped"), () => console.Progress.Note($"interrupted: {waits}; a second signal ends at once"));
        try
        {
            RequireFolderFor(parsed);
            int exitCode = work(parsed, console, interruption.Token);
            interruption.Finish();
            // A bench that is interrupted returns the same code for every signal.
            return exitCode == Interrupted ? interruption.ExitCode ?? Interrupted : exitCode;
        }
        catch (Exception e) when (IsCancellation(e))
        {
            interruption.Finish();
            WriteInterrupted(e is RunInterruptedException run ? $"from step {run.Step}, which is saved" : "where it stopped");
            return interruption.ExitCode ?? Interrupted;
        }
        catch (Exception e)
        {
            interruption.Finish();
            console.WriteError(parsed.GetValue(CommonOptions.Verbose) ? e.ToString()
                : IsForeseen(e) ? e.Message.ReplaceLineEndings(" ")
                : $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")} (--verbose shows the place in the code)");
            return Failed;
        }

        void WriteInterrupted(string place) =>
            console.WriteError(resumes?.Invoke(parsed) is not true ? "interrupted" : $"interrupted; the same command{(Overwrites(parsed) ? $" without {CommonOptions.OverwriteName}" : "")} continues {place}");
    }

    // Threads that work together report one exception each.
    private static bool IsCancellation(Exception e) => e is OperationCanceledException || (e is AggregateException all && all.Flatten().InnerExceptions.All(static one => one is OperationCanceledException));

    private static void RequireFolderFor(ParseResult parsed)
    {
        if (parsed.CommandResult.Children.OfType<OptionResult>().FirstOrDefault(static one => one.Option.Name == CommonOptions.OutputDirectoryName)?.GetValueOrDefault<string?>() is { } path && File.Exists(path))
            throw new DataException($"{CommonOptions.OutputDirectoryName} {path}: is a file, not a folder");
    }

    private static bool Overwrites(ParseResult parsed) =>
        parsed.CommandResult.Children.Any(static child => child is OptionResult { Implicit: false, Option.Name: CommonOptions.OverwriteName });

    // The driver's exit handlers may wait for work that never ends.
    private static int Finish(int exitCode)
    {
        if (CommonOptions.IsDeviceStuck)
        {
            Console.Out.Flush();
            Console.Error.Flush();
            ProcessEnd.WithoutHandlers(exitCode);
        }
        return exitCode;
    }

    // Exceptions with a complete message: bad input, and errors of a GPU, its driver or its compiler.
    private static bool IsForeseen(Exception e) => e is DataException or CudaException or KernelCompilationException or InsufficientMemoryException;
}
