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
    // Of a process that has ended, and waits for its parent to notice.
    private const char Zombie = 'Z', Dead = 'X';

    // In /proc/PID/stat, counted from the state, which follows the name in brackets.
    private const int StartField = 19;

    /// <summary>This process.</summary>
    public static ClaimOwner This { get; } = new(Environment.MachineName, Environment.ProcessId, MachineOfThis(), StatusOf(Environment.ProcessId)?.Started ?? 0);

    /// <summary>Whether it is a process of this machine that has ended. False if that is not known.</summary>
    [JsonIgnore]
    public bool IsDead
    {
        get
        {
            if (Machine is null || Machine != This.Machine)
                return false;
            return StatusOf(Process) is { } status ? status.State is Zombie or Dead || (Started != 0 && status.Started != Started) : !Exists(Process);
        }
    }

    /// <summary>Host and process, for messages.</summary>
    public override string ToString() => $"{Printable.OneLine(Host)} (process {Process.ToString(CultureInfo.InvariantCulture)})";

    private static string? MachineOfThis()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            string boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
            return string.Join(' ', boot, new FileInfo("/proc/self/ns/pid").LinkTarget, new FileInfo("/proc/self/ns/time").LinkTarget);
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            return null;
        }
    }

    private static (char State, long Started)? StatusOf(int process)
    {
        string file = $"/proc/{process.ToString(CultureInfo.InvariantCulture)}/stat";
        try
        {
            if (!File.Exists(file))
                return null;
            string text = File.ReadAllText(file);
            string[] fields = text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return (fields[0][0], long.Parse(fields[StartField], CultureInfo.InvariantCulture));
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
