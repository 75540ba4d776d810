using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Progress;
using VideoSim.Models.Records;
using VideoSim.Models.Synthesis;
using VideoSim.Models.Text;
using VideoSim.Models.Training;

namespace VideoSim.Models.Reproduction;

/// <summary>What benches run steps on: first weights, and one batch of synthetic data.</summary>
internal static class SyntheticBatch
{
    private const int Period = 1 << 16; // of weights: drawing all of a model's takes a minute
    private const int FewestTags = 48, MostTags = 200, FewestVideos = 16, SpareVideos = 64; // of synthetic data

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
    public static void Fill(BuiltStep built, ModelConfig config)
    {
        built.Model.Parameters.Initialize(seed: 1, Period);
        string folder = Directory.CreateTempSubdirectory("videosim-bench-").FullName;
        try
        {
            int videos = built.Stage.Shape.Videos;
            var options = new SyntheticDatasetOptions { Videos = Math.Max(videos, FewestVideos), PairVideos = videos + SpareVideos, Pairs = videos, Frames = config.Frames, Tags = Math.Min(config.Tags, MostTags) };
            SyntheticDataset.Write(options, Path.Combine(folder, "data"), IProgressSink.None, CancellationToken.None);
            var data = new DataFolder(Path.Combine(folder, "data"));
            var tokenizer = TokenizerFactory.Create(config, Vocabulary.Load(data.Vocabulary), dictionary: null);
            bool pairs = built.Stage.Shape.Pairs > 0;
            var index = RecordIndex.Build(pairs ? [data.Pairwise] : data.Pointwise, config.FrameWidth);
            using var assembler = new BatchAssembler(index, tokenizer, Records.TagList.Read(data.TagList), config.EvenFrames);
            assembler.FillFirst(built.Input, pairs ? LabelFile.Read(data.Labels, index.TryFind) : [],
                built.Model.MasksTokens && !pairs ? new TokenMasker(tokenizer.Vocabulary, seed: 1) : null, step: 1);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
