using VideoSim.Models.Architectures;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Submissions;
using VideoSim.Models.Text;
using VideoSim.Models.Training;
using VideoSim.Models.Zoo;

namespace VideoSim.Models.Reproduction;

/// <summary>
/// Embeddings of test_b as in a submission: rounded to half precision. Those that are there are not made again.
/// </summary>
internal sealed class TestEmbeddings(ReproductionContext context)
{
    /// <summary>With the random weights that a training begins with.</summary>
    /// <param name="root">Folder of the model's runs.</param>
    /// <param name="run">Options of the training.</param>
    public EmbeddingTable OfRandomWeights(string root, RunOptions run) => Make(root, ReproductionLayout.Random, () => Untrained(run));

    /// <summary>With the model of a run that is complete.</summary>
    /// <param name="run">Folder of the run. The embeddings lie next to it.</param>
    public EmbeddingTable OfFinished(string run) => Make(Path.GetDirectoryName(run)!, Path.GetFileName(run), () => Finished(run));

    private EmbeddingTable Make(string root, string name, Func<(IVideoModel Model, ModelConfig Config, ITokenizer Tokenizer, TagList Tags, EmbeddingOrigin? Origin)> load)
    {
        string file = EarlierFiles.EmbeddingFile(root, name);
        if (!File.Exists(file))
        {
            var (model, config, tokenizer, tags, origin) = load();
            using var parameters = model.Parameters;
            using var embedder = new Embedder(context.Device, model, config, context.Options.Eager);
            var index = context.Data.Format.Open([context.Data.Test("b")], config.FrameWidth, context.Options.SkipBadRecords, progress: context.Progress, cancellation: context.Cancellation);
            SubmissionFile.Write(file, embedder.EmbedAll(index, tokenizer, tags, context.Progress, context.Cancellation).From(origin), EmbeddingRounding.Half);
        }
        return SubmissionFile.Read(file);
    }

    private (IVideoModel, ModelConfig, ITokenizer, TagList, EmbeddingOrigin?) Untrained(RunOptions run)
    {
        using var encoder = run.Text.OpenEncoder(run.Model);
        var vocabulary = encoder?.Vocabulary ?? Vocabulary.Load(run.Text.VocabularyFor(context.Data));
        var tags = context.Data.ReadTags();
        var config = run.LoadPreset(encoder, context.FrameWidth).For(vocabulary.Count, tags.ClassCount).Model;
        var model = ModelZoo.Create(config);
        model.Parameters.Allocate(context.Device, training: false);
        model.Parameters.Initialize(run.Seed);
        encoder?.LoadInto(model.Parameters);
        return (model, config, TokenizerFactory.Create(config, vocabulary, run.Dictionary), tags, null);
    }

    private (IVideoModel, ModelConfig, ITokenizer, TagList, EmbeddingOrigin?) Finished(string run)
    {
        var folder = ModelFolder.Open(run, context.Options.Dictionary);
        return (folder.Load(context.Device, training: false), folder.Configuration, folder.Tokenizer, folder.Tags, Embedder.OriginOf(folder));
    }
}
