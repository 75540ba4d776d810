using System.CommandLine;
using System.Globalization;
using VideoSim.Fuzz;

var coverage = Coverage.Begin();
if (args is ["work", var work, var output, var key, var executionsText, var minutesText, var secondsText])
{
    var budget = new Budget(Value<long>(executionsText), Value<double>(minutesText), Value<double>(secondsText));
    return new Child(work, output, ulong.Parse(key, CultureInfo.InvariantCulture), budget, coverage).Run();
}

var formats = new Argument<string[]>("format") { Description = "names of formats; all if left out", Arity = ArgumentArity.ZeroOrMore };
var executions = new Option<long?>("--executions") { Description = "inputs for each format" };
var minutes = new Option<double?>("--cpu-minutes") { Description = "processor time for each format; with --executions, only for formats that take 0.2 ms or more" };
var seconds = new Option<double?>("--seconds") { Description = "time of the clock for all formats" };
var seed = new Option<ulong>("--seed") { Description = "key of all random numbers", DefaultValueFactory = static _ => 1 };
var jobs = new Option<int>("--jobs") { Description = "processes at a time", DefaultValueFactory = static _ => Environment.ProcessorCount };
var folder = new Option<string>("--output-dir") { Description = "folder for inputs with findings", DefaultValueFactory = static _ => Path.Combine("artifacts", "fuzz") };
var log = new Option<string?>("--log") { Description = "file for the table of results" };
var run = new Command("run", "Fuzzes formats.") { formats, executions, minutes, seconds, seed, jobs, folder, log };
run.SetAction(parsed =>
{
    string[] names = parsed.GetValue(formats) is { Length: > 0 } some ? [.. some.Select(static name => FormatList.Find(name).Name)] : [.. FormatList.Names];
    int processes = Math.Clamp(parsed.GetValue(jobs), 1, names.Length);
    var budget = new Budget(parsed.GetValue(executions), parsed.GetValue(minutes), parsed.GetValue(seconds) * processes / names.Length);
    return Campaign.Run(names, parsed.GetValue(folder)!, parsed.GetValue(seed), budget, processes, parsed.GetValue(log)) > 0 ? 1 : 0;
});

var list = new Command("list", "Lists the formats and their readers.");
list.SetAction(static _ =>
{
    foreach (var format in FormatList.All())
        Console.WriteLine($"{format.Name,-22} {format.Reader}");
});

var files = new Argument<string[]>("file") { Description = "inputs; the folder of each has the name of its format", Arity = ArgumentArity.OneOrMore };
var replay = new Command("replay", "Reads inputs again.") { files };
replay.SetAction(parsed => Replay.Run(parsed.GetValue(files)!));

var file = new Argument<string>("file") { Description = "an input with a finding; the folder has the name of its format" };
var minimize = new Command("minimise", "Makes an input smaller while it has the same finding.") { file };
minimize.SetAction(parsed => Replay.Minimize(parsed.GetValue(file)!));

return new RootCommand("Fuzzes every format that VideoSim reads.") { run, list, replay, minimize }.Parse(args).Invoke();

static T? Value<T>(string text) where T : struct, IParsable<T> => text.Length == 0 ? null : T.Parse(text, CultureInfo.InvariantCulture);
