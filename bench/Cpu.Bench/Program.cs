using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Running;
using VideoSim.Cpu.Bench;

// Cpu.Bench [--filter PATTERN...] [--list flat] [other options of BenchmarkDotNet]
// Without a filter it measures everything.
Type[] groups = [typeof(Ceilings), typeof(Products), typeof(RowKernels), typeof(InputPath), typeof(Tokenizers), typeof(StartUp)];
string[] informing = ["--list", "--help", "--version", "--info"];

// The library reads --filter=PATTERN, too, and names of options in any case.
var options = args.SelectMany(static option => option.StartsWith("--filter=", StringComparison.OrdinalIgnoreCase) ? option.Split('=', 2) : [option]).ToList();
int filter = options.FindIndex(static option => option.ToUpperInvariant() is "--FILTER" or "-F");
if (filter < 0)
{
    options.AddRange(["--filter", "*"]);
}
else
{
    string[] patterns = [.. options.Skip(filter + 1).TakeWhile(static option => !option.StartsWith('-'))];
    if (!groups.SelectMany(static group => BenchmarkConverter.TypeToBenchmarks(group).BenchmarksCases).Any(new GlobFilter(patterns).Predicate))
    {
        Console.Error.WriteLine($"--filter {string.Join(' ', patterns)}: no subject has such a name");
        return 1;
    }
    options.Insert(filter + 1, "*.Ceilings.*"); // every run measures the ceilings, which come first
}
var reports = BenchmarkSwitcher.FromTypes(groups).Run([.. options], Settings.Of(new Figures())).SelectMany(static summary => summary.Reports).ToList();
bool isDone = reports.Count > 0 ? reports.TrueForAll(static report => report.Success) : informing.Any(args.Contains);
return isDone ? 0 : 1;
