using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// A function that some launches compute together, such as a kernel and the kernel that adds up its partial sums.
/// </summary>
public sealed class CountedFunction
{
    private readonly List<CountedLaunch> _launches = [];

    internal CountedFunction(string text) => Text = text;

    /// <summary>
    /// Inputs and results in words, such as <c>x, dY -> dX</c>; empty for launches outside of any function.
    /// </summary>
    public string Text { get; }

    /// <summary>Bytes that it must read and write, see <see cref="Touch"/>.</summary>
    public double NecessaryBytes { get; internal set; }

    /// <summary>Its launches, in order.</summary>
    public IReadOnlyList<CountedLaunch> Launches => _launches;

    /// <summary>Work of all launches.</summary>
    public KernelCost Cost { get; private set; }

    /// <summary>Moved bytes divided by necessary bytes.</summary>
    public double Ratio => Cost.MovedBytes / NecessaryBytes;

    internal void Add(CountedLaunch launch)
    {
        _launches.Add(launch);
        Cost += launch.Cost;
    }
}
