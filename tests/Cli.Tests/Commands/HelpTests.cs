using System.Text.RegularExpressions;
using VideoSim.Cli.Help;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// The help of every command is in plain words. Error messages are not tested, because they are not in one place.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed partial class HelpTests(CommandWorld world)
{
    private const int LongestSentence = 25; // words

    [Fact]
    public void Help_EveryCommand_DescribesItInPlainSentences()
    {
        string[] commands = [.. Commands("")];
        Assert.True(commands.Length > 15, string.Join(", ", commands));
        foreach (string command in commands)
        {
            string help = Help(command);
            string description = Section(help, "Description");
            Assert.True(description.EndsWith('.'), $"{command}: {description}");
            foreach (string text in Texts(help))
            {
                Assert.False(WordsForPeople().IsMatch(text), $"{command}: {text}");
                Assert.All(text.Split(['.', ';', ':']), sentence => Assert.True(sentence.Trim().Split(' ').Length <= LongestSentence, $"{command}: {sentence}"));
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("data")]
    [InlineData("kernels")]
    public void Command_OfOtherCommandsAlone_PrintsItsHelp(string group) =>
        Assert.Equal(Help(group), Shell.RunAloud(CommandText.Words(group)).AssertDone().Output);

    [Fact]
    public void HelpCommand_OfACommand_PrintsItsHelp()
    {
        Assert.Equal(Help("data import"), Shell.RunAloud("help", "data", "import").AssertDone().Output);
        Assert.Equal(Help(""), Shell.RunAloud("help").AssertDone().Output);
    }

    [Fact]
    public void Help_EveryCommand_HasExamplesExitCodesAndAPage()
    {
        var root = CommandLine.Complete(Program.Root());
        string[] commands = [.. CommandPath.Tree(root).Select(CommandPath.Of)];
        Assert.Empty(CommandExamples.Paths.Except(commands));
        foreach (string command in commands)
        {
            string help = Help(command);
            var (page, examples) = CommandExamples.Of(command);
            Assert.True(examples.Length > 0, $"{command} has no example");
            Assert.Equal("0 done, 1 failed, 2 wrong usage; 130, 143 or 129 ended by Ctrl-C, SIGTERM or SIGHUP", Section(help, "Exit codes"));
            Assert.Contains($"\nMore: {page}\n", help, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(Repository.Root, page)), page);
            foreach (var (_, line) in examples)
            {
                string[] words = CommandText.Words(line);
                Assert.Contains($"videosim {line}", Section(help, "Examples"), StringComparison.Ordinal);
                var parsed = CommandLine.Complete(Program.Root()).Parse(words);
                string? problem = UsageErrors.Of(parsed, words);
                Assert.True(problem is null, $"{line}: {problem}");
                if (command.Length > 0 && !line.StartsWith("data ", StringComparison.Ordinal) && command is not ("kernels" or "index"))
                    Assert.Equal(command, CommandPath.Of(parsed.CommandResult.Command));
            }
        }
    }

    // The examples that need no files, in an empty folder.
    [Theory]
    [InlineData("devices")]
    [InlineData("devices --json")]
    [InlineData("data synth --output-dir demo/small --videos 80 --pairs 66 --pair-videos 24 --test-videos 100 --tags 48")]
    [InlineData("reproduce --preset reference --dry-run")]
    [InlineData("inspect --model mix --preset reference")]
    [InlineData("kernels list --preset micro")]
    [InlineData("bench --model mix --preset micro --steps 3")]
    [InlineData("completion fish")]
    [InlineData("presets tiny --model uniter")]
    [InlineData("presets --schema")]
    [InlineData("help data import")]
    public void Example_WithoutFiles_Works(string line)
    {
        Assert.Contains(line, CommandExamples.Paths.SelectMany(static path => CommandExamples.Of(path).Examples).Select(static example => example.Line));
        var outcome = ChildProcess.RunIn(Directory.CreateDirectory(world.New()).FullName, CommandText.Words(line));
        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(80)]
    [InlineData(120)]
    public void Help_Terminal_HasNoLineThatIsTooLong(int width)
    {
        foreach (var command in CommandPath.Tree(CommandLine.Complete(Program.Root())))
        {
            var text = new StringWriter { NewLine = "\n" };
            new HelpWriter(text, width).Write(command);
            string[] lines = text.ToString().Split('\n');
            // A word that is wider than the terminal stays whole.
            Assert.All(lines, line => Assert.True(line.Length < width || !line.Trim(' ', '\\').Contains(' ', StringComparison.Ordinal), $"{CommandPath.Of(command)}: {line}"));
            // A command that goes on in the next line can be copied; no line ends within quotes.
            Assert.All(lines, line => Assert.True(line.Count(static c => c == '\'') % 2 == 0 || !line.EndsWith('\\'), line));
            foreach (var (_, example) in CommandExamples.Of(CommandPath.Of(command)).Examples)
                Assert.Contains($"videosim {example}", Continuation().Replace(text.ToString(), " "), StringComparison.Ordinal);
        }
    }

    /// <summary>Every option with a value names it; FILE and DIR are completed as paths.</summary>
    [Fact]
    public void ValueNames_OfEveryOption_TellWhatItIs()
    {
        foreach (var command in CommandPath.Tree(CommandLine.Complete(Program.Root())))
        {
            Assert.All(CommandPath.Options(command), option => Assert.True(option.Name == CommonOptions.Title || !ValueName.Of(option).StartsWith("TEXT", StringComparison.Ordinal), $"{CommandPath.Of(command)} {option.Name}"));
            Assert.All(command.Arguments, argument => Assert.DoesNotMatch("^[a-z]", ValueName.Of(argument)));
        }
    }

    /// <summary>All commands with a command's subcommands, depth first.</summary>
    private static IEnumerable<string> Commands(string parent)
    {
        yield return parent;
        foreach (string line in Lines(Section(Help(parent), "Commands")))
        {
            foreach (string command in Commands($"{parent} {line.Split(' ', 2)[0]}".Trim()))
                yield return command;
        }
    }

    private static string Help(string command)
    {
        string[] names = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return Shell.RunAloud([.. names, "--help"]).AssertDone().Output;
    }

    /// <summary>The lines below a heading, without their indentation; empty if there is no such heading.</summary>
    private static string Section(string help, string heading)
    {
        var match = Regex.Match(help, $@"^{heading}:\n(.*?)\n\n", RegexOptions.Multiline | RegexOptions.Singleline);
        return string.Join('\n', Lines(match.Groups[1].Value));
    }

    /// <summary>The description and the texts of arguments, options and subcommands.</summary>
    private static IEnumerable<string> Texts(string help) =>
        Lines(Section(help, "Description")).Concat(new[] { "Arguments", "Options", "Commands" }
            .SelectMany(heading => Lines(Section(help, heading))).Select(static line => Columns().Split(line, 2)[^1]));

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    [GeneratedRegex(@"\b(who|whom|whose|whoever|nobody|somebody|asks?|asked|wants?|wanted|knows?)\b", RegexOptions.IgnoreCase)]
    private static partial Regex WordsForPeople();

    [GeneratedRegex(@" \\\n +")]
    private static partial Regex Continuation();

    [GeneratedRegex(" {2,}")]
    private static partial Regex Columns();
}
