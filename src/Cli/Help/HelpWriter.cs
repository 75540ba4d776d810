using System.Collections;
using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Spectre.Console;
using VideoSim.Cli.Output;

namespace VideoSim.Cli.Help;

/// <summary>
/// Writes the help of a command: description, usage, arguments, options, subcommands, examples, exit codes and a page
/// of the documentation. On a narrow terminal a description stands below its name instead of beside it.
/// </summary>
/// <param name="output">Receives the help.</param>
/// <param name="width">
/// Columns of the terminal; <see cref="int.MaxValue"/> for a pipe, where no line is broken.
/// </param>
internal sealed partial class HelpWriter(TextWriter output, int width)
{
    private const char Glue = '\u00A0'; // a blank where no line is broken

    private const int Narrow = 72, WidestName = 34, Indentation = 2;

    /// <summary>The columns of stdout; <see cref="int.MaxValue"/> if it is no terminal, or a dumb one.</summary>
    public static int WidthOfOutput => Console.IsOutputRedirected || Environment.GetEnvironmentVariable("TERM") == "dumb" ? int.MaxValue : Console.WindowWidth > 0 ? Console.WindowWidth : 80;

    /// <summary>Writes the help of a command.</summary>
    public void Write(Command command)
    {
        string path = CommandPath.Of(command);
        Section("Description", () => Lines(command.Description ?? "", Indentation));
        Section("Usage", () => Lines(Glued(Usage(command, path)), Indentation));
        Rows("Commands", command.Subcommands.Where(static one => !one.Hidden).Select(static one => (one.Name, one.Description ?? "")));
        Rows("Arguments", command.Arguments.Select(static argument => (ValueName.Of(argument), Description(argument.Description, argument.HasDefaultValue ? argument.GetDefaultValue() : null))));
        Rows("Options", Options(command).Select(static option => (Label(option), Description(option))));
        var help = CommandExamples.Of(path);
        Section("Examples", () =>
        {
            foreach (var (what, line) in help.Examples)
                Example(what, $"{CommandPath.Program} {line}");
        });
        Section("Exit codes", () => Lines("0 done, 1 failed, 2 wrong usage; 130, 143 or 129 ended by Ctrl-C, SIGTERM or SIGHUP", Indentation));
        output.WriteLine($"More: {help.Page}");
    }

    private static string Usage(Command command, string path)
    {
        string name = path.Length == 0 ? CommandPath.Program : $"{CommandPath.Program} {path}";
        var parts = new List<string> { name };
        if (CommandPath.IsGroup(command))
            parts.Add("COMMAND");
        parts.AddRange(command.Arguments.Select(static argument => argument.Arity.MinimumNumberOfValues > 0 ? ValueName.Of(argument) : $"[{ValueName.Of(argument)}]"));
        parts.AddRange(command.Options.Where(static option => option.Required).Select(static option => $"{option.Name} {ValueName.Of(option)}"));
        return string.Join(' ', parts.Append("[options]"));
    }

    // Those that must be given come first, those of all commands last.
    private static IEnumerable<Option> Options(Command command) =>
        CommandPath.Shown(command).OrderBy(static option => option.Required ? 0 : option.Recursive ? 2 : 1);

    private static string Label(Option option)
    {
        string names = string.Join(", ", option.Aliases.Where(static alias => alias.Length < 3 && alias != "/h" && alias != "/?").Append(option.Name));
        return ValueName.Of(option) is { Length: > 0 } value ? $"{names} {value}" : names;
    }

    private static string Description(Option option) => option.Required ? $"{option.Description} [required]"
        : Description(option.Description, option.HasDefaultValue && option.ValueType != typeof(bool) ? option.GetDefaultValue() : null);

    private static string Description(string? text, object? value)
    {
        string shown = value switch { null => "", string alone => alone, IEnumerable => "", IFormattable number => number.ToString(null, CultureInfo.InvariantCulture), _ => $"{value}" };
        return shown.Length == 0 ? text ?? "" : $"{text} [default: {shown}]";
    }

    private void Section(string heading, Action write)
    {
        output.WriteLine($"{heading}:");
        write();
        output.WriteLine();
    }

    private void Rows(string heading, IEnumerable<(string Name, string Text)> all)
    {
        (string Name, string Text)[] rows = [.. all];
        if (rows.Length == 0)
            return;
        int names = Math.Min(WidestName, rows.Max(static row => row.Name.GetCellWidth()));
        Section(heading, () =>
        {
            foreach (var (name, text) in rows)
            {
                if (width < Narrow)
                {
                    Lines(name, Indentation);
                    Lines(text, 3 * Indentation);
                    continue;
                }
                int column = names + 2 * Indentation;
                bool beside = name.GetCellWidth() <= names || width == int.MaxValue;
                string[] lines = [.. TextLayout.Wrap(text, Room(column))];
                output.WriteLine(beside ? $"{Blanks(Indentation)}{name}{Blanks(Math.Max(names - name.GetCellWidth(), 0) + Indentation)}{lines[0]}" : $"{Blanks(Indentation)}{name}");
                foreach (string line in lines.Skip(beside ? 1 : 0))
                    output.WriteLine($"{Blanks(column)}{line}");
            }
        });
    }

    // Each line of a comment begins with #, and a command goes on behind a backslash, so that both can be copied.
    private void Example(string what, string line)
    {
        const string Comment = "# ", Continuation = " \\";
        foreach (string part in TextLayout.Wrap(what, Room(Indentation + Comment.Length)))
            output.WriteLine($"{Blanks(Indentation)}{Comment}{part}");
        string[] parts = [.. TextLayout.Wrap(Glued(line), Room(2 * Indentation + Continuation.Length))];
        for (int i = 0; i < parts.Length; i++)
            output.WriteLine($"{Blanks(i == 0 ? Indentation : 2 * Indentation)}{Unglued(parts[i])}{(i < parts.Length - 1 ? Continuation : "")}");
    }

    // An option stays with its value, and a text in quotes stays whole.
    private static string Glued(string line) => Inseparable().Replace(line, static match => match.Value.Replace(' ', Glue));

    private static string Unglued(string line) => line.Replace(Glue, ' ');

    [GeneratedRegex("--[a-z0-9-]+ (?!-)('[^']*')?|'[^']*'")]
    private static partial Regex Inseparable();

    private void Lines(string text, int indentation)
    {
        foreach (string line in TextLayout.Wrap(text, Room(indentation)))
            output.WriteLine($"{Blanks(indentation)}{Unglued(line)}");
    }

    // The last column stays free: some terminals break a line there.
    private int Room(int indentation) => width == int.MaxValue ? width : Math.Max(width - 1 - indentation, 1);

    private static string Blanks(int count) => new(' ', count);
}
