using System.CommandLine;
using System.Globalization;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;

namespace VideoSim.Peers.Measuring;

/// <summary>A command that measures jobs.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it measures.</param>
/// <param name="Jobs">The jobs.</param>
internal sealed record MeasuredJobs(string Name, string Description, IEnumerable<Job> Jobs);

/// <summary>The command line of a program that measures VideoSim beside a peer.</summary>
/// <param name="description">What the program does.</param>
/// <param name="measured">Its commands that measure.</param>
/// <param name="prepare">Called before each job.</param>
/// <param name="version">Gives name and version of the peer.</param>
internal sealed class PeerProgram(string description, IReadOnlyList<MeasuredJobs> measured, Action<Job> prepare, Func<string> version)
{
    private const int Done = 0, Failed = 1, WrongUsage = 2;

    private static readonly Option<int> Threads = Positive("--threads", "threads of each side", Environment.ProcessorCount);
    private static readonly Option<int> Rounds = Positive("--rounds", "turns of each side that count", 7);
    private static readonly Option<string> Only = new("--only") { Description = "measure only the jobs whose names contain this text", DefaultValueFactory = static _ => "" };
    private static readonly Option<bool> KeepMemory = new("--keep-memory") { Description = "run the peer with a malloc that keeps the memory that it frees" };
    private static readonly Option<FileInfo?> JsonFile = new("--json") { Description = "file for the results as JSON" };

    /// <summary>Runs a command.</summary>
    /// <param name="args">The words of the command line.</param>
    /// <param name="others">Commands beside those that measure.</param>
    /// <returns>The exit code.</returns>
    public int Run(string[] args, params IEnumerable<Command> others)
    {
        var root = new RootCommand(description);
        foreach (var command in measured.Select(Measured).Concat(others).Append(Serve()))
            root.Add(command);
        var parsed = root.Parse(args);
        if (parsed.Errors.Count == 0)
            return parsed.Invoke();
        Console.Error.WriteLine($"error: {parsed.Errors[0].Message}");
        return WrongUsage;
    }

    /// <summary>Does work; an error of data or files is one line.</summary>
    /// <returns>The exit code.</returns>
    public static int Finish(Action work)
    {
        try
        {
            work();
            return Done;
        }
        catch (Exception e) when (e is DataException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"error: {e.Message.ReplaceLineEndings(" ")}");
            return Failed;
        }
    }

    private Command Measured(MeasuredJobs one)
    {
        var command = new Command(one.Name, one.Description) { Threads, Rounds, Only, KeepMemory, JsonFile };
        command.SetAction(parsed => Finish(() => Measure(one.Jobs, parsed)));
        return command;
    }

    // The process of a side. The other commands start it.
    private Command Serve()
    {
        Argument<string> side = new("side"), name = new("job");
        var command = new Command("serve") { side, name, Threads };
        command.Hidden = true;
        command.SetAction(parsed => Finish(() => Server.Run(measured.SelectMany(static one => one.Jobs).Single(job => job.Name == parsed.GetValue(name)), parsed.GetValue(side)!, parsed.GetValue(Threads))));
        return command;
    }

    private void Measure(IEnumerable<Job> jobs, ParseResult parsed)
    {
        string only = parsed.GetValue(Only)!;
        Job[] chosen = [.. jobs.Where(job => job.Name.Contains(only, StringComparison.OrdinalIgnoreCase))];
        if (chosen.Length == 0)
            throw new DataException($"--only: no job's name contains '{only}'; the jobs are {string.Join("; ", jobs.Select(static job => job.Name))}");
        var file = parsed.GetValue(JsonFile);
        if (file is not null)
            AtomicFile.RequireWritable(file.FullName);
        prepare(chosen[0]); // the version needs it, too
        using var device = new CpuDevice(threads: 1);
        var results = new PeerResults(BenchConditions.Of(device, TimeProvider.System), LoadAverage(), version(),
            new TurnOptions(parsed.GetValue(Threads), parsed.GetValue(Rounds), parsed.GetValue(KeepMemory)), []);
        Report.WriteHead(results);
        foreach (var job in chosen)
        {
            if (job != chosen[0])
                prepare(job);
            var result = Turns.Measure(job, results.Options);
            Report.WriteRow(result);
            results = results with { Jobs = [.. results.Jobs, result] };
            if (file is not null)
                AtomicFile.Write(file.FullName, results.WriteJson);
        }
        Report.WriteEnd(results.Jobs);
    }

    // Of the last minute.
    private static double LoadAverage() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    private static Option<int> Positive(string name, string description, int otherwise)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => otherwise };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() <= 0)
                result.AddError($"{name} must be at least 1");
        });
        return option;
    }
}
