using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Spectre.Console;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;

namespace VideoSim.Cli.Output;

/// <summary>
/// The output of a command. Results go to stdout, as a table or, for other programs, as one JSON object. Everything
/// else is for people and goes to stderr.
/// </summary>
public sealed class CommandConsole
{
    // Often enough to show that a run is alive, and rare enough for a readable log.
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(10);

    private readonly IAnsiConsoleOutput _output;
    private readonly ProgressReporter _reporter;
    private readonly bool _json;
    private readonly bool _breaksTables;

    /// <summary>Makes a console of two streams.</summary>
    /// <param name="output">stdout; on a terminal a table that is too wide is written as records.</param>
    /// <param name="error">stderr.</param>
    /// <param name="clock">Clock for progress.</param>
    /// <param name="json">Whether results are written as JSON.</param>
    /// <param name="quiet">Whether stderr shows only warnings and errors.</param>
    /// <param name="environment">Reads a variable of the environment: NO_COLOR and TERM are used.</param>
    public CommandConsole(
        IAnsiConsoleOutput output, IAnsiConsoleOutput error, TimeProvider clock, bool json, bool quiet,
        Func<string, string?> environment)
    {
        (_output, _json) = (output, json);
        _breaksTables = IsDrawable(output, environment);
        _reporter = new ProgressReporter(Create(error, environment), clock, PlainInterval);
        Progress = quiet ? new OnlyWarnings(_reporter) : _reporter;
    }

    /// <summary>The console of this process.</summary>
    /// <param name="json">Whether results are written as JSON.</param>
    /// <param name="quiet">Whether stderr shows only warnings and errors.</param>
    public static CommandConsole OfThisProcess(bool json, bool quiet) => new(
        new AnsiConsoleOutput(Console.Out), new AnsiConsoleOutput(Console.Error), TimeProvider.System, json, quiet,
        Environment.GetEnvironmentVariable);

    /// <summary>Receives progress, notes and warnings.</summary>
    public IProgressSink Progress { get; }

    /// <summary>
    /// Writes the result of a command: with JSON the value as one object on one line, otherwise the table.
    /// </summary>
    /// <param name="table">For people.</param>
    /// <param name="value">The same for other programs.</param>
    /// <param name="type">Describes how the value is written.</param>
    /// <exception cref="DataException">stdout is closed or full.</exception>
    public void WriteResult<T>(ResultTable table, T value, JsonTypeInfo<T> type) => WriteResult([table], value, type);

    /// <summary>
    /// Writes the result of a command that made files: with JSON the value, otherwise nothing, because the notes on
    /// stderr say what was made.
    /// </summary>
    /// <exception cref="DataException">stdout is closed or full.</exception>
    public void WriteMade<T>(T value, JsonTypeInfo<T> type) => WriteResult([], value, type);

    /// <summary>The same with several tables, an empty line between them.</summary>
    /// <exception cref="DataException">stdout is closed or full.</exception>
    public void WriteResult<T>(IReadOnlyList<ResultTable> tables, T value, JsonTypeInfo<T> type) => WriteResult(output =>
    {
        if (_json)
        {
            output.WriteLine(OneLine(value, type));
            return;
        }
        for (int i = 0; i < tables.Count; i++)
        {
            if (i > 0)
                output.WriteLine();
            tables[i].WriteTo(output, _breaksTables && _output.Width > 0 ? _output.Width : int.MaxValue);
        }
    });

    // The same type may be indented in a file.
    private static string OneLine<T>(T value, JsonTypeInfo<T> type)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = type.Options.Encoder }))
            JsonSerializer.Serialize(writer, value, type);
        return Printable.Json(Encoding.UTF8.GetString(bytes.ToArray()));
    }

    /// <summary>Writes the result of a command as text.</summary>
    /// <exception cref="DataException">stdout is closed or full.</exception>
    public void WriteResult(Action<TextWriter> write)
    {
        try
        {
            write(_output.Writer);
            _output.Writer.Flush();
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw new DataException(OutputFailure(e), e);
        }
    }

    /// <summary>The line for a failure to write to stdout.</summary>
    public static string OutputFailure(Exception failure) => $"stdout: cannot be written: {Printable.OneLine(failure.Message)}";

    /// <summary>Reports why the command failed, in one line, or in those of a compiler or a stack trace.</summary>
    public void WriteError(string message)
    {
        _reporter.Abandon();
        _reporter.WriteLine($"error: {message}");
    }

    // A dumb terminal gets what a pipe gets.
    private static bool IsDrawable(IAnsiConsoleOutput stream, Func<string, string?> environment) => stream.IsTerminal && environment("TERM") != "dumb";

    // Colours and control codes are set here. Spectre's detection would read the process, not the stream and
    // environment of this object.
    private static IAnsiConsole Create(IAnsiConsoleOutput stream, Func<string, string?> environment)
    {
        bool drawable = IsDrawable(stream, environment);
        bool coloured = drawable && string.IsNullOrEmpty(environment("NO_COLOR"));
        return AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = stream,
            // On Windows the console's control codes must be switched on; detection does that.
            Ansi = !drawable ? AnsiSupport.No : OperatingSystem.IsWindows() ? AnsiSupport.Detect : AnsiSupport.Yes,
            ColorSystem = coloured ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            // A build server is not a terminal, whatever its environment variables are.
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
    }
}
