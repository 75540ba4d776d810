using System.Text;

namespace VideoSim.Cli.Completion;

/// <summary>
/// The script for bash. It is static, so a completion starts no program. bash breaks words at ':' and '='; the script
/// joins them again and returns the part that bash replaces.
/// </summary>
internal static class BashScript
{
    private const string Head = """
        # Completion of videosim for bash. In ~/.bashrc: source <(videosim completion bash)
        _videosim() {
            local words=() word path= option= used=0 i n=0 commands= options= kind=any values= most=1 cur=${COMP_WORDS[COMP_CWORD]} whole bare
            for ((i = 1; i <= COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if ((n > 0)) && [[ $word == [:=]* || ${words[n - 1]} == *[:=] ]]; then
                    words[n - 1]+=$word
                else
                    words[n++]=$word
                fi
            done
            whole=${words[n - 1]}
            for ((i = 0; i < n - 1; i++)); do
                word=${words[i]}
                if [[ $word == -* ]]; then
                    option=${word%%=*} used=0
                    [[ $word == *=* ]] && used=1
                    continue
                fi
                case "$path/$word" in

        """;

    private const string Middle = """
                    *) ((used++)) ;;
                esac
            done
            if [[ $whole == --*=* ]]; then
                option=${whole%%=*} used=0 bare=${whole#*=}
            else
                bare=$whole
            fi
            case "$path" in

        """;

    private const string Tail = """
            esac
            COMPREPLY=()
            if [[ $whole == -* && $whole != --*=* ]]; then
                COMPREPLY=($(compgen -W "$options" -- "$cur"))
                return
            fi
            if ((used >= most)); then
                kind=argument
            fi
            if [[ $kind == argument ]]; then
                values=$commands kind=$argument
                [[ -n $commands ]] && kind=words
            fi
            [[ $cur == [:=] ]] && cur=
            case $kind in
                files) compopt -o filenames 2> /dev/null; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur") ;;
                folders) compopt -o filenames 2> /dev/null; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "$cur") ;;
                words)
                    COMPREPLY=($(compgen -W "$values" -- "$bare"))
                    if [[ $bare == *[:=]* ]]; then
                        word=${bare%"${bare##*[:=]}"}
                        COMPREPLY=("${COMPREPLY[@]#"$word"}")
                    fi
                    # A key waits for its value.
                    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null
                    [[ ${COMPREPLY[0]} ]] || COMPREPLY=() ;;
                none) COMPREPLY=($(compgen -W "$options" -- "$cur")) ;;
            esac
        }
        complete -F _videosim videosim

        """;

    /// <summary>The script.</summary>
    public static string Of(IReadOnlyList<CompletedCommand> commands)
    {
        var script = new StringBuilder(Head);
        foreach (var command in commands.Where(static command => command.Path.Length > 0))
        {
            int last = command.Path.LastIndexOf(' ');
            script.Append($"            '{(last < 0 ? "" : command.Path[..last])}/{command.Path[(last + 1)..]}') path='{command.Path}' option= used=0 ;;\n");
        }
        script.Append(Middle);
        foreach (var command in commands)
        {
            script.Append($"        '{command.Path}')\n            commands='{string.Join(' ', command.Subcommands.Select(static one => one.Name))}' options='{string.Join(' ', command.Options.Select(static option => option.Names[0]))}'\n");
            script.Append($"            argument={Kind(command.Argument)}{(command.Argument?.Kind == ValueKind.Words ? $" commands='{string.Join(' ', command.Argument.Words)}'" : "")}\n");
            script.Append("            case \"$option\" in\n                '') most=0 ;;\n");
            foreach (var group in command.Options.GroupBy(static option => (option.Value.Kind, Words: string.Join(' ', option.Value.Words), option.Value.Several)))
            {
                string names = string.Join('|', group.SelectMany(static option => option.Names)), most = group.Key.Kind == ValueKind.None ? "0" : group.Key.Several ? "9999" : "1";
                script.Append($"                {names}) kind={Name(group.Key.Kind)} most={most}{(group.Key.Words.Length > 0 ? $" values='{group.Key.Words}'" : "")} ;;\n");
            }
            script.Append("            esac ;;\n");
        }
        return script.Append(Tail).ToString();
    }

    private static string Kind(CompletedValue? argument) => argument is null ? "none" : Name(argument.Kind);

    private static string Name(ValueKind kind) => kind switch
    {
        ValueKind.Words => "words",
        ValueKind.Files => "files",
        ValueKind.Folders => "folders",
        ValueKind.None => "none",
        _ => "any",
    };
}
