using System.CommandLine;
using System.CommandLine.Completions;
using System.Text.RegularExpressions;
using VideoSim.Cli.Help;

namespace VideoSim.Cli.Completion;

/// <summary>What can stand at a place of a command line.</summary>
/// <param name="Kind">Files, folders, some words, or a value that cannot be completed.</param>
/// <param name="Words">The words.</param>
/// <param name="Several">Whether several may follow.</param>
internal sealed record CompletedValue(ValueKind Kind, IReadOnlyList<string> Words, bool Several);

/// <summary>Kinds of values.</summary>
internal enum ValueKind
{
    /// <summary>No value: an option that is a switch.</summary>
    None,

    /// <summary>A value such as a number.</summary>
    Any,

    /// <summary>One of some words.</summary>
    Words,

    /// <summary>A path of a file.</summary>
    Files,

    /// <summary>A path of a folder.</summary>
    Folders,
}

/// <summary>An option of a command.</summary>
/// <param name="Names">All names, the long one first.</param>
/// <param name="Description">What it does.</param>
/// <param name="Value">Its value.</param>
/// <param name="ValueName">Name of the value in help.</param>
internal sealed record CompletedOption(IReadOnlyList<string> Names, string Description, CompletedValue Value, string ValueName);

/// <summary>A command, for the scripts of all shells.</summary>
/// <param name="Path">Names below the program; empty for the program itself.</param>
/// <param name="Description">What it does.</param>
/// <param name="Subcommands">Name and description of its commands.</param>
/// <param name="Options">Its options.</param>
/// <param name="Argument">The values without an option; null if there are none.</param>
internal sealed partial record CompletedCommand(string Path, string Description, IReadOnlyList<(string Name, string Description)> Subcommands, IReadOnlyList<CompletedOption> Options, CompletedValue? Argument)
{
    /// <summary>All commands of the program, a command before those below it.</summary>
    public static IReadOnlyList<CompletedCommand> All(Command root) =>
        [.. CommandPath.Tree(root).Where(static command => CommandPath.Of(command) != HelpName).Select(Of), .. root.Subcommands.Where(static command => command.Name == HelpName).SelectMany(OfHelp)];

    // Behind help, the names of all commands are completed as at their own place.
    private static IEnumerable<CompletedCommand> OfHelp(Command help) => CommandPath.Tree(CommandPath.Root(help))
        .Select(Of).Select(command => Of(help) with { Path = $"{HelpName} {command.Path}".TrimEnd(), Subcommands = command.Subcommands, Argument = null });

    private static CompletedCommand Of(Command command) => new(
        CommandPath.Of(command), command.Description ?? "",
        [.. command.Subcommands.Select(static one => (one.Name, FirstSentence(one.Description)))],
        [.. CommandPath.Shown(command).Select(Of)],
        command.Arguments.FirstOrDefault() is { } argument
            ? Value(Help.ValueName.Of(argument), argument.GetCompletions(CompletionContext.Empty), command.Arguments.Count > 1 || argument.Arity.MaximumNumberOfValues > 1) : null);

    /// <summary>What can stand behind an option.</summary>
    public static CompletedOption Of(Option option)
    {
        string value = Help.ValueName.Of(option);
        string[] shown = [.. option.Aliases.Where(static alias => alias is not ("/h" or "/?" or "-?"))];
        return new CompletedOption([option.Name, .. shown], FirstSentence(option.Description),
            value.Length == 0 ? new CompletedValue(ValueKind.None, [], false) : Value(value, option.GetCompletions(CompletionContext.Empty), option.AllowMultipleArgumentsPerToken), value);
    }

    private static CompletedValue Value(string name, IEnumerable<CompletionItem> completions, bool several)
    {
        // A name such as fp32|bf16 lists the values.
        string[] words = ListOfValues().Match(name) is { Success: true } list ? list.Groups[1].Value.Split('|') : [.. completions.Select(static item => item.Label)];
        var kind = words.Length > 0 ? ValueKind.Words
            : name.Contains(Help.ValueName.File, StringComparison.Ordinal) ? ValueKind.Files
            : name.Contains(Help.ValueName.Folder, StringComparison.Ordinal) ? ValueKind.Folders : ValueKind.Any;
        return new CompletedValue(kind, words, several);
    }

    private const string HelpName = "help";

    [GeneratedRegex("^([a-z0-9]+([|][a-z0-9]+)+)( [.]{3})?$")]
    private static partial Regex ListOfValues();

    private static string FirstSentence(string? text) => (text ?? "").Split(["; ", ". "], StringSplitOptions.None)[0].TrimEnd('.');
}
