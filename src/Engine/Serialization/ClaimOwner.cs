using System.Globalization;
using System.Text.Json.Serialization;

namespace VideoSim.Engine.Serialization;

/// <summary>A process that has a claim.</summary>
/// <param name="Host">Name of its machine.</param>
/// <param name="Process">Its number.</param>
/// <param name="Machine">
/// The start of the system and the namespaces of processes and times; null on other systems than Linux. Two processes
/// with the same value see each other.
/// </param>
/// <param name="Started">Start of the process in ticks of the system; 0 if it is not known.</param>
public sealed record ClaimOwner(string Host, int Process, string? Machine, long Started)
{
    private const string Proc = "/proc";

    /// <summary>This process.</summary>
    public static ClaimOwner This { get; } = new(Environment.MachineName, Environment.ProcessId, MachineOfThis(Proc), StatusOf(Environment.ProcessId)?.Started ?? 0);

    /// <summary>Whether it is a process of this machine that has ended. False if that is not known.</summary>
    [JsonIgnore]
    public bool IsDead
    {
        get
        {
            if (Machine is null || Machine != This.Machine)
                return false;
            return StatusOf(Process) is { } status ? status.HasEnded || (Started != 0 && status.Started != Started) : !Exists(Process);
        }
    }

    /// <summary>Host and process, for messages.</summary>
    public override string ToString() => $"{Printable.OneLine(Host)} (process {Process.ToString(CultureInfo.InvariantCulture)})";

    /// <summary>The machine of this process; null if it is not known.</summary>
    /// <param name="proc">The folder where the system describes processes.</param>
    internal static string? MachineOfThis(string proc)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            string self = Path.Combine(proc, "self");
            // The folder may be that of another namespace, where the numbers are those of other processes.
            if (new FileInfo(self).LinkTarget != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
                return null;
            string boot = File.ReadAllText(Path.Combine(proc, "sys/kernel/random/boot_id")).Trim();
            return string.Join(' ', boot, new FileInfo(Path.Combine(self, "ns/pid")).LinkTarget, new FileInfo(Path.Combine(self, "ns/time")).LinkTarget);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            return null;
        }
    }

    private static ProcessStatus? StatusOf(int process)
    {
        string file = $"{Proc}/{process.ToString(CultureInfo.InvariantCulture)}/stat";
        try
        {
            return File.Exists(file) ? ProcessStatus.Parse(File.ReadAllText(file)) : null;
        }
        catch (Exception e) when (FileFailure.Is(e) || e is FormatException or IndexOutOfRangeException)
        {
            return null; // it ended meanwhile
        }
    }

    // /proc may hide the processes of other users.
    private static bool Exists(int process)
    {
        try
        {
            using var found = System.Diagnostics.Process.GetProcessById(process);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}

/// <summary>What Linux tells of a process in /proc/PID/stat.</summary>
/// <param name="State">A letter.</param>
/// <param name="Threads">Number of threads that have not ended, with the first one.</param>
/// <param name="Started">Start in ticks of the system.</param>
internal readonly record struct ProcessStatus(char State, int Threads, long Started)
{
    // Of a process that has ended, and waits for its parent to notice.
    private const char Zombie = 'Z', Dead = 'X';

    // Counted from the state, which follows the name in brackets.
    private const int ThreadsField = 17, StartField = 19;

    /// <summary>
    /// Whether all threads have ended. The state is that of the first thread. While a process is killed, another one
    /// may wait for a file server.
    /// </summary>
    public bool HasEnded => State == Dead || (State == Zombie && Threads <= 1);

    /// <summary>Reads the text of the file.</summary>
    public static ProcessStatus Parse(string text)
    {
        string[] fields = text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new ProcessStatus(fields[0][0], int.Parse(fields[ThreadsField], CultureInfo.InvariantCulture), long.Parse(fields[StartField], CultureInfo.InvariantCulture));
    }
}
