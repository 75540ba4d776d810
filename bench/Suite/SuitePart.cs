using VideoSim.Models.Profiling;

namespace VideoSim.Suite;

/// <summary>What the file of one program has.</summary>
/// <param name="Rows">Rows of one round.</param>
/// <param name="Ceilings">Rates of the device; null if it has none.</param>
/// <param name="Versions">Versions of libraries that the program tells.</param>
internal sealed record RoundResults(IReadOnlyList<BenchRow> Rows, BenchCeilings? Ceilings, IReadOnlyDictionary<string, string> Versions)
{
    private static readonly Dictionary<string, string> None = [];

    /// <summary>The results in a file of <c>bench --json</c> or <c>kernels bench --json</c>.</summary>
    public static RoundResults OfVideosim(string file)
    {
        var results = BenchResults.Read(file);
        return new RoundResults(results.Rows, results.Ceilings, None);
    }

    /// <summary>The results in a file of rows.</summary>
    public static RoundResults OfRows(string file) => new(BenchResults.ReadRows(file), null, None);
}

/// <summary>A program that a part starts in every round.</summary>
/// <param name="Name">What it measures, for messages.</param>
/// <param name="Command">
/// Program and arguments. <see cref="File"/> stands for the file of the results. Without it the results are the
/// program's output.
/// </param>
/// <param name="Read">Reads the file.</param>
internal sealed record SuiteJob(string Name, IReadOnlyList<string> Command, Func<string, RoundResults> Read)
{
    /// <summary>Stands for the file of the results among the arguments.</summary>
    public const string File = "{file}";

    /// <summary>Whether the program writes the file itself.</summary>
    public bool WritesFile => Command.Contains(File);
}

/// <summary>A part of a run.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Budget">Time for all of its rounds.</param>
/// <param name="Rounds">How often its programs run.</param>
/// <param name="Jobs">Its programs.</param>
/// <param name="Missing">Why it cannot run on this machine; null if it can.</param>
internal sealed record SuitePart(string Name, TimeSpan Budget, int Rounds, IReadOnlyList<SuiteJob> Jobs, string? Missing = null);
