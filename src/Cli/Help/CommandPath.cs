using System.CommandLine;

namespace VideoSim.Cli.Help;

/// <summary>The place of a command in the tree of commands.</summary>
internal static class CommandPath
{
    /// <summary>Name of the program.</summary>
    public const string Program = "videosim";

    /// <summary>The names below the program, such as <c>data import</c>; empty for the program itself.</summary>
    public static string Of(Command command) => string.Join(' ', Up(command).Reverse().Skip(1).Select(static one => one.Name));

    /// <summary>A command and all commands below it, depth first.</summary>
    public static IEnumerable<Command> Tree(Command command) => command.Subcommands.SelectMany(Tree).Prepend(command);

    /// <summary>Whether a command has only other commands. <c>bench</c> has one, too, but measures.</summary>
    public static bool IsGroup(Command command) => command.Subcommands.Count > 0 && !command.Options.Any(static option => option.Required);

    /// <summary>The program that a command belongs to.</summary>
    public static Command Root(Command command) => Up(command).Last();

    /// <summary>The options that a command has because a command above it has them.</summary>
    public static IEnumerable<Option> Inherited(Command command) => Up(command).SelectMany(static one => one.Options).Where(static option => option.Recursive);

    /// <summary>All options that a command accepts, the hidden ones too: they are refused with a reason.</summary>
    public static IEnumerable<Option> Options(Command command) => command.Options.Where(static option => !option.Recursive).Concat(Inherited(command));

    /// <summary>The options that help and completion show.</summary>
    public static IEnumerable<Option> Shown(Command command) => Options(command).Where(static option => !option.Hidden);

    // From the command up to the program itself.
    private static IEnumerable<Command> Up(Command command)
    {
        for (var one = command; one is not null; one = one.Parents.OfType<Command>().FirstOrDefault())
            yield return one;
    }
}
