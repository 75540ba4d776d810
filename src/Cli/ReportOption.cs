using System.CommandLine;
using System.Runtime.CompilerServices;
using VideoSim.Models.Progress;
using VideoSim.TensorBoard;

namespace VideoSim.Cli;

/// <summary>The option <c>--report-to</c> of training commands.</summary>
internal sealed class ReportOption
{
    private static readonly Dictionary<string, Func<IMetricsReporter>> Reporters = new()
    {
        ["tensorboard"] = TensorBoard,
        ["csv"] = static () => new CsvReporter(),
    };

    /// <summary>The option.</summary>
    public Option<string[]> Option { get; } = CommonOptions.Checked(
        new Option<string[]>("--report-to")
        {
            Description = $"{string.Join(", ", Reporters.Keys)}: also write the metrics as event files of TensorBoard, as a table, or both",
            AllowMultipleArgumentsPerToken = true, HelpName = string.Join('|', Reporters.Keys), DefaultValueFactory = _ => [],
            CustomParser = static result => [.. result.Tokens.SelectMany(static token => token.Value.Split(','))], // the Trainer has commas
        },
        static (names, _) => Array.ForEach(names, static name => CommonOptions.RequireOneOf("--report-to", name, [.. Reporters.Keys])));

    /// <summary>The reporters that the option names.</summary>
    public IReadOnlyList<IMetricsReporter> Read(ParseResult parsed) => [.. parsed.GetValue(Option)!.Distinct().Select(static name => Reporters[name]())];

    // The runtime loads Google.Protobuf when it compiles this method.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static TensorBoardReporter TensorBoard() => new(TimeProvider.System);
}
