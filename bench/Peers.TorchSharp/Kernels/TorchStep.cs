using TorchSharp;
using VideoSim.Peers.Measuring;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Kernels;

/// <summary>The peer's side of a kernel.</summary>
internal static class TorchStep
{
    /// <summary>Work that frees its tensors.</summary>
    public static Work Of(int threads, Action run, long parameters = 0)
    {
        torch.set_num_threads(threads);
        return new Work(() =>
        {
            using var scope = torch.NewDisposeScope();
            run();
        }, parameters);
    }

    /// <summary>Forward and backward of one operator. The gradient of its output is random.</summary>
    /// <param name="threads">Threads of libtorch.</param>
    /// <param name="inputs">The tensors that get a gradient.</param>
    /// <param name="apply">The operator.</param>
    /// <param name="parameters">How many values of the inputs are trained.</param>
    public static Work Differentiated(int threads, TorchTensor[] inputs, Func<TorchTensor> apply, long parameters = 0)
    {
        using var first = apply();
        TorchTensor[] upstream = [Random(first.shape)];
        return Of(threads, () => torch.autograd.grad([apply()], inputs, upstream), parameters);
    }

    /// <summary>Values from -1 to 1.</summary>
    public static TorchTensor Random(params long[] sizes) => torch.rand(sizes) * 2 - 1;

    /// <summary>Values from -1 to 1 that get a gradient.</summary>
    public static TorchTensor Input(params long[] sizes) => Random(sizes).requires_grad_(true);
}
