using System.CommandLine;
using VideoSim.Cli.Help;
using VideoSim.Engine.Serialization;

namespace VideoSim.Cli.Commands;

/// <summary><c>help</c>: the same as <c>--help</c> behind a command.</summary>
internal static class HelpCommand
{
    public static Command Create()
    {
        var names = new Argument<string[]>("command") { Description = "the command, such as data import; all commands if left out", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("help", "Show the help of a command.") { names };
        command.Checks(result =>
        {
            string path = string.Join(' ', result.GetValue(names) ?? []);
            string[] all = [.. CommandPath.Tree(CommandPath.Root(command)).Select(CommandPath.Of)];
            if (!all.Contains(path))
                result.AddError($"there is no command {Printable.Quote(path)}{Suggestion.Text(path, all)}");
        });
        command.SetAction(parsed =>
        {
            string path = string.Join(' ', parsed.GetValue(names)!);
            return HelpAction.Write(CommandPath.Tree(CommandPath.Root(command)).First(one => CommandPath.Of(one) == path), parsed);
        });
        return command;
    }
}
