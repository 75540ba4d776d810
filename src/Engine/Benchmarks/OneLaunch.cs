using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MatMul;

namespace VideoSim.Engine.Benchmarks;

/// <summary>
/// Measures one launch of a sequence. The launches before it run once, so its inputs are those of a real step. The
/// launches after it are dropped.
/// </summary>
/// <param name="inner">Stream that runs the launches.</param>
/// <param name="wanted">The kernel to measure.</param>
/// <param name="wantedBytes">Bytes of its launch. The first launch that moves at least as many is measured.</param>
/// <param name="sample">Measures calls: one for each build of the kernel.</param>
/// <param name="runsProducts">
/// Whether matrix products run. Without them the launch reads whatever is in memory.
/// </param>
/// <param name="builds">
/// Streams that launch other builds of the kernel, to measure them in turn; null to measure that of the stream.
/// </param>
public sealed unsafe class OneLaunch(ComputeStream inner, Kernel wanted, double wantedBytes, Func<IReadOnlyList<Action>, IReadOnlyList<IReadOnlyList<double>>> sample, bool runsProducts = true,
    IReadOnlyList<ComputeStream>? builds = null) : ComputeStream
{
    /// <summary>For each build its times in microseconds, by round; null before the launch.</summary>
    public IReadOnlyList<IReadOnlyList<double>>? Times { get; private set; }

    /// <summary>The integers among the arguments of the launch, by name; empty before the launch.</summary>
    public IReadOnlyDictionary<string, long> Sizes { get; private set; } = new Dictionary<string, long>();

    /// <inheritdoc/>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        if (Times is not null)
            return;
        if (kernel == wanted && kernel.Cost(args).MovedBytes >= wantedBytes)
        {
            Sizes = kernel.Layout.Integers.ToDictionary(static name => name, name => kernel.Layout.ReadInteger(name, args));
            Times = sample([.. (builds ?? [inner]).Select(stream => (Action)(() => stream.Launch(kernel, args, bytes)))]);
        }
        else if (runsProducts || kernel != MatMulKernels.Multiply)
        {
            inner.Launch(kernel, args, bytes);
        }
    }
}
