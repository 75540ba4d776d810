using System.Diagnostics;
using System.Text.Json;

namespace VideoSim.Fuzz;

/// <summary>
/// The process that executes formats: their names come on its standard input, and it prints the result of each. If an
/// input kills it, the parent takes the input and starts another one.
/// </summary>
internal sealed class Child(string work, string output, ulong seed, Budget budget, Coverage? coverage)
{
    /// <summary>Exit code after an execution that did not end.</summary>
    public const int Hung = 3;

    /// <summary>Begins the line with a result.</summary>
    public const string ResultPrefix = "result ";

    // Looks at the execution, a second apart, and its time of the processor. Clocks also run while the machine stands
    // still. An execution that waits for ever needs no processor.
    private const int LooksAtWork = 30, LooksAtWaiting = 300;

    private static readonly TimeSpan LongestWork = TimeSpan.FromSeconds(10);

    private long _began; // time stamp of the execution that is going on; 0 between formats

    /// <summary>Executes formats until the standard input ends.</summary>
    public int Run()
    {
        new Thread(Watch) { IsBackground = true }.Start();
        while (Console.ReadLine() is { } name)
        {
            var format = FormatList.Find(name);
            var fuzzer = new Fuzzer(format, new Execution(format, work), new Findings(output, format), coverage) { Begins = () => Volatile.Write(ref _began, Stopwatch.GetTimestamp()) };
            var result = fuzzer.Run(seed, budget);
            Volatile.Write(ref _began, 0);
            Console.WriteLine(ResultPrefix + JsonSerializer.Serialize(result));
        }
        return 0;
    }

    private void Watch()
    {
        var (seen, looks, cpu) = (0L, 0, TimeSpan.Zero);
        while (true)
        {
            Thread.Sleep(TimeSpan.FromSeconds(1));
            long began = Volatile.Read(ref _began);
            if (began != seen || began == 0)
                (seen, looks, cpu) = (began, 0, Environment.CpuUsage.TotalTime);
            else if (++looks > LooksAtWaiting || (looks > LooksAtWork && Environment.CpuUsage.TotalTime - cpu > LongestWork))
                Environment.Exit(Hung);
        }
    }
}
