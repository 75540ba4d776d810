using System.CommandLine;
using System.Globalization;
using System.Reflection;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;
using VideoSim.Peers.Kernels;
using VideoSim.Peers.Measuring;
using VideoSim.Peers.Networks;
using VideoSim.Peers.Torch;

namespace VideoSim.Peers;

/// <summary>The command line.</summary>
internal static class Commands
{
    private const int Done = 0, Failed = 1, WrongUsage = 2;

    private static readonly Option<int> Threads = Positive("--threads", "threads of each side", Environment.ProcessorCount);
    private static readonly Option<int> Rounds = Positive("--rounds", "turns of each side that count", 7);
    private static readonly Option<string> Only = new("--only") { Description = "measure only the jobs whose names contain this text", DefaultValueFactory = static _ => "" };
    private static readonly Option<bool> KeepMemory = new("--keep-memory") { Description = "run the peer with a malloc that keeps the memory that it frees" };
    private static readonly Option<FileInfo?> JsonFile = new("--json") { Description = "file for the results as JSON" };

    private static IEnumerable<Job> AllJobs => [.. NetworkJobs.Steps, .. NetworkJobs.Inference, .. KernelJobs.All];

    /// <summary>Runs a command.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(string[] args)
    {
        var root = new RootCommand("Measures VideoSim beside TorchSharp, turn by turn.")
        {
            Measured("steps", "training steps of the networks, with the update and without it", NetworkJobs.Steps),
            Measured("infer", "embedding of a batch", NetworkJobs.Inference),
            Measured("kernels", "kernels of a step alone", KernelJobs.All),
            Check(),
            Serve(),
        };
        var parsed = root.Parse(args);
        if (parsed.Errors.Count == 0)
            return parsed.Invoke();
        Console.Error.WriteLine($"error: {parsed.Errors[0].Message}");
        return WrongUsage;
    }

    private static Command Measured(string name, string description, IEnumerable<Job> jobs)
    {
        var command = new Command(name, description) { Threads, Rounds, Only, KeepMemory, JsonFile };
        command.SetAction(parsed => Finish(() => Measure(jobs, parsed)));
        return command;
    }

    private static Command Check()
    {
        var command = new Command("check", "compare losses, gradients and embeddings of both sides on small networks without dropout");
        command.SetAction(_ => Finish(EqualityCheck.Run));
        return command;
    }

    // The process of a side. The other commands start it.
    private static Command Serve()
    {
        Argument<string> side = new("side"), name = new("job");
        var command = new Command("serve") { side, name, Threads };
        command.Hidden = true;
        command.SetAction(parsed => Finish(() => Server.Run(AllJobs.Single(job => job.Name == parsed.GetValue(name)), parsed.GetValue(side)!, parsed.GetValue(Threads))));
        return command;
    }

    private static void Measure(IEnumerable<Job> jobs, ParseResult parsed)
    {
        string only = parsed.GetValue(Only)!;
        Job[] chosen = [.. jobs.Where(job => job.Name.Contains(only, StringComparison.OrdinalIgnoreCase))];
        if (chosen.Length == 0)
            throw new DataException($"--only: no job's name contains '{only}'; the jobs are {string.Join("; ", jobs.Select(static job => job.Name))}");
        var file = parsed.GetValue(JsonFile);
        if (file is not null)
            AtomicFile.RequireWritable(file.FullName);
        Libtorch.Prepare();
        using var device = new CpuDevice(threads: 1);
        var results = new PeerResults(BenchConditions.Of(device, TimeProvider.System), LoadAverage(), PeerVersion(),
            new TurnOptions(parsed.GetValue(Threads), parsed.GetValue(Rounds), parsed.GetValue(KeepMemory)), []);
        Report.WriteHead(results);
        foreach (var job in chosen)
        {
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

    private static string PeerVersion()
    {
        string version = typeof(TorchSharp.torch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
        return $"TorchSharp {version.Split('+')[0]}, libtorch {TorchSharp.torch.__version__}";
    }

    private static int Finish(Action work)
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
