using System.Text.RegularExpressions;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>
/// The help of every command is in plain words. Error messages are not tested, because they are not in one place.
/// </summary>
[Collection(nameof(CommandTests))]
public sealed partial class HelpTests
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

    [GeneratedRegex(" {2,}")]
    private static partial Regex Columns();
}
