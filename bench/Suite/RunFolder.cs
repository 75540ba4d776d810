using System.Text;
using System.Text.Json;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Profiling;
using VideoSim.Models.Progress;

namespace VideoSim.Suite;

/// <summary>
/// The folder of a run: <c>run.json</c>, <c>rows.json</c>, <c>tables.md</c>, <c>log.txt</c>, <c>rounds</c>.
/// </summary>
internal sealed class RunFolder
{
    private const string TablesName = "tables.md", LogName = "log.txt", RoundsName = "rounds", DateFormat = "yyyy-MM-dd'T'HH:mm:ss'Z'";

    private readonly string _path;
    private readonly bool _quick;
    private readonly TimeProvider _clock;
    private readonly DateTimeOffset _begin;
    private readonly BenchMachine _machine;
    private readonly IReadOnlyDictionary<string, string> _versions;
    private readonly double? _loadAtStart = MachineFacts.Load(), _megahertzAtStart = MachineFacts.CpuMegahertz();

    /// <summary>Makes the folder.</summary>
    /// <param name="path">Its path; it must be empty or new.</param>
    /// <param name="quick">Whether the run is a short one.</param>
    /// <param name="cuda">GPUs and libraries.</param>
    /// <param name="clock">Gives the date.</param>
    /// <exception cref="Engine.DataException">The folder has files, or cannot be made.</exception>
    public RunFolder(string path, bool quick, CudaInventory cuda, TimeProvider clock)
    {
        (_path, _quick, _clock, _begin) = (path, quick, clock, clock.GetUtcNow());
        (_machine, _versions) = (MachineFacts.Describe(cuda), MachineFacts.Versions(cuda));
        try
        {
            if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())
                throw new Engine.DataException($"--output-dir {path}: has files; name a new or empty folder");
            Directory.CreateDirectory(Rounds);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(path, e, path);
        }
    }

    /// <summary>Folder for the files of the rounds.</summary>
    public string Rounds => Path.Combine(_path, RoundsName);

    /// <summary>Path of the tables.</summary>
    public string Tables => Path.Combine(_path, TablesName);

    /// <summary>Opens the log.</summary>
    public StreamWriter OpenLog() => new(Path.Combine(_path, LogName));

    /// <summary>Name of a folder for a run that begins now: date, time and machine.</summary>
    public static string DefaultName(TimeProvider clock)
    {
        string machine = string.Concat(Surroundings.Processor.ToLowerInvariant().Select(static letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-'));
        return $"{clock.GetUtcNow():yyyy-MM-dd-HHmm}-{string.Join('-', machine.Split('-', StringSplitOptions.RemoveEmptyEntries))}-{Environment.ProcessorCount}-cores";
    }

    /// <summary>Writes all files anew, each whole or not at all.</summary>
    public void Save(SuiteRun run)
    {
        var rows = run.Rows;
        var result = new BenchRun(_begin.ToString(DateFormat, null), Surroundings.Commit, _quick, _machine, Merge(_versions, run.Versions), Clocks(),
            new BenchLoad(_loadAtStart, MachineFacts.Load(), rows.Max(static row => row.OthersCores)), run.Ceilings, run.Parts);
        Write(BenchRun.RowsFileName, JsonSerializer.Serialize(rows, BenchRunJson.Default.IReadOnlyListBenchRow));
        Write(BenchRun.FileName, JsonSerializer.Serialize(result, BenchRunJson.Default.BenchRun));
        Write(TablesName, TablesPage.Text(result, rows));
    }

    private Dictionary<string, double> Clocks()
    {
        var clocks = new Dictionary<string, double>();
        if (_megahertzAtStart is { } start)
            clocks["cpu_start"] = start;
        if (MachineFacts.CpuMegahertz() is { } end)
            clocks["cpu_end"] = end;
        return clocks;
    }

    private static Dictionary<string, string> Merge(IReadOnlyDictionary<string, string> first, IReadOnlyDictionary<string, string> second) => first.Concat(second).ToDictionary();

    private void Write(string name, string text) =>
        AtomicFile.Write(Path.Combine(_path, name), stream => stream.Write(Encoding.UTF8.GetBytes(text.EndsWith('\n') ? text : text + "\n")));
}
