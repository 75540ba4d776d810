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

    private static readonly TimeSpan LongestExecution = TimeSpan.FromSeconds(30);

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
        while (true)
        {
            Thread.Sleep(TimeSpan.FromSeconds(1));
            if (Volatile.Read(ref _began) is not 0 and var began && Stopwatch.GetElapsedTime(began) > LongestExecution)
                Environment.Exit(Hung);
        }
    }
}
