using System.CommandLine;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;

namespace VideoSim.Cli;

/// <summary><c>--embeddings</c> and <c>--index</c>, of every command that reads one or the other.</summary>
internal sealed class EmbeddingsOptions
{
    /// <summary>The kinds of files of embeddings that are read.</summary>
    public const string Kinds = "zip, json, npy, npz or parquet";

    public Option<string?> File { get; } = new("--embeddings") { HelpName = ValueName.File, Description = $"{Kinds} file of embeddings" };

    public Option<string[]> Index { get; } = new("--index") { HelpName = ValueName.Folder, Description = "instead of --embeddings, indexes, as if they were one", AllowMultipleArgumentsPerToken = true };

    /// <summary>Refuses a command with both or none of them.</summary>
    public void RequireOne(Command command) => command.Checks(result =>
    {
        if (result.GetValue(File) is null == result.GetValue(Index) is null or { Length: 0 })
            result.AddError($"{command.Name} needs either --embeddings or --index");
    });

    /// <summary>The files that they name.</summary>
    public IEnumerable<string> Files(ParseResult parsed) => parsed.GetValue(File) is { } file ? SubmissionFile.FilesOf(file)
        : parsed.GetValue(Index)!.Where(Directory.Exists).SelectMany(static folder => FolderListing.Files(folder));

    /// <summary>Opens the embeddings.</summary>
    /// <exception cref="DataException">They cannot be read, or indexes do not belong together.</exception>
    public EmbeddingSource Open(ParseResult parsed, CommandConsole console) =>
        parsed.GetValue(File) is { } file ? EmbeddingSource.Open(file, ParquetSupport.Embeddings) : VideoIndex.Open(parsed.GetValue(Index)!, USearchSupport.Open, console.Progress);
}
