using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Synthesis;
using VideoSim.Models.Text;
using VideoSim.Models.Training;

namespace VideoSim.Models.Profiling;

/// <summary>
/// Inputs of the benches: initial weights and batches of synthetic data. Steps of the same sizes share one dataset.
/// <see cref="Dispose"/> deletes all of them.
/// </summary>
internal sealed class SyntheticBatches : IDisposable
{
    // Sizes of synthetic data.
    private const int FewestPieces = 2048, FewestTags = 48, MostTags = 200, FewestVideos = 16, SpareVideos = 64;

    // The smallest sizes that a dataset allows, for the parts that no step reads.
    private const int FewestPairs = 1, FewestPairVideos = 3, FewestTestVideos = 90;

    private readonly Dictionary<SyntheticDatasetOptions, DataFolder> _written = [];
    private readonly UnfinishedWork _unfinished;

    /// <summary>Makes the folder.</summary>
    public SyntheticBatches() => _unfinished = UnfinishedWork.Result(DeleteAll);

    /// <summary>The folder of all datasets.</summary>
    public string Root { get; } = MakeRoot();

    /// <summary>A preset with enough tags and pieces of the vocabulary for synthetic data.</summary>
    public static Preset Sizes(string preset, string model, IReadOnlyList<Override> overrides)
    {
        var sizes = Preset.Load(preset, model, overrides);
        if (sizes.Pretrain.GradientAccumulationSteps > 1 || sizes.Finetune.GradientAccumulationSteps > 1)
            throw new DataException("a bench times the step of one batch: leave gradient_accumulation_steps at 1 and set batch");
        return sizes.For(Math.Max(sizes.Model.Encoder.VocabSize, FewestPieces), Math.Max(sizes.Model.Tags, FewestTags));
    }

    /// <summary>
    /// Initialises the weights of a step and fills its batch with synthetic videos. A model with more tokens and tags
    /// than the data does not use all of them.
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
            FrameWidth = config.FrameWidth,
            Tags = Math.Min(config.Tags, MostTags),
        }, cancellation);
        var vocabulary = Vocabulary.Load(data.Vocabulary);
        if (vocabulary.Count > config.Encoder.VocabSize)
            throw new InvalidOperationException($"the synthetic vocabulary has {vocabulary.Count} pieces, the model {config.Encoder.VocabSize}");
        var tokenizer = TokenizerFactory.Create(config, vocabulary, dictionary: null);
        var dataset = data.Format.Open(pairs ? [data.Pairwise] : data.Pointwise, config.FrameWidth, cancellation: cancellation);
        using var assembler = new BatchAssembler(dataset, tokenizer, TagList.Read(data.TagList), config.EvenFrames);
        assembler.FillOnce(built.Input, [.. Enumerable.Range(0, pairs ? built.Input.Shape.Pairs : videos)], pairs ? LabelFile.Read(data.Labels, dataset.TryFind) : [],
            built.Stage.Shape.MaskedCapacity > 0 ? new TokenMasker(tokenizer.Vocabulary, seed: 1) : null, step: 1);
    }

    /// <summary>Deletes the data.</summary>
    public void Dispose()
    {
        DeleteAll();
        _unfinished.Dispose();
    }

    private void DeleteAll() => Directory.Delete(Root, recursive: true);

    private static string MakeRoot()
    {
        try
        {
            return Directory.CreateTempSubdirectory("videosim-bench-").FullName;
        }
        catch (Exception e) when (FileFailure.Is(e))
        {
            throw FileFailure.Writing(Path.GetTempPath(), e, Path.GetTempPath());
        }
    }

    private DataFolder DataOf(SyntheticDatasetOptions options, CancellationToken cancellation)
    {
        if (_written.TryGetValue(options, out var known))
            return known;
        string folder = Path.Combine(Root, $"{_written.Count}");
        SyntheticDataset.Write(options, folder, IProgressSink.None, cancellation);
        return _written[options] = new DataFolder(folder);
    }
}
