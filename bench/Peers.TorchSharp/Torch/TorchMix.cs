using TorchSharp;
using VideoSim.Models.Configuration;
using F = TorchSharp.torch.nn.functional;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Torch;

/// <summary>MixNextvlad (docs/reference-system.md, sections 3.3 to 3.6, and 4.4 to 4.6 for the losses).</summary>
internal sealed class TorchMix(TorchWeights weights, ModelConfig config, LossConfig losses) : TorchNetwork
{
    private const double ConsistencyEpsilon = 1e-8;

    private readonly TorchEncoder _encoder = new(weights, config.Encoder);
    private readonly TorchNextVlad[] _vlads = [.. Names(config).Select(name => new TorchNextVlad(weights, $"{name}.vlad", config))];

    // The vectors of a batch: text [B, N], vision and embeddings of the experts [B, ...], their weights [B, E].
    private sealed record Encoded(TorchTensor Text, TorchTensor[] Vision, TorchTensor[] Experts, TorchTensor Weights);

    /// <inheritdoc/>
    public override TorchTensor Embed(TorchBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var encoded = Encode(batch, training: false);
        return Mix(encoded.Experts, encoded.Weights).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override TorchTensor Loss(TorchBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var encoded = Encode(batch, training: true);
        TorchTensor[] logits = [.. encoded.Experts.Zip(Names(config), (expert, name) => weights.Linear(expert, $"{name}.classifier"))];
        var mixture = Mix(logits, encoded.Weights);
        var loss = TagLoss(mixture, batch);
        foreach (var expert in logits)
            loss += TagLoss(expert, batch);
        loss += losses.ConsistencyWeight / batch.Videos * Consistency(mixture, logits);
        loss += losses.ContrastiveWeight / config.Experts * Contrast(encoded.Vision, encoded.Text);
        return loss.MoveToOuterDisposeScope();
    }

    private static IEnumerable<string> Names(ModelConfig config) => Enumerable.Range(0, config.Experts).Select(static expert => $"experts.{expert}");

    private Encoded Encode(TorchBatch batch, bool training)
    {
        var summary = _encoder.Pool(_encoder.Embed(batch.TokenIds, training), batch.TextBias, training);
        var text = F.relu(weights.Linear(summary, "text_map"));
        var gate = weights.BatchNorm(torch.cat([batch.Frames.mean([1]), text], 1), "gate.norm", training);
        var shares = F.softmax(weights.Linear(gate, "gate.dense"), -1);
        TorchTensor[] vision = [.. _vlads.Select(vlad => vlad.Forward(batch.Frames, training))];
        return new Encoded(text, vision, [.. vision.Zip(Names(config), (pooled, name) => Fuse(pooled, text, $"{name}.fusion", training))], shares);
    }

    private TorchTensor Fuse(TorchTensor vision, TorchTensor text, string name, bool training)
    {
        var joined = F.dropout(torch.cat([vision, text], 1), config.FusionDropout, training);
        var u = F.relu(weights.Linear(joined, $"{name}.dense"));
        var squeezed = F.relu(weights.Linear(u, $"{name}.squeeze"));
        return u * torch.sigmoid(weights.Linear(squeezed, $"{name}.excite"));
    }

    // Sum of [B, C] of each expert, by its share of [B, E].
    private static TorchTensor Mix(TorchTensor[] experts, TorchTensor shares) =>
        experts.Select((expert, k) => expert * shares.narrow(1, k, 1)).Aggregate(static (sum, part) => sum + part);

    // Divergence of the experts' softened distributions over tags from the mixture's, summed over videos.
    private TorchTensor Consistency(TorchTensor mixture, TorchTensor[] logits)
    {
        var p = F.softmax(mixture / losses.ConsistencyTemperature, -1);
        var logP = torch.log(p + ConsistencyEpsilon);
        return logits.Select(expert => (p * (logP - torch.log(F.softmax(expert / losses.ConsistencyTemperature, -1) + ConsistencyEpsilon))).sum())
            .Aggregate(static (sum, part) => sum + part);
    }

    // Symmetric InfoNCE between each vision vector and the text, mean over videos.
    private TorchTensor Contrast(TorchTensor[] vision, TorchTensor text)
    {
        var unitText = F.normalize(text, 2, 1);
        var target = torch.arange(text.shape[0], torch.int64);
        return vision.Select(pooled =>
        {
            var scores = F.normalize(pooled, 2, 1).matmul(unitText.transpose(0, 1)) / losses.ContrastiveTemperature;
            return (F.cross_entropy(scores, target) + F.cross_entropy(scores.transpose(0, 1), target)) / 2;
        }).Aggregate(static (sum, part) => sum + part);
    }
}
