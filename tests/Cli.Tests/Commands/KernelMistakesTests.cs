using System.Text.RegularExpressions;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Interop;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>The mistakes of docs/kernel-mistakes.md: each change of a line gives the message beside it.</summary>
[Collection(nameof(CommandTests))]
public sealed partial class KernelMistakesTests(CommandWorld world)
{
    private const int EachQuick = 6; // one of so many without the long tests

    private static readonly string Page = File.ReadAllText(Path.Combine(Repository.Root, "docs/kernel-mistakes.md"));

    /// <summary>A section of the page, and the name of a row.</summary>
    public static TheoryData<string, string> Rows
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (i, row) in RowsOf("Mistakes").Select(static row => ("Mistakes", row)).Concat(RowsOf("Allowed").Select(static row => ("Allowed", row))).Index())
            {
                if (LongTests.Run || i % EachQuick == 0)
                    data.Add(row.Item1, row.row.Name);
            }
            return data;
        }
    }

    [Fact]
    public void Page_HasMistakesAndWhatIsAllowed() => Assert.Equal((21, 5), (RowsOf("Mistakes").Length, RowsOf("Allowed").Length));

    [Theory]
    [MemberData(nameof(Rows))]
    public void Check_ChangedLine_SaysWhatThePageHas(string section, string name)
    {
        Assert.SkipWhen(EmulatorBuild.Problem is not null, EmulatorBuild.Problem ?? "");
        Assert.SkipWhen(NativeLibraries.Nvrtc.Problem is not null, NativeLibraries.Nvrtc.Problem ?? "");
        var row = RowsOf(section).Single(row => row.Name == name);
        string[] lines = Regex.Match(Page, "```cuda\n(.*?)```", RegexOptions.Singleline).Groups[1].Value.Split('\n');
        lines[row.Line - 1] = row.Text;
        string folder = Directory.CreateDirectory(world.New()).FullName;
        File.WriteAllText(Path.Combine(folder, "Narrow.cu"), string.Join('\n', lines));
        var outcome = ChildProcess.RunAloud(new() { ["XDG_CACHE_HOME"] = world.Cache }, ["kernels", "check", "narrow", "--kernels", folder]);
        Assert.Equal(section == "Allowed" ? 0 : 1, outcome.ExitCode);
        string said = outcome.Error.ReplaceLineEndings(" "), expected = Regex.Escape(row.Message).Replace("…", ".*", StringComparison.Ordinal);
        Assert.True(Regex.IsMatch(said, expected), $"{name}: '{row.Message}' is not in\n{outcome.Error}");
    }

    private static (string Name, int Line, string Text, string Message)[] RowsOf(string section)
    {
        string text = Regex.Match(Page, $"^## {section}\n(.*?)(?=^## |\\Z)", RegexOptions.Multiline | RegexOptions.Singleline).Groups[1].Value;
        return [.. Row().Matches(text).Select(static match => (match.Groups["name"].Value, int.Parse(match.Groups["line"].ValueSpan), match.Groups["text"].Value, match.Groups["message"].Value))];
    }

    [GeneratedRegex(@"^\| (?<name>[^|]+) \| (?<line>\d+) \| `(?<text>[^|]*)` \| (?<message>[^|]*?) ?\|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
