using System.CommandLine;
using VideoSim.Cli.Help;
using Xunit;

namespace VideoSim.Cli.Tests.Commands;

/// <summary>What holds for every option and every argument of every command.</summary>
[Collection(nameof(CommandTests))]
public sealed class CommandLineTests(CommandWorld world)
{
    private static readonly Command[] All = [.. CommandPath.Tree(CommandLine.Complete(Program.Root())).Skip(1)];

    [Fact]
    public void OptionOfOneValue_GivenTwice_IsRefusedInOneLine()
    {
        int options = 0;
        foreach (var (command, option) in Options(static option => option.Arity.MaximumNumberOfValues == 1 && ValueName.Of(option).Length > 0))
        {
            options++;
            Shell.Run([.. Path(command), option.Name, "1", option.Name, "2"]).AssertFailed(2, $"{option.Name} takes one value, and 2 are given");
        }
        Assert.True(options > 100);
    }

    [Fact]
    public void OptionOfSeveralValues_UnknownOptionBehindIt_TakesNoneOfThem()
    {
        int options = 0;
        foreach (var (command, option) in Options(static option => option.Arity.MaximumNumberOfValues > 1))
        {
            options++;
            Shell.Run([.. Path(command), option.Name, "1", "--no-such"]).AssertFailed(2, "there is no option '--no-such' (see");
            Shell.Run([.. Path(command), option.Name, "--no-such=3"]).AssertFailed(2, "there is no option '--no-such' (see");
        }
        Assert.True(options > 10);
    }

    [Fact]
    public void Argument_UnknownOptionInItsPlace_IsNoValue()
    {
        foreach (var command in All.Where(static command => command.Arguments.Count > 0))
        {
            Shell.Run([.. Path(command), "--no-such"]).AssertFailed(2, "there is no option '--no-such' (see");
            Shell.Run([.. Path(command), "1", "--no-such"]).AssertFailed(2, "there is no option '--no-such' (see");
        }
    }

    [Theory]
    [InlineData("report RUN --html x.html", "there is no option '--html'")]
    [InlineData("report RUN -o x.html", "there is no option '-o'; did you mean '--output'?")]
    [InlineData("reproduce --models mix --preste micro", "there is no option '--preste'; did you mean '--preset'?")]
    [InlineData("embed --records DATA --outpt NEW", "there is no option '--outpt'; did you mean '--output'?")]
    [InlineData("presets --modle mix", "there is no option '--modle'; did you mean '--model'?")]
    [InlineData("help pretrain --json", "there is no option '--json' of 'help'; 'reproduce', 'data import', 'data synth', 'data inspect' and ")]
    [InlineData("data --json", "there is no option '--json' of 'data'; 'data import', 'data synth', 'data inspect', 'data verify' and ")]
    [InlineData("--json", "there is no option '--json' without a command; 'reproduce', 'data import', 'data synth', 'data inspect' and ")]
    [InlineData("--version --json", "there is no option '--json' without a command; ")]
    [InlineData("pretrain —model mix", "there is no option '—model'; did you mean '--model'?")]
    [InlineData("pretrain –seed=3", "there is no option '–seed=3'; did you mean '--seed'?")]
    [InlineData("embed --title —id", "embed needs either --records, or --frames and --title")]
    [InlineData("embed --title -id", "embed needs either --records, or --frames and --title")]
    [InlineData("embed --title=--id", "embed needs either --records, or --frames and --title")]
    [InlineData("ensemble --inputs a.zip b.zip --weights 1 -2 --output NEW", "--weights: -2 is not a positive number")]
    public void Words_ThatLookLikeOptions_AreReadAsMeant(string command, string line) =>
        Shell.Run([.. CommandText.Words(command).Select(Real)]).AssertFailed(2, line);

    [Theory]
    [InlineData("report -- --no-such", 2, "report needs --output")]
    [InlineData("data inspect -- --no-such", 1, "--no-such: there is no such file")]
    [InlineData("search --embeddings @FILE --id @d", 1, "@FILE")]
    [InlineData("embed --checkpoint @d --frames @FILE --title @home --output NEW.zip", 1, "--checkpoint @d: there is no such folder")]
    [InlineData("data inspect @FILE", 1, "@FILE: there is no such file")]
    public void Words_ThatMayBeginWithAnything_AreNoOptionsAndNoFilesOfOptions(string command, int exitCode, string line) =>
        Shell.Run([.. CommandText.Words(command).Select(Real)]).AssertFailed(exitCode, Real(line));

    [Fact]
    public async Task Parsing_ThatFailsItself_IsOneLine()
    {
        var root = new RootCommand { new Command("broken") };
        root.Subcommands[0].Validators.Add(static _ => throw new FormatException("no\nreason"));
        var (error, real) = (new StringWriter(), Console.Error);
        Console.SetError(error);
        try
        {
            Assert.Equal(2, await CommandLine.RunAsync(["broken"], root));
        }
        finally
        {
            Console.SetError(real);
        }
        Assert.Equal("error: the command line cannot be read: no\\u000areason (see 'videosim --help')", error.ToString().TrimEnd());
    }

    private static IEnumerable<(Command, Option)> Options(Func<Option, bool> filter) =>
        from command in All where command.Subcommands.Count == 0 from option in CommandPath.Options(command) where filter(option) select (command, option);

    private static string[] Path(Command command) => CommandPath.Of(command).Split(' ');

    private string Real(string text) => text.Replace("DATA", world.Data, StringComparison.Ordinal).Replace("RUN", world.Pretrained, StringComparison.Ordinal)
        .Replace("FILE", System.IO.Path.Combine(world.Data, "vocab.txt"), StringComparison.Ordinal).Replace("NEW", world.New(), StringComparison.Ordinal);
}
