using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Synthesis;
using VideoSim.Models.Text;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>What benches run steps on: first weights, and batches of synthetic data. Steps of the same sizes share one dataset, which lasts until this is disposed.</summary>
internal sealed class SyntheticBatches : IDisposable
{
    private const int FewestTags = 48, MostTags = 200, FewestVideos = 16, SpareVideos = 64; // of synthetic data
    private const int FewestPairs = 1, FewestPairVideos = 3, FewestTestVideos = 90; // what no step reads, as small as the dataset allows

    private readonly Dictionary<SyntheticDatasetOptions, DataFolder> _written = [];

    /// <summary>The folder that holds all datasets.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("videosim-bench-").FullName;

    /// <summary>A preset as synthetic data needs it.</summary>
    public static Preset Sizes(string preset, string model, IReadOnlyList<string> overrides)
    {
        var sizes = Preset.Load(preset, model, overrides);
        return sizes with { Model = sizes.Model with { Tags = Math.Max(sizes.Model.Tags, FewestTags) } };
    }

    /// <summary>
    /// Gives a step its weights and its batch: as many synthetic videos as it takes. A model made for more tokens and tags than they have
    /// leaves some unused.
    /// </summary>
    public void Fill(BuiltStep built, ModelConfig config, CancellationToken cancellation)
    {
        built.Model.Parameters.Initialize(seed: 1);
        int videos = built.Stage.Shape.Videos;
        bool pairs = built.Stage.Shape.Pairs > 0;
        var data = DataOf(new SyntheticDatasetOptions
        {
            Videos = pairs ? FewestVideos : Math.Max(videos, FewestVideos),
            Pairs = pairs ? videos : FewestPairs,
            PairVideos = pairs ? videos + SpareVideos : FewestPairVideos,
            TestVideos = FewestTestVideos,
            Frames = config.Frames,
            Tags = Math.Min(config.Tags, MostTags),
        }, cancellation);
        var tokenizer = TokenizerFactory.Create(config, Vocabulary.Load(data.Vocabulary), dictionary: null);
        var dataset = data.Format.Open(pairs ? [data.Pairwise] : data.Pointwise, config.FrameWidth, cancellation: cancellation);
        using var assembler = new BatchAssembler(dataset, tokenizer, TagList.Read(data.TagList), config.EvenFrames);
        assembler.FillOnce(built.Input, [.. Enumerable.Range(0, pairs ? built.Input.Shape.Pairs : videos)], pairs ? LabelFile.Read(data.Labels, dataset.TryFind) : [],
            built.Stage.Shape.MaskedCapacity > 0 ? new TokenMasker(tokenizer.Vocabulary, seed: 1) : null, step: 1);
    }

    /// <summary>Deletes the data.</summary>
    public void Dispose() => Directory.Delete(Root, recursive: true);

    private DataFolder DataOf(SyntheticDatasetOptions options, CancellationToken cancellation)
    {
        if (_written.TryGetValue(options, out var known))
            return known;
        string folder = Path.Combine(Root, $"{_written.Count}");
        SyntheticDataset.Write(options, folder, IProgressSink.None, cancellation);
        return _written[options] = new DataFolder(folder);
    }
}
