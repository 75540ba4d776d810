using System.CommandLine;
using VideoSim.Cli;
using VideoSim.Cli.Commands;

return await CommandLine.RunAsync(args, Root());

/// <summary>The program.</summary>
internal sealed partial class Program
{
    /// <summary>All commands.</summary>
    internal static RootCommand Root() => new("Trains and scores multimodal video-similarity models.")
    {
        ReproduceCommand.Create(),
        DataCommand.Create(),
        PretrainCommand.Create(),
        FinetuneCommand.Create(),
        EmbedCommand.Create(),
        EnsembleCommand.Create(),
        ExportCommand.Create(),
        EvaluateCommand.Create(),
        IndexCommand.Create(),
        SearchCommand.Create(),
        DedupCommand.Create(),
#if SERVER
        ServeCommand.Create(),
#endif
        ReportCommand.Create(),
        InspectCommand.Create(),
        PresetsCommand.Create(),
        ConvertCommand.Create(),
        DevicesCommand.Create(),
        KernelsCommand.Create(),
        BenchCommand.Create(),
        CompletionCommand.Create(),
        HelpCommand.Create(),
    };
}
