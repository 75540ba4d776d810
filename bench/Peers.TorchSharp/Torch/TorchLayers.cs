using F = TorchSharp.torch.nn.functional;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Torch;

/// <summary>Layers with weights, by their names.</summary>
internal static class TorchLayers
{
    // Keras keeps 0.99 of a running average, and libtorch's momentum is the share of the new value.
    private const double Momentum = 0.01, Epsilon = 1e-3;

    /// <summary>A linear map, with a bias if there is one.</summary>
    public static TorchTensor Linear(this TorchWeights weights, TorchTensor x, string name) => F.linear(x, weights[$"{name}.weight"], weights.Find($"{name}.bias"));

    /// <summary>Normalisation of rows.</summary>
    public static TorchTensor LayerNorm(this TorchWeights weights, TorchTensor x, string name, double epsilon) =>
        F.layer_norm(x, [x.shape[^1]], weights[$"{name}.weight"], weights[$"{name}.bias"], epsilon);

    /// <summary>Batch normalisation of columns.</summary>
    public static TorchTensor BatchNorm(this TorchWeights weights, TorchTensor x, string name, bool training) => F.batch_norm(x,
        weights.State($"{name}.running_mean"), weights.State($"{name}.running_var"), weights[$"{name}.weight"], weights[$"{name}.bias"], training, Momentum, Epsilon);
}
