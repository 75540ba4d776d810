using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Autograd;

/// <summary>
/// Gradients of a store without a block of gradients that some step does not write as a whole: it uses the parameter
/// in parts, or not at all. They have memory of their own, which is 0 where no step writes.
/// </summary>
internal sealed class KeptGradients : IDisposable
{
    private readonly Dictionary<Parameter, (Arena Arena, Tensor Gradient)> _all = [];

    /// <summary>Their memory.</summary>
    public long Bytes => _all.Values.Sum(static kept => kept.Arena.Capacity);

    /// <summary>The gradient of a parameter; the first call takes memory for it.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="device">Device of its store.</param>
    public Tensor Of(Parameter parameter, Device device)
    {
        if (_all.TryGetValue(parameter, out var kept))
            return kept.Gradient;
        var arena = new Arena(device, Arena.BytesOf(parameter.Shape, default), $"the gradient of {parameter}");
        var gradient = arena.Allocate(parameter.Shape);
        _all.Add(parameter, (arena, gradient));
        Clear(gradient, device);
        return gradient;
    }

    /// <summary>Sets all of them to 0.</summary>
    public void Clear(Device device)
    {
        foreach (var (_, gradient) in _all.Values)
            Clear(gradient, device);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (arena, _) in _all.Values)
            arena.Dispose();
    }

    private static void Clear(in Tensor gradient, Device device) => device.Clear(gradient.Address, gradient.Shape.Count * sizeof(float));
}
