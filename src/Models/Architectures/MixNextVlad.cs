using VideoSim.Engine.Autograd;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Encoders;
using VideoSim.Models.Layers;

namespace VideoSim.Models.Architectures;

/// <summary>
/// MixNextvlad (docs/reference-system.md, sections 3.5 and 3.6): a gated mixture of experts over one text tower. Each
/// expert pools the frames with NeXtVLAD, joins them with the text and predicts tags. The gate reads the mean frame
/// and the text.
/// </summary>
internal sealed class MixNextVlad : IVideoModel
{
    private const float ConsistencyEpsilon = 1e-8f;
    private const string BatchNorm = "batch normalisation";

    private readonly ModelConfig _config;
    private readonly TextTower _textTower;
    private readonly Dense _textMap, _gate;
    private readonly Dense? _classifier; // null without tags
    private readonly BatchNormalization _gateNorm;
    private readonly NeXtVlad _vlad;
    private readonly Fusion _fusion;

    public MixNextVlad(ModelConfig config)
    {
        _config = config;
        _textTower = new TextTower(Parameters, ParameterGroups.Encoder, config.Encoder, config.TextLength, config.MaskedPooling);
        const int rest = ParameterGroups.Rest;
        string[] experts = [.. Enumerable.Range(0, config.Experts).Select(k => $"experts.{k}")];
        int gateWidth = config.FrameWidth + config.VladWidth;
        _textMap = new Dense(Parameters, "text_map", config.Encoder.HiddenSize, config.VladWidth, group: rest);
        _gateNorm = new BatchNormalization(Parameters, ["gate.norm"], gateWidth, rest);
        _gate = new Dense(Parameters, "gate.dense", gateWidth, config.Experts, group: rest);
        _vlad = new NeXtVlad(Parameters, rest, [.. experts.Select(name => $"{name}.vlad")], config);
        _fusion = new Fusion(Parameters, rest, [.. experts.Select(name => $"{name}.fusion")], config);
        if (config.Tags > 0)
        {
            _classifier = new Dense(Parameters, [.. experts.Select(name => $"{name}.classifier")], config.EmbeddingWidth, config.Tags,
                initialBias: Math.Log(config.TagPrior / (1 - config.TagPrior)), group: rest);
        }
    }

    /// <inheritdoc/>
    public ParameterStore Parameters { get; } = new();

    /// <inheritdoc/>
    public Tensor Embed(Tape tape, BatchBlock batch) => Encode(tape, batch).Embedding;

    /// <inheritdoc/>
    public (Tensor Embedding, Tensor TagLogits) Predict(Tape tape, BatchBlock batch)
    {
        var encoded = Encode(tape, batch);
        return (encoded.Embedding, _classifier is null ? default : Tags(tape, _classifier, encoded).Mixture);
    }

    /// <inheritdoc/>
    public TrainingStage Pretraining(int videos, LossConfig losses) =>
        new(BatchShape.OfVideos(_config, videos), (tape, batch) => PretrainingLosses(tape, batch, losses))
        {
            MixesSamples = losses.ContrastiveWeight > 0 ? [BatchNorm, "the contrastive term"] : [BatchNorm],
        };

    /// <inheritdoc/>
    public TrainingStage Finetuning(int pairs, LossConfig losses) =>
        new(BatchShape.OfPairs(_config, pairs), (tape, batch) => FinetuningLosses(tape, batch, losses)) { MixesSamples = [BatchNorm] };

    private LossTerms PretrainingLosses(Tape tape, BatchBlock batch, LossConfig losses)
    {
        var encoded = Encode(tape, batch);
        LossTerm[] tags = [];
        if (_classifier is not null)
        {
            var (expertLogits, logits) = Tags(tape, _classifier, encoded);
            var terms = MultiLabelLoss.Forward(tape, logits, expertLogits, batch.Labels, losses.Focus, new HeadConsistency(losses.ConsistencyTemperature, ConsistencyEpsilon));
            tags = [new("tag", losses.TagWeight, terms.Mixture), new("tag_experts", losses.TagWeight, terms.Experts), new("consistency", losses.ConsistencyWeight, terms.Consistency)];
        }
        var contrastive = ContrastiveLoss.Forward(tape, encoded.Vision, encoded.Text, losses.ContrastiveTemperature);
        return new LossTerms([.. tags, new("contrastive", losses.ContrastiveWeight / _config.Experts, contrastive)]);
    }

    private LossTerms FinetuningLosses(Tape tape, BatchBlock batch, LossConfig losses)
    {
        var encoded = Encode(tape, batch);
        var pairs = PairLoss.Forward(tape, encoded.Embedding, batch.Similarities);
        tape.Note("cosine", pairs.Cosines);
        return losses.OfPairs(pairs, _classifier is null ? []
            : [new("tag", losses.TagWeight, MultiLabelLoss.Forward(tape, Tags(tape, _classifier, encoded).Mixture, batch.Labels, losses.Focus))]);
    }

    private Encoded Encode(Tape tape, BatchBlock batch)
    {
        int videos = batch.Shape.Videos, sides = batch.Shape.Pairs > 0 ? 2 : 1;
        var summary = tape.Note("text_summary", _textTower.Forward(tape, batch.Tokens, batch.AttentionMask)); // [B, C]
        var text = tape.Note("text", Activation.Forward(tape, _textMap.Forward(tape, summary), ActivationKind.Relu)); // [B, N]
        var (frames, meanFrame) = StoredRows.Mask(tape, batch.Frames, batch.FrameCounts);               // [B*F, W], [B, W]
        var gateInput = ConcatDropout.Forward(tape, meanFrame, text, site: 0, dropProbability: 0);
        var weights = tape.Note("gate", Softmax.Forward(tape, _gate.Forward(tape, _gateNorm.Forward(tape, gateInput, sides)))); // [B, E]
        var vision = _vlad.Forward(tape, frames, videos, sides);                                            // [E, B, N]
        var experts = tape.Note("experts.embedding", _fusion.Forward(tape, vision, text));                  // [E, B, embedding]
        return new Encoded(text, vision, weights, experts, tape.Note("embedding", Mixture.Forward(tape, experts, weights)));
    }

    // Logits of each expert [E, B, tags] and of the mixture [B, tags].
    private static (Tensor Experts, Tensor Mixture) Tags(Tape tape, Dense classifier, in Encoded encoded)
    {
        var experts = tape.Note("experts.tag_logits", classifier.Forward(tape, encoded.Experts));
        return (experts, tape.Note("tag_logits", Mixture.Forward(tape, experts, encoded.Weights)));
    }

    private readonly record struct Encoded(Tensor Text, Tensor Vision, Tensor Weights, Tensor Experts, Tensor Embedding);
}
