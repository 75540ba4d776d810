using VideoSim.Cli.Completion;
using VideoSim.Cli.Help;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// The scripts have every command, option and value. tests/complete-in-shells.py runs those of bash, zsh and fish; the
/// script for PowerShell is tested here only.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed class CompletionTests
{
    [Theory]
    [InlineData("bash", "'data synth')")]
    [InlineData("zsh", "_videosim_data_synth()")]
    [InlineData("fish", "\"__videosim_is 'data synth'\"")]
    [InlineData("pwsh", "'data synth' = @{")]
    public void Script_OfEveryShell_HasAllNames(string shell, string place)
    {
        string script = Script(shell);
        Assert.Contains(place, script, StringComparison.Ordinal);
        var root = CommandLine.Complete(Program.Root());
        foreach (var command in CommandPath.Tree(root))
        {
            Assert.Contains(CommandPath.Of(command).Split(' ')[^1], script, StringComparison.Ordinal);
            Assert.All(CommandPath.Shown(command), option => Assert.Contains(shell == "fish" ? $"-l {option.Name[2..]}" : option.Name, script, StringComparison.Ordinal));
        }
        foreach (string words in new[] { "mix-asl", "reference", "dropout", "claims", "fp32", "finetune", "all" })
            Assert.Contains(words, script, StringComparison.Ordinal);
        Assert.DoesNotContain("Float32", script, StringComparison.Ordinal); // a name of .NET
    }

    [Fact]
    public void Script_OfPowerShell_IsBalancedAndQuotes()
    {
        string script = Script("pwsh");
        Assert.StartsWith("# Completion of videosim for PowerShell.", script, StringComparison.Ordinal);
        Assert.Contains("Register-ArgumentCompleter -Native -CommandName videosim -ScriptBlock {", script, StringComparison.Ordinal);
        foreach (string line in script.Split('\n'))
            Assert.True(line.Count(static c => c == '\'') % 2 == 0 || line.StartsWith('#'), line);
        string bare = System.Text.RegularExpressions.Regex.Replace(script, "'[^']*'", "");
        foreach (var (open, close) in new[] { ('{', '}'), ('(', ')'), ('[', ']') })
            Assert.Equal(bare.Count(one => one == open), bare.Count(one => one == close));
        Assert.Contains("'the challenge''s files'", script.Replace("folder with ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--data", ValueKind.Folders)]
    [InlineData("--encoder", ValueKind.Folders)]
    [InlineData("--vocab", ValueKind.Files)]
    [InlineData("--model", ValueKind.Words)]
    [InlineData("--seed", ValueKind.Any)]
    [InlineData("--eager", ValueKind.None)]
    public void Value_OfAnOption_FollowsFromItsName(string option, object kind)
    {
        var pretrain = CompletedCommand.All(CommandLine.Complete(Program.Root())).Single(static command => command.Path == "pretrain");
        Assert.Equal((ValueKind)kind, pretrain.Options.Single(one => one.Names[0] == option).Value.Kind);
    }

    private static string Script(string shell) => Shell.RunAloud("completion", shell).AssertDone().Output;
}
