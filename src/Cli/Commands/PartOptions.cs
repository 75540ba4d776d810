using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Reproduction;

namespace VideoSim.Cli.Commands;

/// <summary>The options of <c>reproduce</c> that share its trainings among processes.</summary>
internal sealed class PartOptions
{
    private const int LongestTakeover = 86_400;

    private readonly Option<bool> _plan = new("--plan") { Description = "list the parts, one for each training, with state, command, needs and cost; train nothing" };
    private readonly Option<string?> _part = new("--part") { HelpName = "INDEX|NAME", Description = "do one part of --plan, such as 7 or mix/fold-1; parts may run at the same time" };
    private readonly Option<bool> _worker = new("--worker") { Description = "do parts that are free until all are done; several workers may share --output-dir" };
    private readonly Option<bool> _collect = new("--collect") { Description = "when all parts are done: average, score and write the results" };
    private readonly Option<string?> _rates = new("--rates") { HelpName = ValueName.File, Description = "with --plan: results of 'bench --json', one a line, to estimate the time of the parts" };
    private readonly Option<int> _takeover = CommonOptions.Checked(
        new Option<int>("--takeover-after") { HelpName = "SECONDS", Description = "seconds without a sign of life after which another process takes over a part of this one", DefaultValueFactory = _ => (int)FileClaim.DefaultTakeover.TotalSeconds },
        static (seconds, _) =>
        {
            if (seconds is < 1 or > LongestTakeover)
                throw new DataException($"--takeover-after must be from 1 to {LongestTakeover}, not {seconds}");
        });

    private Option[] Modes => [_plan, _part, _worker, _collect];

    /// <summary>Adds the options.</summary>
    /// <param name="command">The command.</param>
    /// <param name="exclusive">Its options that are no part of a reproduction.</param>
    /// <param name="json">Its option for results as JSON.</param>
    public void AddTo(Command command, IReadOnlyList<Option> exclusive, Option json)
    {
        foreach (var option in new Option[] { _plan, _part, _worker, _collect, _rates, _takeover })
            command.Add(option);
        command.Checks(result =>
        {
            string[] given = [.. Modes.Concat(exclusive).Where(option => result.GetResult(option) is { Implicit: false }).Select(static option => option.Name)];
            if (given.Length > 1 && Modes.Any(option => option.Name == given[0]))
                throw new DataException($"{given[0]} and {given[1]} do not go together");
            if (result.GetResult(_rates) is not null && result.GetResult(_plan) is null)
                throw new DataException($"{_rates.Name}: only {_plan.Name} estimates times");
            if (result.GetResult(json) is not null && given is [var only] && (only == _part.Name || only == _worker.Name))
                throw new DataException($"{json.Name}: {only} has no result; {_collect.Name} has");
        });
    }

    /// <summary>Whether the parts are only listed.</summary>
    public bool IsPlan(ParseResult parsed) => parsed.GetValue(_plan);

    public TimeSpan TakeoverAfter(ParseResult parsed) => TimeSpan.FromSeconds(parsed.GetValue(_takeover));

    /// <summary>Lists the parts.</summary>
    public PartsPlan Plan(ParseResult parsed, ReproductionOptions chosen, bool isOnCpu, CommandConsole console)
    {
        var rates = parsed.GetValue(_rates) is { } file ? PartsPlan.ReadRates(file, chosen.Preset, console.Progress.Warn) : new Dictionary<(string, string), double>();
        return PartsPlan.Of(chosen, isOnCpu, rates, more => $"{CommandOf(parsed)} {more}");
    }

    /// <summary>Does what the options name, or the whole reproduction.</summary>
    /// <returns>The results; null if the process only did parts.</returns>
    /// <exception cref="DataException">It failed, or parts are not done.</exception>
    public ReproductionResult? Run(ParseResult parsed, ReproductionRun run, CommandConsole console)
    {
        if (parsed.GetValue(_part) is { } part)
        {
            run.RunPart(part);
            return null;
        }
        if (parsed.GetValue(_worker))
        {
            var missing = run.RunFreeParts(console.WriteError);
            return missing.Count == 0 ? null : throw new DataException($"these parts are not done: {ReproductionPart.List(missing)}");
        }
        return parsed.GetValue(_collect) ? run.Collect() : run.RunAll();
    }

    public static ResultTable Table(PartsPlan plan)
    {
        var table = new ResultTable().NumberColumn("part").TextColumn("name").TextColumn("state").TextColumn("needs").NumberColumn("TFLOP").NumberColumn("memory, GB").NumberColumn("hours").TextColumn("command");
        foreach (var part in plan.Parts)
        {
            table.Row($"{part.Index}", part.Name, part.Owner is { } owner ? $"{part.State} on {owner}" : part.State, string.Join(" ", part.Needs), Text(part.Flops / 1e12, 1),
                Text(part.MemoryBytes / 1e9, 2), part.Seconds is { } seconds ? Text(seconds / 3600, 2) : "", part.Command);
        }
        return table.Row("", "results", "", "all", "", "", "", plan.Collect);

        static string Text(double value, int decimals) => value.ToString($"N{decimals}", CultureInfo.InvariantCulture);
    }

    // The options that were given, except those of the plan.
    private string CommandOf(ParseResult parsed)
    {
        var words = new List<string> { CommandPath.Program, CommandPath.Of(parsed.CommandResult.Command) };
        foreach (var option in parsed.CommandResult.Children.OfType<OptionResult>().Where(option => !option.Implicit && option.Option != _plan && option.Option != _rates && option.Option.Name != "--json"))
        {
            string[] values = [.. option.Tokens.Select(static token => Quote(token.Value))];
            if (option.Option.AllowMultipleArgumentsPerToken || values.Length == 0)
                words.AddRange([option.Option.Name, .. values]);
            else
                words.AddRange(values.SelectMany(value => new[] { option.Option.Name, value }));
        }
        return string.Join(' ', words);
    }

    // For a POSIX shell.
    private static string Quote(string word) => word.Length > 0 && word.All(static letter => char.IsAsciiLetterOrDigit(letter) || "-_./:=,+@%".Contains(letter, StringComparison.Ordinal))
        ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
