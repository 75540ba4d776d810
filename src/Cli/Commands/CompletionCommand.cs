using System.CommandLine;
using VideoSim.Cli.Completion;
using VideoSim.Cli.Help;
using VideoSim.Engine.Serialization;

namespace VideoSim.Cli.Commands;

/// <summary><c>completion</c>: the script with which a shell completes commands, options and values.</summary>
internal static class CompletionCommand
{
    private static readonly Dictionary<string, Func<IReadOnlyList<CompletedCommand>, string>> Scripts = new()
    {
        ["bash"] = BashScript.Of,
        ["zsh"] = ZshScript.Of,
        ["fish"] = FishScript.Of,
        ["pwsh"] = PowerShellScript.Of,
    };

    public static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = string.Join(", ", Scripts.Keys), CompletionSources = { Scripts.Keys.ToArray() } };
        shell.Validators.Add(static result =>
        {
            string name = result.Tokens[0].Value;
            if (!Scripts.ContainsKey(name))
                result.AddError($"there is no completion for {Printable.Quote(name)}; shells: {string.Join(", ", Scripts.Keys)}{Suggestion.Text(name == "powershell" ? "pwsh" : name, Scripts.Keys)}");
        });
        var command = new Command("completion", "Print a script with which a shell completes commands, options and values.") { shell };
        return command.Does((parsed, console, _) =>
        {
            string script = Scripts[parsed.GetValue(shell)!](CompletedCommand.All(CommandPath.Root(command)));
            console.WriteResult(output => output.Write(script.ReplaceLineEndings("\n")));
            return CommandLine.Done;
        });
    }
}
