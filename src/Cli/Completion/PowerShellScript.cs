using System.Text;

namespace VideoSim.Cli.Completion;

/// <summary>The script for PowerShell. For paths it returns nothing; then PowerShell completes paths itself.</summary>
internal static class PowerShellScript
{
    private const string Head = """
        # Completion of videosim for PowerShell. In $PROFILE: videosim completion pwsh | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName videosim -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $commands = @{

        """;

    private const string Tail = """
            }
            $path = ''
            $option = ''
            $used = 0
            foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
                if ($element.Extent.EndOffset -ge $cursorPosition -and $wordToComplete) { break }
                $word = "$element"
                $longer = "$path $word".Trim()
                if ($word.StartsWith('-')) { $option = $word; $used = 0 }
                elseif ($commands.ContainsKey($longer)) { $path = $longer; $option = ''; $used = 0 }
                else { $used++ }
            }
            $command = $commands[$path]
            $value = $command.Values[$option]
            if ($wordToComplete.StartsWith('-')) { $found = $command.Options }
            elseif ($value -and ($used -eq 0 -or $value.Several)) {
                $found = [ordered]@{}
                foreach ($word in $value.Words) { $found[$word] = $word }
            }
            else { $found = $command.Words }
            foreach ($name in $found.Keys) {
                if ($name.StartsWith($wordToComplete)) {
                    [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $found[$name])
                }
            }
        }

        """;

    /// <summary>The script.</summary>
    public static string Of(IReadOnlyList<CompletedCommand> commands)
    {
        var script = new StringBuilder(Head);
        foreach (var command in commands)
        {
            var words = command.Subcommands.Concat((command.Argument?.Words ?? []).Select(static word => (word, word)));
            script.Append($"        {Quoted(command.Path)} = @{{\n            Words = {Table(words)}\n");
            script.Append($"            Options = {Table(command.Options.Select(static option => (option.Names[0], option.Description)))}\n            Values = @{{\n");
            foreach (var option in command.Options.Where(static option => option.Value.Kind != ValueKind.None))
            {
                foreach (string name in option.Names)
                    script.Append($"                {Quoted(name)} = @{{ Several = ${(option.Value.Several ? "true" : "false")}; Words = @({string.Join(", ", option.Value.Words.Select(Quoted))}) }}\n");
            }
            script.Append("            }\n        }\n");
        }
        return script.Append(Tail).ToString();
    }

    private static string Table(IEnumerable<(string Name, string Description)> entries) =>
        $"[ordered]@{{ {string.Join("; ", entries.Select(static entry => $"{Quoted(entry.Name)} = {Quoted(entry.Description)}"))} }}";

    private static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
