using System.Text;

namespace VideoSim.Cli.Completion;

/// <summary>The script for zsh: a function for each command, on zsh's own <c>_arguments</c>.</summary>
internal static class ZshScript
{
    private const string Head = """
        #compdef videosim
        # Completion of videosim for zsh. In ~/.zshrc, after compinit: source <(videosim completion zsh)

        """;

    private const string Tail = """
        if [[ $funcstack[1] == _videosim ]]; then
            _videosim "$@"
        else
            compdef _videosim videosim
        fi

        """;

    /// <summary>The script.</summary>
    public static string Of(IReadOnlyList<CompletedCommand> commands)
    {
        var script = new StringBuilder(Head);
        foreach (var command in commands)
        {
            script.Append($"{Function(command.Path)}() {{\n");
            if (command.Subcommands.Count > 0)
                script.Append("    local context state state_descr line\n    typeset -A opt_args\n");
            script.Append($"    _arguments {(command.Subcommands.Count > 0 ? "-C " : "")}\\\n");
            foreach (var option in command.Options)
                script.Append($"        {Spec(option)} \\\n");
            if (command.Subcommands.Count > 0)
            {
                script.Append("        ':command:->command' '*::argument:->argument'\n    case $state in\n        command)\n            local -a commands=(\n");
                foreach (var (name, description) in command.Subcommands)
                    script.Append($"                '{name}:{Quoted(description)}'\n");
                script.Append("            )\n            _describe command commands ;;\n        argument)\n            case $line[1] in\n");
                foreach (var (name, _) in command.Subcommands)
                    script.Append($"                {name}) {Function($"{command.Path} {name}".TrimStart())} ;;\n");
                script.Append("            esac ;;\n    esac\n");
            }
            else if (command.Argument is { } argument)
            {
                script.Append($"        '{(argument.Several ? "*" : "")}:argument:{Action(argument, "")}'\n");
            }
            else
            {
                script.Append("        && return\n");
            }
            script.Append("}\n\n");
        }
        return script.Append(Tail).ToString();
    }

    private static string Spec(CompletedOption option)
    {
        string text = $"[{Escaped(option.Description)}]", value = option.Value.Kind == ValueKind.None ? "" : $":{(option.Value.Several ? "*-*:" : "")}{Escaped(option.ValueName)}:{Action(option.Value, option.ValueName)}";
        if (option.Names.Count == 1)
            return $"'{(option.ValueName == "KEY=VALUE" ? "*" : "")}{option.Names[0]}{(value.Length > 0 && !option.Value.Several ? "=" : "")}{text}{value}'";
        return $"'({string.Join(' ', option.Names)})'{{{string.Join(',', option.Names)}}}'{text}{value}'";
    }

    private static string Action(CompletedValue value, string name) => value.Kind switch
    {
        ValueKind.Words when value.Words[0].EndsWith('=') => $"{{compadd -S \"\" -- {string.Join(' ', value.Words)}}}",
        ValueKind.Words => $"({string.Join(' ', value.Words.Select(static word => word.Replace(":", "\\:", StringComparison.Ordinal)))})",
        // A key before the path: bert=FOLDER.
        ValueKind.Files => name.StartsWith('[') ? "{compset -P \"*=\"; _files}" : "_files",
        ValueKind.Folders => name.StartsWith('[') ? "{compset -P \"*=\"; _files -/}" : "_files -/",
        _ => " ",
    };

    private static string Function(string path) => path.Length == 0 ? "_videosim" : $"_videosim_{path.Replace(' ', '_').Replace('-', '_')}";

    private static string Escaped(string text) => Quoted(text).Replace("[", "\\[", StringComparison.Ordinal).Replace("]", "\\]", StringComparison.Ordinal);

    private static string Quoted(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal).Replace("'", "'\\''", StringComparison.Ordinal);
}
