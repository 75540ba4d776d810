using TorchSharp;
using VideoSim.Models.Configuration;
using F = TorchSharp.torch.nn.functional;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Torch;

/// <summary>
/// Uniter (docs/reference-system.md, sections 3.7 to 3.9). The mean comes before the linear map, and only the masked
/// rows go through the head over the vocabulary.
/// </summary>
internal sealed class TorchUniter(TorchWeights weights, ModelConfig config, LossConfig losses) : TorchNetwork
{
    private readonly TorchEncoder _encoder = new(weights, config.Encoder);

    /// <inheritdoc/>
    public override TorchTensor Embed(TorchBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        return Map(Encode(batch, training: false).mean([1])).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override TorchTensor Loss(TorchBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        var hidden = Encode(batch, training: true);
        var tags = TagLoss(weights.Linear(Map(hidden.mean([1])), "classifier"), batch);
        var masked = Map(hidden.view(-1, hidden.shape[2]).index_select(0, batch.MaskedRows));
        var words = _encoder.Norm(F.gelu(weights.Linear(masked, "mlm.dense")), "mlm.LayerNorm");
        var tokens = F.cross_entropy(F.linear(words, weights[TorchEncoder.WordTable], weights["mlm.bias"]), batch.MaskedTargets);
        return (tags + losses.MlmWeight * tokens).MoveToOuterDisposeScope();
    }

    private TorchTensor Map(TorchTensor x) => weights.Linear(x, "fc");

    private TorchTensor Encode(TorchBatch batch, bool training)
    {
        using var scope = torch.NewDisposeScope();
        var sequence = torch.cat([_encoder.Embed(batch.TokenIds, training), F.relu(weights.Linear(batch.Frames, "frame_map"))], 1);
        return _encoder.Encode(sequence, batch.SequenceBias, training).MoveToOuterDisposeScope();
    }
}
