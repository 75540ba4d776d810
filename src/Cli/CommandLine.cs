using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;

namespace VideoSim.Cli;

/// <summary>What a command does once its options are read; returns the exit code.</summary>
internal delegate int CommandWork(ParseResult parsed, CommandConsole console, CancellationToken cancellation);

/// <summary>Parses, runs and turns every outcome into an exit code and at most one line.</summary>
internal static partial class CommandLine
{
    public const int Done = 0, Failed = 1, WrongUsage = 2, Interrupted = 130;

    // A checkpoint of the largest model takes seconds; the library's 2 would cut it off.
    private static readonly TimeSpan TimeToSave = TimeSpan.FromMinutes(2);

    public static async Task<int> RunAsync(string[] args, RootCommand root)
    {
        Console.SetError(new DroppingWriter(Console.Error));
        root.Add(CommonOptions.Verbose);
        root.Add(CommonOptions.Quiet);
        var parsed = root.Parse(args);
        if (parsed.UnmatchedTokens.Count == 0 && EmptyOption(parsed) is { } empty)
            return Refuse(parsed, $"{empty} is empty");
        if (parsed.Errors.Count == 0)
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeToSave });
        // What is unknown says more than what is missing because of it.
        return Refuse(parsed, parsed.UnmatchedTokens.Count > 0 ? $"there is no command or option '{parsed.UnmatchedTokens[0]}'" : TypeName().Replace(parsed.Errors[0].Message.TrimEnd('.'), ""));
    }

    private static int Refuse(ParseResult parsed, string problem)
    {
        string command = string.Join(' ', Path(parsed.CommandResult.Command));
        CommandConsole.OfThisProcess(json: false, quiet: false).WriteError($"{problem} ('{command} --help' lists what there is)");
        return WrongUsage;
    }

    // No option means anything by an empty text, and a path of one is the current folder.
    private static string? EmptyOption(ParseResult parsed) => parsed.CommandResult.Children.OfType<OptionResult>()
        .FirstOrDefault(static option => option.Tokens.Any(static token => token.Value.Length == 0))?.Option.Name;

    // The library names types of .NET: Cannot parse argument 'x' for option '--batch' as expected type 'System.Int32'.
    [GeneratedRegex(" as expected type '[^']*'")]
    private static partial Regex TypeName();

    /// <summary>Says what a command does. However the work ends, at most one line on stderr tells why.</summary>
    /// <param name="command">The command, its options added.</param>
    /// <param name="work">What it does.</param>
    /// <param name="json">Its option for results as JSON, if it has one.</param>
    /// <param name="resumes">Whether the same command goes on with what an interrupted one has done.</param>
    public static Command Does(this Command command, CommandWork work, Option<bool>? json = null, bool resumes = false)
    {
        // On another thread, so that Ctrl-C is heard; never cancelled before it begins, so that the work can tell.
        command.SetAction((parsed, cancellation) => Task.Run(() => Finish(Run(parsed, work, json, resumes, cancellation)), CancellationToken.None));
        return command;
    }

    private static int Run(ParseResult parsed, CommandWork work, Option<bool>? json, bool resumes, CancellationToken cancellation)
    {
        var console = CommandConsole.OfThisProcess(json is not null && parsed.GetValue(json), parsed.GetValue(CommonOptions.Quiet));
        try
        {
            return work(parsed, console, cancellation);
        }
        catch (OperationCanceledException)
        {
            console.WriteError(resumes ? "interrupted; the same command goes on where it was" : "interrupted");
            return Interrupted;
        }
        catch (Exception e)
        {
            console.WriteError(parsed.GetValue(CommonOptions.Verbose) ? e.ToString()
                : IsForeseen(e) ? e.Message.ReplaceLineEndings(" ")
                : $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")} (--verbose shows where)");
            return Failed;
        }
    }

    // The driver's exit handlers may wait for the work that never ends.
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

    // What says all there is to say: bad input, and what a GPU, its driver or its compiler refuse.
    private static bool IsForeseen(Exception e) => e is DataException or CudaException or KernelCompilationException or InsufficientMemoryException;

    private static IEnumerable<string> Path(Symbol command)
    {
        foreach (var parent in command.Parents.OfType<Command>())
        {
            foreach (string name in Path(parent))
                yield return name;
        }
        yield return command is RootCommand ? "videosim" : command.Name;
    }
}
