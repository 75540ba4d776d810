using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using VideoSim.Engine;
using VideoSim.Engine.Benchmarks;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;

namespace VideoSim.Suite;

/// <summary>
/// The program behind bench/all. It measures what this machine can run, and writes one folder of results.
/// </summary>
internal static class SuiteProgram
{
    private const int Done = 0, Failed = 1, WrongUsage = 2, Interrupted = 130;

    private static int Main(string[] args)
    {
        var quick = new Option<bool>("--quick") { Description = "fewer cases and rounds, in less than 5 minutes" };
        var output = new Option<string?>("--output-dir") { HelpName = "DIR", Description = "a new or empty folder; a folder of date and machine under artifacts/bench if left out" };
        var only = new Option<string[]>("--only") { HelpName = "PART", Description = $"parts to run: {string.Join(", ", SuitePlan.Names)}", AllowMultipleArgumentsPerToken = true };
        only.AcceptOnlyFromAmong([.. SuitePlan.Names]);
        var root = new RootCommand("Measures everything that this machine can run, peers included, and writes one folder of results.") { quick, output, only, OperatorsCommand() };
        root.SetAction(parsed => Finish(() => Measure(parsed.GetValue(quick), parsed.GetValue(output), parsed.GetValue(only) ?? [])));
        var parsed = root.Parse(args);
        if (parsed.Errors.Count == 0)
            return parsed.Invoke();
        Console.Error.WriteLine($"error: {parsed.Errors[0].Message}");
        return WrongUsage;
    }

    private static int Measure(bool quick, string? path, IReadOnlyList<string> only)
    {
        string repository = Repository();
        path ??= Path.Combine(repository, "artifacts", "bench", RunFolder.DefaultName(TimeProvider.System));
        using var stop = new CancellationTokenSource();
        // A terminal sends Ctrl-C to the program of the part, too.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var cuda = CudaInventory.Take();
        var folder = new RunFolder(path, quick, cuda, TimeProvider.System);
        using var log = folder.OpenLog();
        var parts = new SuitePlan(quick, cuda.Gpus.Count > 0, repository).Parts(only);
        var run = new SuiteRun(parts, folder.Rounds, new ChildProgram(log).Run, TimeProvider.System, Console.Error.WriteLine);
        folder.Save(run);
        run.Run(() => folder.Save(run), stop.Token);
        folder.Save(run);
        foreach (var part in run.Parts.Where(static part => part.Status == BenchRunPart.Cut))
            Console.Error.WriteLine($"{part.Name}: cut: {part.Reason}");
        Console.WriteLine(folder.Tables);
        return stop.IsCancellationRequested ? Interrupted : run.Rows.Count == 0 ? Failed : Done;

        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }
    }

    // The process of the parts "sizes" and "products".
    private static Command OperatorsCommand()
    {
        Argument<string> part = new("part"), device = new("device"), file = new("file");
        var seconds = new Argument<double>("seconds");
        var command = new Command("operators") { part, device, seconds, file };
        command.Hidden = true;
        command.SetAction(parsed => Finish(() =>
        {
            using var opened = DeviceNames.Open(parsed.GetValue(device)!);
            var operators = new Operators(opened, TimeSpan.FromSeconds(parsed.GetValue(seconds)), CancellationToken.None);
            var rows = new List<BenchRow>();
            // The system counts in steps of 10 ms, too coarse for the time of one row.
            var begin = MachineLoad.Now();
            foreach (var row in parsed.GetValue(part) == "sizes" ? operators.Sizes() : operators.Products())
            {
                rows.Add(row);
                double? others = MachineLoad.OthersBetween(begin, MachineLoad.Now());
                IReadOnlyList<BenchRow> done = [.. rows.Select(row => row with { OthersCores = others })];
                AtomicFile.Write(parsed.GetValue(file)!, stream => stream.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(done, BenchRunJson.Default.IReadOnlyListBenchRow))));
            }
            return Done;
        }));
        return command;
    }

    private static int Finish(Func<int> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (e is DataException or CudaException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"error: {e.Message.ReplaceLineEndings(" ")}");
            return Failed;
        }
    }

    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "VideoSim.sln")))
            folder = folder.Parent ?? throw new DataException("the program does not run inside of the repository");
        return folder.FullName;
    }
}
