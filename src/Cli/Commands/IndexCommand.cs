using System.CommandLine;
using System.Globalization;
using VideoSim.Cli.Help;
using VideoSim.Cli.Output;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Search;
using VideoSim.Models.Submissions;

namespace VideoSim.Cli.Commands;

/// <summary><c>index</c>: folders of embeddings with ids and titles, for <c>search</c>.</summary>
internal static class IndexCommand
{
    public static Command Create() => new("index", "Build and describe indexes of embeddings for search.") { Build(), Stat() };

    private static Command Build()
    {
        var embeddings = new Option<string>("--embeddings") { HelpName = ValueName.File, Description = $"{EmbeddingsOptions.Kinds} file of embeddings", Required = true };
        var output = new Option<string>("--output") { HelpName = ValueName.Folder, Description = "a new or empty folder", Required = true };
        var records = CommonOptions.Records("store titles from files of videos, folders of them, or patterns");
        var kind = CommonOptions.Checked(new Option<string>("--kind") { HelpName = "exact|hnsw", Description = "exact: a search compares every video; hnsw: it follows a graph, which is faster and can miss some", DefaultValueFactory = static _ => IndexManifest.Exact },
            static (name, _) => CommonOptions.RequireOneOf("--kind", name, [IndexManifest.Exact, IndexManifest.Hnsw]));
        var precision = CommonOptions.Precision("precision of the vectors: fp32 (default) or bf16, which takes half the space");
        var json = CommonOptions.Json();
        return new Command("build", "Write an index of a file of embeddings: vectors, ids, titles, and their hashes.") { embeddings, output, records, kind, precision, json }.Does((parsed, console, cancellation) =>
        {
            string folder = parsed.GetValue(output)!;
            AtomicFolder.RequireNew(folder);
            var graphs = parsed.GetValue(kind) == IndexManifest.Exact ? null : USearchSupport.Open?.Invoke() ?? throw new DataException($"--kind {IndexManifest.Hnsw}: this program is built without the library for it");
            using var source = EmbeddingSource.Open(parsed.GetValue(embeddings)!, ParquetSupport.Embeddings);
            if (source.Origin is null)
                console.Progress.Warn($"warning: {source.Source} does not say which model computed it; the index cannot refuse queries of another one");
            var titles = parsed.GetValue(records) is { Length: > 0 } files ? VideoTitles.Read(source.Ids, files, console.Progress, cancellation) : null;
            IndexFolder.Write(folder, source, titles, parsed.GetValue(precision) ?? ElementType.Float32, graphs, console.Progress, cancellation);
            using var index = IndexFolder.Open(folder, USearchSupport.Open);
            console.Progress.Note($"{folder}: {Count(source.Ids.Count)} {(source.Ids.Count == 1 ? "video" : "videos")}, {Count(index.Manifest.Files.Sum(static file => file.Bytes))} bytes{(titles is null ? "" : $", {Count(titles.Count)} titles")}");
            console.WriteMade(IndexDescription.Of(index, verified: false, recall: null), CliJson.Default.IndexDescription);
            return CommandLine.Done;
        }, json);
    }

    private static Command Stat()
    {
        var folder = new Argument<string>("index") { HelpName = ValueName.Folder, Description = "folder of an index" };
        var verify = new Option<string?>("--verify") { HelpName = ValueName.File, Description = "also compare ids and vectors with the file of embeddings that the index is of; of an index of kind hnsw, measure how many of the nearest videos it finds" };
        var json = CommonOptions.Json();
        return new Command("stat", "Check the hashes of an index, and describe it.") { folder, verify, json }.Does((parsed, console, cancellation) =>
        {
            var index = IndexFolder.Open(parsed.GetValue(folder)!, USearchSupport.Open);
            using var rows = VideoIndex.Of(index);
            double? recall = null;
            if (parsed.GetValue(verify) is { } path)
            {
                using var source = EmbeddingSource.Open(path, ParquetSupport.Embeddings);
                index.RequireIsOf(source, console.Progress, cancellation);
                if (index.Manifest.Graph is not null)
                    recall = GraphRecall.Measure(rows, Environment.ProcessorCount, console.Progress, cancellation);
            }
            var description = IndexDescription.Of(index, verified: parsed.GetValue(verify) is not null, recall);
            console.WriteResult([Table(description), FileTable(description)], description, CliJson.Default.IndexDescription);
            return CommandLine.Done;
        }, json);
    }

    private static ResultTable Table(IndexDescription index)
    {
        var table = new ResultTable().TextColumn("index").TextColumn("");
        table.Row("kind", index.Kind);
        table.Row("videos", Count(index.Videos));
        table.Row("values", Count(index.Width));
        table.Row("precision", index.Precision);
        table.Row("titles", index.Titles ? "yes" : "no");
        table.Row("model", index.Model ?? "not known");
        if (index.Fold is { } fold)
            table.Row("fold", Count(fold));
        if (index.Checkpoint is not null)
            table.Row(index.Checkpoints > 1 ? $"{Count(index.Checkpoints)} checkpoints" : "checkpoint", index.Checkpoint);
        if (index.Verified)
            table.Row("ids and vectors", "those of --verify");
        if (index.Recall is { } recall)
            table.Row($"recall@{GraphRecall.Top}", recall.ToString("F4", CultureInfo.InvariantCulture));
        return table;
    }

    private static ResultTable FileTable(IndexDescription index)
    {
        var table = new ResultTable().TextColumn("file").NumberColumn("bytes").TextColumn("SHA-256");
        foreach (var file in index.Files)
            table.Row(file.Name, Count(file.Bytes), file.Sha256);
        return table;
    }

    private static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}

/// <summary>The result of <c>index build --json</c> and <c>index stat --json</c>.</summary>
/// <param name="Folder">The folder.</param>
/// <param name="Kind"><c>exact</c>: every row is compared. <c>hnsw</c>: a graph finds the rows to compare.</param>
/// <param name="Videos">Number of videos.</param>
/// <param name="Width">Values of an embedding.</param>
/// <param name="Precision">fp32 or bf16.</param>
/// <param name="Titles">Whether videos have titles.</param>
/// <param name="Model">The model that computed the embeddings; null if it is not known.</param>
/// <param name="Fold">Its fold; null if it has none.</param>
/// <param name="Checkpoint">The hash of its checkpoint; null if it is not known.</param>
/// <param name="Checkpoints">Checkpoints that have a part in an embedding.</param>
/// <param name="Verified">Whether the index was compared with the embeddings.</param>
/// <param name="Recall">
/// The share of the nearest ten videos that a search by the graph finds; null if it was not measured.
/// </param>
/// <param name="Files">The files with their hashes.</param>
internal sealed record IndexDescription(string Folder, string Kind, int Videos, int Width, string Precision, bool Titles, string? Model, int? Fold, string? Checkpoint, int Checkpoints, bool Verified, double? Recall, IReadOnlyList<WrittenFile> Files)
{
    public static IndexDescription Of(IndexFolder index, bool verified, double? recall)
    {
        var (manifest, origin) = (index.Manifest, index.Manifest.Origin);
        return new IndexDescription(index.FolderPath, manifest.Kind, manifest.Rows, manifest.Width, PrecisionName.Of(manifest.Precision), index.HasTitles,
            origin?.Model, origin?.Fold, origin?.Checkpoint, origin?.CheckpointCount ?? 0, verified, recall, manifest.Files);
    }
}
