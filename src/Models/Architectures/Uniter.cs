using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Layers;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Attention;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Encoders;
using VideoSim.Models.Layers;

namespace VideoSim.Models.Architectures;

/// <summary>
/// Uniter (docs/reference-system.md, sections 3.7 to 3.9): one encoder reads text and frames as one sequence. The mean
/// of its output becomes the video embedding. Pretraining also predicts masked tokens.
/// </summary>
internal sealed class Uniter : IVideoModel
{
    private readonly ModelConfig _config;
    private readonly TextEncoder _encoder;
    private readonly Dense _frameMap;
    private readonly Dense? _classifier; // null without tags

    /// <summary>Declares the weights.</summary>
    /// <exception cref="DataException">Text and frames are too long for one sequence.</exception>
    public Uniter(ModelConfig config)
    {
        _config = config;
        int positions = config.TextLength + config.Frames;
        if (positions > AttentionKernels.MaxLength)
            throw new DataException($"text_length + frames is {positions}; {config.Model} takes at most {AttentionKernels.MaxLength} positions");
        _encoder = new TextEncoder(Parameters, ParameterGroups.Encoder, config.Encoder, positions);
        const int rest = ParameterGroups.Rest;
        int hidden = config.Encoder.HiddenSize, width = config.EmbeddingWidth;
        _frameMap = new Dense(Parameters, "frame_map", config.FrameWidth, hidden, group: rest);
        Map = new Dense(Parameters, "fc", hidden, width, group: rest);
        if (config.Tags > 0)
            _classifier = new Dense(Parameters, "classifier", width, config.Tags, initialBias: Math.Log(config.TagPrior / (1 - config.TagPrior)), group: rest);
        Tokens = new MaskedTokenHead(Parameters, rest, "mlm", width, _encoder.WordTable, config.Encoder);
    }

    /// <inheritdoc/>
    public ParameterStore Parameters { get; } = new();

    /// <summary>
    /// Linear map from hidden states to the embedding. Because it is linear, it can follow the mean.
    /// </summary>
    internal Dense Map { get; }

    /// <summary>The head that predicts masked tokens. Its input is the output of <see cref="Map"/>.</summary>
    internal MaskedTokenHead Tokens { get; }

    /// <inheritdoc/>
    public Tensor Embed(Tape tape, BatchBlock batch) => Pool(tape, Encode(tape, batch));

    /// <inheritdoc/>
    public (Tensor Embedding, Tensor TagLogits) Predict(Tape tape, BatchBlock batch)
    {
        var embedding = Embed(tape, batch);
        return (embedding, _classifier is null ? default : Tags(tape, embedding));
    }

    /// <inheritdoc/>
    public unsafe TrainingStage Pretraining(int videos, LossConfig losses) => new(
        BatchShape.OfVideos(_config, videos, TokenMasker.Candidates(videos, _config.TextLength)),
        [.. TokenMasker.PlanRows(videos, _config.TextLength).Select(rows => new StepVariant(
            batch => *batch.MaskedCount.Ints <= rows, (tape, batch) => PretrainingLosses(tape, batch, losses, rows)))]);

    /// <inheritdoc/>
    public TrainingStage Finetuning(int pairs, LossConfig losses) =>
        new(BatchShape.OfPairs(_config, pairs), (tape, batch) => FinetuningLosses(tape, batch, losses));

    // Predicts the first maskedRows masked tokens of the batch.
    private LossTerms PretrainingLosses(Tape tape, BatchBlock batch, LossConfig losses, int maskedRows)
    {
        var encoded = Encode(tape, batch);
        var embedding = Pool(tape, encoded);
        var tags = TagTerms(tape, batch, embedding, losses);
        var rows = new Shape(maskedRows);
        var masked = GatherRows.Forward(tape, encoded.Hidden, batch.MaskedPositions.Slice(0, rows), batch.Shape.TextLength); // [rows, C]
        var tokens = Tokens.Loss(tape, tape.Note("masked_tokens", Map.Forward(tape, masked)), batch.MaskedTargets.Slice(0, rows), batch.MaskedWeights.Slice(0, rows));
        return new LossTerms([.. tags, new("mlm", losses.MlmWeight, tokens)]);
    }

    private LossTerms FinetuningLosses(Tape tape, BatchBlock batch, LossConfig losses)
    {
        var embedding = Embed(tape, batch);
        var pairs = PairLoss.Forward(tape, embedding, batch.Similarities);
        tape.Note("cosine", pairs.Cosines);
        return losses.OfPairs(pairs, TagTerms(tape, batch, embedding, losses));
    }

    private LossTerm[] TagTerms(Tape tape, BatchBlock batch, in Tensor embedding, LossConfig losses) =>
        _classifier is null ? [] : [new("tag", losses.TagWeight, MultiLabelLoss.Forward(tape, Tags(tape, embedding), batch.Labels, losses.Focus))];

    /// <summary>Hidden states [B, T + F, C] of text and frames, and their attention mask, Int32 [B, T + F].</summary>
    internal (Tensor Hidden, Tensor Mask) Encode(Tape tape, BatchBlock batch)
    {
        var shape = batch.Shape;
        var mapped = _frameMap.Forward(tape, StoredRows.Widen(tape, batch.Frames));                        // [B*F, C]
        var frames = Activation.Forward(tape, mapped, ActivationKind.Relu).Reshape(new Shape(shape.Videos, shape.Frames, _config.Encoder.HiddenSize));
        tape.Note("frames", frames);
        var (sequence, mask) = JoinSequences.Forward(tape, _encoder.Embed(tape, batch.Tokens), batch.AttentionMask, frames, batch.FrameCounts);
        tape.Note("sequence", sequence);
        return (_encoder.Encode(tape, sequence, mask), mask);
    }

    /// <summary>Tag logits [B, tags] of embeddings [B, EmbeddingWidth]. There must be tags.</summary>
    internal Tensor Tags(Tape tape, in Tensor embedding) => tape.Note("tag_logits", _classifier!.Forward(tape, embedding));

    // The reference maps every position and then averages (docs/reference-system.md, section 3.7). The result is the
    // same, with 64 times the work.
    private Tensor Pool(Tape tape, in (Tensor Hidden, Tensor Mask) encoded) =>
        tape.Note("embedding", Map.Forward(tape, MeanPool.Forward(tape, encoded.Hidden, _config.MaskedPooling ? encoded.Mask : default)));
}
