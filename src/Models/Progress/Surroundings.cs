using System.Reflection;
using System.Runtime.InteropServices;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Progress;

/// <summary>The program and the machine that it runs on, as results name them.</summary>
public static class Surroundings
{
    /// <summary>Environment variable that names the commit.</summary>
    public const string CommitVariable = "VIDEOSIM_COMMIT";

    private const string CpuInfo = "/proc/cpuinfo";

    /// <summary>Version of the program.</summary>
    public static string Version { get; } = InformationalVersion?.Split('+')[0] ?? "";

    /// <summary>
    /// The commit of the program, from <see cref="CommitVariable"/> or else from the build; null if neither has it.
    /// </summary>
    public static string? Commit => CommitOf(Environment.GetEnvironmentVariable(CommitVariable), InformationalVersion);

    /// <summary>Model of the CPU.</summary>
    public static string Processor => ModelOf(LinesOf(CpuInfo)) ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string? InformationalVersion => typeof(Surroundings).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;

    /// <summary>
    /// The commit from the environment, or else from an informational version such as <c>1.0.0+2f1e…</c>.
    /// </summary>
    internal static string? CommitOf(string? environment, string? version) =>
        !string.IsNullOrEmpty(environment) ? environment : version?.Split('+') is [_, var commit] ? commit : null;

    /// <summary>The lines of a file of /proc; none if there is no such file or it cannot be read.</summary>
    internal static string[] LinesOf(string file)
    {
        try
        {
            return File.Exists(file) ? File.ReadAllLines(file) : [];
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            return [];
        }
    }

    /// <summary>The processor from the lines of <c>/proc/cpuinfo</c>.</summary>
    internal static string? ModelOf(IEnumerable<string> lines) =>
        lines.FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[^1];
}
