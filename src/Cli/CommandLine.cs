using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;

namespace VideoSim.Cli;

/// <summary>The work of a command after its options are read; returns the exit code.</summary>
internal delegate int CommandWork(ParseResult parsed, CommandConsole console, CancellationToken cancellation);

/// <summary>
/// Parses the command line and runs a command. Every result becomes an exit code and at most one error line.
/// </summary>
internal static partial class CommandLine
{
    public const int Done = 0, Failed = 1, WrongUsage = 2, Interrupted = 130;

    // Saving a checkpoint of the largest model takes seconds; the library's limit of 2 seconds would interrupt it.
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
        // An unknown word is reported first: it is often the reason why something else is missing.
        return Refuse(parsed, parsed.UnmatchedTokens.Count > 0 ? $"there is no command or option '{parsed.UnmatchedTokens[0]}'" : TypeName().Replace(parsed.Errors[0].Message.TrimEnd('.'), ""));
    }

    private static int Refuse(ParseResult parsed, string problem)
    {
        string command = string.Join(' ', Path(parsed.CommandResult.Command));
        CommandConsole.OfThisProcess(json: false, quiet: false).WriteError($"{problem} (see '{command} --help')");
        return WrongUsage;
    }

    // An empty text may be a title. It is no value of any other option or argument: as a path it would mean the
    // current folder.
    private static string? EmptyOption(ParseResult parsed) => parsed.CommandResult.Children
        .FirstOrDefault(static child => child is not OptionResult { Option.Name: CommonOptions.Title } && child.Tokens.Any(static token => token.Value.Length == 0)) switch
    {
        OptionResult option => option.Option.Name,
        ArgumentResult argument => argument.Argument.Name,
        _ => null,
    };

    // Removes types of .NET from the library's message: Cannot parse argument 'x' for option '--batch' as expected
    // type 'System.Int32'.
    [GeneratedRegex(" as expected type '[^']*'")]
    private static partial Regex TypeName();

    /// <summary>Sets the work of a command. If the work fails, one line on stderr gives the reason.</summary>
    /// <param name="command">The command, with its options.</param>
    /// <param name="work">The work.</param>
    /// <param name="json">Its option for results as JSON, if it has one.</param>
    /// <param name="resumes">Whether the same command continues after an interruption.</param>
    public static Command Does(this Command command, CommandWork work, Option<bool>? json = null, bool resumes = false)
    {
        // The work runs on another thread, so this one can react to Ctrl-C. It is never cancelled before it begins:
        // the work itself handles the token.
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
            console.WriteError(!resumes ? "interrupted" : $"interrupted; the same command{(Overwrites(parsed) ? $" without {CommonOptions.OverwriteName}" : "")} continues where it stopped");
            return Interrupted;
        }
        catch (Exception e)
        {
            console.WriteError(parsed.GetValue(CommonOptions.Verbose) ? e.ToString()
                : IsForeseen(e) ? e.Message.ReplaceLineEndings(" ")
                : $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")} (--verbose shows the place in the code)");
            return Failed;
        }
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
