using VideoSim.Engine.Devices;
using VideoSim.Models.Progress;

namespace VideoSim.Models.Training;

/// <summary>
/// What made a result, as far as its bits depend on it. Arguments and inputs are elsewhere. A value is null if it is
/// not known.
/// </summary>
/// <param name="Device">The model of a GPU, or the instruction set of a CPU.</param>
/// <param name="Libraries">Versions of the libraries of a GPU.</param>
/// <param name="Program">Version and commit of the program.</param>
public sealed record MadeBy(string? Device, string? Libraries, string? Program)
{
    private static readonly Func<MadeBy, string?>[] Values = [static made => made.Device, static made => made.Libraries, static made => made.Program];

    /// <summary>A device of this process.</summary>
    public static MadeBy This(Device device) => new(RunSession.KindOf(device), device.Libraries, ProgramOf(Surroundings.Version, Surroundings.Commit));

    /// <summary>Version and commit as one text.</summary>
    internal static string? ProgramOf(string? version, string? commit) => version is null ? null : commit is null ? $"version {version}" : $"version {version} ({commit})";

    /// <summary>The values that are not equal in a history, each as: the last after an earlier one.</summary>
    public static IReadOnlyList<string> Changes(IReadOnlyList<MadeBy> history)
    {
        var changes = new List<string>();
        foreach (var value in Values)
        {
            string[] known = [.. history.Select(value).OfType<string>()];
            if (known.LastOrDefault(one => one != known[^1]) is { } earlier)
                changes.Add($"{known[^1]} after {earlier}");
        }
        return changes;
    }
}
