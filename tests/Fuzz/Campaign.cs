using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace VideoSim.Fuzz;

/// <summary>Fuzzes formats, each in a process that an input may kill.</summary>
internal sealed class Campaign
{
    private readonly string _work;
    private readonly ConcurrentQueue<string> _formats;
    private readonly List<FuzzResult> _results = [];
    private readonly string _output;
    private readonly string? _log;
    private readonly ulong _seed;
    private readonly string[] _childArguments;

    private Campaign(IReadOnlyList<string> formats, string work, string output, ulong seed, Budget budget, string? log)
    {
        (_formats, _work, _output, _seed, _log) = (new(formats), work, output, seed, log);
        _childArguments =
        [
            "work", work, output, Text(seed), Text(budget.Executions), Text(budget.CpuMinutes), Text(budget.Seconds),
        ];

        static string Text(IFormattable? value) => value?.ToString(null, CultureInfo.InvariantCulture) ?? "";
    }

    /// <summary>Fuzzes formats and prints a table of the results.</summary>
    /// <param name="formats">Names of formats.</param>
    /// <param name="output">Folder for inputs with findings.</param>
    /// <param name="seed">Key of all random numbers.</param>
    /// <param name="budget">The limit of each format.</param>
    /// <param name="jobs">Processes at a time.</param>
    /// <param name="log">File for the table, written after each format; null for none.</param>
    /// <returns>Number of causes of findings.</returns>
    public static int Run(IReadOnlyList<string> formats, string output, ulong seed, Budget budget, int jobs, string? log)
    {
        using var work = new WorkFolder();
        var campaign = new Campaign(formats, work.Path, output, seed, budget, log);
        Thread[] workers = [.. Enumerable.Range(0, Math.Min(jobs, formats.Count)).Select(_ => new Thread(campaign.Work))];
        foreach (var worker in workers)
            worker.Start();
        foreach (var worker in workers)
            worker.Join();
        Console.Write(ResultTable.Of(campaign._results, seed));
        return campaign._results.Sum(static result => result.Findings);
    }

    private void Work()
    {
        Process? child = null;
        while (_formats.TryDequeue(out string? format))
        {
            child ??= Start();
            child.StandardInput.WriteLine(format);
            child.StandardInput.Flush();
            string? line;
            while ((line = child.StandardOutput.ReadLine()) is not null && !line.StartsWith(Child.ResultPrefix, StringComparison.Ordinal))
                Console.WriteLine(line);
            if (line is not null)
            {
                Add(JsonSerializer.Deserialize<FuzzResult>(line[Child.ResultPrefix.Length..])!);
                continue;
            }
            child.WaitForExit();
            TakeLastInput(format, child.ExitCode);
            child.Dispose();
            child = null;
        }
        child?.StandardInput.Close();
        child?.WaitForExit();
        child?.Dispose();
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        // Started as "dotnet VideoSim.Fuzz.dll", the path is that of dotnet.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(Campaign).Assembly.Location);
        foreach (string argument in _childArguments)
            start.ArgumentList.Add(argument);
        // A reader that asks for more than this fails, and the machine goes on.
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x80000000";
        return Process.Start(start)!;
    }

    private void TakeLastInput(string format, int exitCode)
    {
        string input = Path.Combine(_work, format, FormatList.Find(format).FileName), oracle = exitCode == Child.Hung ? "hang" : "crash";
        string saved = File.Exists(input) ? Findings.Save(_output, format, oracle, File.ReadAllBytes(input)) : "without an input";
        Console.WriteLine($"FINDING {format}: the process {(exitCode == Child.Hung ? "did not end" : $"ended with {exitCode}")}\n  {saved}");
        Add(new FuzzResult(format, 0, 0, 0, 0, 0, 0, 1));
    }

    // A long run that is stopped leaves the formats that it finished.
    private void Add(FuzzResult result)
    {
        lock (_results)
        {
            _results.Add(result);
            if (_log is not null)
                File.WriteAllText(_log, ResultTable.Of(_results, _seed));
        }
    }
}
