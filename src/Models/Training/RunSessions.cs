using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>One start of a run, or one continuation.</summary>
/// <param name="Started">When it began, UTC, as in ISO 8601.</param>
/// <param name="FromStep">Updates that were done before.</param>
/// <param name="CommandLine">The program and its arguments.</param>
/// <param name="Version">Version of the program.</param>
/// <param name="Commit">Commit of the program; null if it is not known.</param>
/// <param name="Machine">Name of the machine.</param>
/// <param name="Processor">Model of the CPU.</param>
/// <param name="Os">The operating system.</param>
/// <param name="Dotnet">The runtime.</param>
/// <param name="Device">Name of the device.</param>
/// <param name="Threads">Threads of a cpu device; null on other devices.</param>
/// <param name="Architecture">Instruction set of the CPU; null in files of older versions.</param>
/// <param name="Libraries">Versions of the libraries of a GPU; null on other devices.</param>
internal sealed record RunSession(
    string Started, long FromStep, IReadOnlyList<string> CommandLine, string Version, string? Commit, string Machine, string Processor, string Os, string Dotnet, string Device, int? Threads,
    string? Architecture, string? Libraries)
{
    /// <summary>
    /// What bits depend on: the model of a GPU, or the instruction set of a CPU. They do not depend on the number of a
    /// GPU, on the number of threads and on the width of vectors. Null if it is not known.
    /// </summary>
    [JsonIgnore]
    public string? Kind => Threads is null ? Device is null ? null : DeviceNames.WithoutNumber(Device) : Architecture is null ? null : KindOfCpu(Architecture);

    /// <summary>All that bits depend on.</summary>
    [JsonIgnore]
    public MadeBy MadeBy => new(Kind, Libraries, MadeBy.ProgramOf(Version, Commit));

    /// <summary>The kind of a device of this process.</summary>
    public static string KindOf(Device device) => device.Stream is CpuStream ? KindOfCpu(ThisArchitecture) : DeviceNames.WithoutNumber(device.Name);

    /// <summary>Instruction set of this process.</summary>
    public static string ThisArchitecture => RuntimeInformation.ProcessArchitecture.ToString();

    private static string KindOfCpu(string architecture) => $"cpu ({architecture})";
}

/// <summary>
/// The environment.json of a run: when, where and by which program it was trained. It differs between equal runs.
/// </summary>
/// <param name="Sessions">The start, and one entry for each continuation.</param>
internal sealed record RunSessions(IReadOnlyList<RunSession> Sessions)
{
    /// <summary>Name of the file.</summary>
    public const string Name = "environment.json";

    /// <summary>Adds a session to the file.</summary>
    /// <param name="run">Folder of the run.</param>
    /// <param name="device">Device of the session.</param>
    /// <param name="fromStep">Updates that were done before.</param>
    /// <param name="clock">Gives the time.</param>
    /// <param name="progress">
    /// Receives a note if the file is damaged. No result depends on it, so it begins anew.
    /// </param>
    /// <returns>1-based number of the session.</returns>
    /// <exception cref="DataException">The file cannot be written; the message names it.</exception>
    public static int Begin(string run, Device device, long fromStep, TimeProvider clock, IProgressSink progress)
    {
        string file = Path.Combine(run, Name);
        RunSession[] sessions =
        [
            .. Read(file, progress),
            new RunSession(TimeOf(clock), fromStep, Environment.GetCommandLineArgs(), Surroundings.Version, Surroundings.Commit, Environment.MachineName, Surroundings.Processor,
                RuntimeInformation.OSDescription, RuntimeInformation.FrameworkDescription, device.Name, (device.Stream as CpuStream)?.Threads,
                RunSession.ThisArchitecture, device.Libraries),
        ];
        AtomicFile.Write(file, stream => JsonSerializer.Serialize(stream, new RunSessions(sessions), RunJson.Default.RunSessions));
        return sessions.Length;
    }

    /// <summary>The sessions of a run; none if the file is missing or damaged.</summary>
    public static IReadOnlyList<RunSession> Of(string run) => Read(Path.Combine(run, Name), IProgressSink.None);

    private static IReadOnlyList<RunSession> Read(string file, IProgressSink progress)
    {
        if (!File.Exists(file))
            return [];
        byte[] content = JsonFile.ReadBytes(file);
        string problem;
        try
        {
            // A damaged file can lack the list, or have null in it.
            if (JsonFile.Parse(file, content, RunJson.Default.RunSessions).Sessions is IReadOnlyList<RunSession?> sessions && !sessions.Contains(null))
                return sessions!;
            problem = $"{file}: has no list of sessions";
        }
        catch (DataException e)
        {
            problem = e.Message;
        }
        progress.Note($"{problem}; the file begins anew");
        return [];
    }

    /// <summary>The time now, UTC, as in ISO 8601.</summary>
    public static string TimeOf(TimeProvider clock) => clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
