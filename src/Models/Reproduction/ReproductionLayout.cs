using System.Text.Json.Nodes;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Batches;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// What <c>reproduce</c> makes in its folder: the synthetic data, the runs and embeddings of each model, those of a
/// study, the records of the parts, and the results.
/// </summary>
internal sealed class ReproductionLayout : RunLayout
{
    /// <summary>Command in args.json.</summary>
    public const string Command = RunArguments.Reproduce;

    /// <summary>Value of <c>data</c> in args.json if the data was made.</summary>
    public const string MadeData = "synthetic";

    /// <summary>Folder of the made data.</summary>
    public const string Data = "data";

    /// <summary>Folder of the data while it is made.</summary>
    public const string UnfinishedData = Data + ".unfinished";

    /// <summary>Folder of a model's embeddings.</summary>
    public const string Embeddings = "embeddings";

    /// <summary>Name of the embeddings with random weights.</summary>
    public const string Random = "random";

    /// <summary>Name of the pretraining run and of its embeddings.</summary>
    public const string Pretrained = "pretrain";

    /// <summary>Names of the other results.</summary>
    public const string Submission = "result.zip", Timing = "timing.json";

    // The reproduce command writes it.
    private const string Report = "report.html";

    /// <summary>Name of a fold's run and of its embeddings.</summary>
    public static string Fold(int fold) => $"fold-{fold}";

    /// <inheritdoc/>
    public override bool Makes(string command) => command == Command;

    /// <inheritdoc/>
    public override bool HasBegun(string folder) => Inner(folder).Any(static run => Directory.Exists(run.Folder) && run.Layout.HasBegun(run.Folder))
        || Results().Any(file => File.Exists(Path.Combine(folder, file)));

    /// <inheritdoc/>
    protected override IEnumerable<string> Files(string folder, JsonObject arguments) =>
    [
        RunInputs.Name, RunTuning.Name, .. Results(), .. ModelZoo.Names.Select(static model => Path.Combine(model, Embeddings, $"{Random}.zip")),
        .. arguments["data"]?.ToString() == MadeData ? MadeFiles(folder) : [], .. PartFolder.Files(folder),
    ];

    /// <inheritdoc/>
    protected override bool OwnsFolder(string name) => name == UnfinishedData;

    /// <inheritdoc/>
    protected override IEnumerable<(string Folder, RunLayout Layout)> Inner(string folder) =>
        Runs().Select(run => (Path.Combine(folder, run.Path), run.Layout));

    private static IEnumerable<(string Path, RunLayout Layout)> Runs() =>
    [
        .. ModelZoo.Names.Select(static model => (Path.Combine(model, Pretrained), Pretraining)),
        .. from model in ModelZoo.Names from fold in Enumerable.Range(1, Folds.Count) select (Path.Combine(model, Fold(fold)), Finetuning),
        .. ClaimsStudy.Variants.Select(static name => (Path.Combine(ClaimsStudy.Runs, name), ClaimsStudy.IsPretraining(name) ? Pretraining : Finetuning)),
    ];

    // The embeddings of a run lie next to it.
    private static IEnumerable<string> Results() =>
        [Submission, Summary, Timing, Report, .. Runs().Select(static run => Path.Combine(Path.GetDirectoryName(run.Path)!, Embeddings, $"{Path.GetFileName(run.Path)}.zip"))];

    private static IEnumerable<string> MadeFiles(string folder)
    {
        var data = new DataFolder(Path.Combine(folder, Data));
        string[] shards = FolderListing.FilesIfAny(data.PointwiseFolder, "pretrain_*.tfrecords");
        string[] files = [.. shards, data.Pairwise, data.Labels, data.Test("a"), data.TestLabels("a"), data.Test("b"), data.TestLabels("b"), data.TagList, data.Vocabulary, data.Truth];
        return files.Select(file => Path.GetRelativePath(folder, file));
    }
}

/// <summary>What <c>reproduce --study claims</c> makes: a reproduction for each seed, and the result.</summary>
internal sealed class StudyLayout : RunLayout
{
    /// <summary>Command in args.json.</summary>
    public const string Command = RunArguments.Study;

    /// <summary>Name of the result.</summary>
    public const string Claims = "claims.json";

    private const string Prefix = "seed-";

    /// <summary>Name of a seed's folder.</summary>
    public static string Seed(ulong seed) => $"{Prefix}{seed}";

    /// <inheritdoc/>
    public override bool Makes(string command) => command == Command;

    /// <inheritdoc/>
    public override bool HasBegun(string folder) => File.Exists(Path.Combine(folder, Claims)) || Inner(folder).Any(static run => run.Layout.HasBegun(run.Folder));

    /// <inheritdoc/>
    protected override IEnumerable<string> Files(string folder, JsonObject arguments) => [Claims, RunTuning.Name];

    /// <inheritdoc/>
    protected override IEnumerable<(string Folder, RunLayout Layout)> Inner(string folder) =>
        FolderListing.Folders(folder, Prefix + "*").Where(static path => ulong.TryParse(Path.GetFileName(path).AsSpan(Prefix.Length), out _)).Select(static path => (path, (RunLayout)new ReproductionLayout()));
}
