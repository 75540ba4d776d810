using System.CommandLine;
using VideoSim.Engine;

namespace VideoSim.Cli;

/// <summary>Parses, runs and turns every outcome into an exit code and at most one line.</summary>
internal static class CommandLine
{
    public const int Done = 0, Failed = 1, WrongUsage = 2, Interrupted = 130;

    // A checkpoint of the largest model takes seconds; the library's 2 would cut it off.
    private static readonly TimeSpan TimeToSave = TimeSpan.FromMinutes(2);

    public static async Task<int> RunAsync(string[] args, RootCommand root)
    {
        root.Add(CommonOptions.Verbose);
        root.Add(CommonOptions.Quiet);
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            string command = string.Join(' ', Path(parsed.CommandResult.Command));
            await Console.Error.WriteLineAsync($"error: {parsed.Errors[0].Message.TrimEnd('.')} ('{command} --help' lists what there is)");
            return WrongUsage;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = TimeToSave,
            });
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("interrupted; the same command goes on from the last checkpoint");
            return Interrupted;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            bool verbose = parsed.GetValue(CommonOptions.Verbose);
            string message = e is DataException ? e.Message : $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")} (--verbose shows where)";
            await Console.Error.WriteLineAsync(verbose ? $"error: {e}" : $"error: {message}");
            return Failed;
        }
    }

    private static IEnumerable<string> Path(Symbol command)
    {
        foreach (var parent in command.Parents.OfType<Command>())
        {
            foreach (string name in Path(parent))
                yield return name;
        }
        yield return command is RootCommand ? "videosim" : command.Name;
    }
}
