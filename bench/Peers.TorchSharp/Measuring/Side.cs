using System.Diagnostics;
using System.Globalization;
using VideoSim.Engine;

namespace VideoSim.Peers.Measuring;

/// <summary>Times of a turn of a side, for one repetition of the job.</summary>
/// <param name="Milliseconds">By the clock.</param>
/// <param name="CpuMilliseconds">Processor time of all threads of the side.</param>
internal readonly record struct Sample(double Milliseconds, double CpuMilliseconds);

/// <summary>A side seen from the program that gives the turns: the process of <see cref="Server"/>.</summary>
internal sealed class Side : IDisposable
{
    // glibc's malloc then takes memory in large steps and never gives it back, as an allocator of its own would.
    private static readonly (string Name, string Value)[] KeepsMemory =
        [("MALLOC_MMAP_MAX_", "0"), ("MALLOC_TRIM_THRESHOLD_", "100000000000"), ("MALLOC_TOP_PAD_", "268435456")];

    private readonly string _name;
    private readonly Process _process;

    /// <summary>Starts the process and waits until the job is prepared.</summary>
    /// <param name="side">Name of the side.</param>
    /// <param name="job">Name of the job.</param>
    /// <param name="threads">Threads that the side may use.</param>
    /// <param name="keepsMemory">Whether malloc keeps the memory that the process frees.</param>
    /// <exception cref="DataException">The process ended; its own message is on stderr.</exception>
    public Side(string side, string job, int threads, bool keepsMemory)
    {
        _name = $"{side}, {job}";
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["serve", side, job, "--threads", $"{threads}"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var (name, value) in keepsMemory ? KeepsMemory : [])
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        try
        {
            Parameters = long.Parse(ReadLine(), CultureInfo.InvariantCulture);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Number of trained values.</summary>
    public long Parameters { get; }

    /// <summary>Largest resident memory up to now: VmHWM of the process.</summary>
    public long PeakBytes => Refreshed().PeakWorkingSet64;

    /// <summary>Processor time of the process up to now.</summary>
    public TimeSpan CpuTime => Refreshed().TotalProcessorTime;

    /// <summary>One turn.</summary>
    /// <param name="times">Repetitions.</param>
    /// <exception cref="DataException">The process ended.</exception>
    public Sample Run(int times)
    {
        _process.StandardInput.WriteLine(times.ToString(CultureInfo.InvariantCulture));
        _process.StandardInput.Flush();
        double[] seconds = [.. ReadLine().Split(' ').Select(static text => double.Parse(text, CultureInfo.InvariantCulture))];
        return new Sample(1e3 * seconds[0] / times, 1e3 * seconds[1] / times);
    }

    /// <summary>Ends the process.</summary>
    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    private string ReadLine() => _process.StandardOutput.ReadLine() ?? throw new DataException($"the process of the side '{_name}' ended");

    private Process Refreshed()
    {
        _process.Refresh();
        return _process;
    }
}
