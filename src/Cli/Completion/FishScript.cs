using System.Text;

namespace VideoSim.Cli.Completion;

/// <summary>The script for fish.</summary>
internal static class FishScript
{
    private const string Head = """
        # Completion of videosim for fish: videosim completion fish > ~/.config/fish/completions/videosim.fish
        function __videosim_is --argument-names expected
            set -l path ''
            for word in (commandline -opc)[2..-1]
                set -l longer (string trim -- "$path $word")
                contains -- $longer $__videosim_commands; and set path $longer
            end
            test "$path" = "$expected"
        end
        function __videosim_after
            set -l last ''
            for word in (commandline -opc)
                string match -q -- '-*' $word; and set last $word
            end
            contains -- $last $argv
        end
        complete -c videosim -f

        """;

    /// <summary>The script.</summary>
    public static string Of(IReadOnlyList<CompletedCommand> commands)
    {
        var script = new StringBuilder(Head);
        script.Append($"set -g __videosim_commands {string.Join(' ', commands.Where(static command => command.Path.Length > 0).Select(static command => $"'{command.Path}'"))}\n");
        foreach (var command in commands)
        {
            string start = $"complete -c videosim -n \"__videosim_is '{command.Path}'";
            foreach (var (name, description) in command.Subcommands)
                script.Append($"{start}\" -a {name} -d {Quoted(description)}\n");
            if (command.Argument is { } argument)
                script.Append($"{start}\"{Values(argument)}\n");
            foreach (var option in command.Options)
            {
                string names = string.Concat(option.Names.Select(static name => name.StartsWith("--", StringComparison.Ordinal) ? $" -l {name[2..]}" : $" -s {name[1..]}"));
                script.Append($"{start}\"{names}{Values(option.Value)} -d {Quoted(option.Description)}\n");
                if (option.Value.Several)
                    script.Append($"{start}; and __videosim_after {option.Names[0]}\"{Values(option.Value).Replace(" -x", "", StringComparison.Ordinal).Replace(" -r", "", StringComparison.Ordinal)}\n");
            }
        }
        return script.ToString();
    }

    private static string Values(CompletedValue value) => value.Kind switch
    {
        ValueKind.None => "",
        ValueKind.Words => $" -x -a '{string.Join(' ', value.Words)}'",
        ValueKind.Files => " -r -F",
        ValueKind.Folders => " -x -a '(__fish_complete_directories)'",
        _ => " -x",
    };

    private static string Quoted(string text) => $"'{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";
}
