using TorchSharp;
using VideoSim.Engine.Autograd;
using TorchParameter = TorchSharp.Modules.Parameter;
using TorchTensor = TorchSharp.torch.Tensor;

namespace VideoSim.Peers.Torch;

/// <summary>A weight of the peer, and the part of VideoSim's parameter that has the same values.</summary>
/// <param name="Declared">VideoSim's parameter.</param>
/// <param name="Offset">First value within it.</param>
/// <param name="Shape">Sizes of the weight.</param>
/// <param name="Value">The weight.</param>
internal sealed record TorchWeight(Parameter Declared, long Offset, Engine.Tensors.Shape Shape, TorchParameter Value);

/// <summary>
/// The weights of a peer, as VideoSim's store declares them and under the same names. Each map of a stack is a weight
/// of its own. Queries, keys and values lie in one matrix and have the name of the queries: one product computes all.
/// </summary>
internal sealed class TorchWeights
{
    private const double Deviation = 0.02;

    private readonly Dictionary<string, TorchWeight> _weights = [];
    private readonly Dictionary<string, TorchTensor> _states = [];
    private readonly torch.ScalarType _type;

    /// <summary>Declares the weights, with random matrices and with VideoSim's first values of vectors.</summary>
    /// <param name="store">VideoSim's declarations; it needs no memory.</param>
    /// <param name="type">Float32 or Float64.</param>
    public TorchWeights(ParameterStore store, torch.ScalarType type)
    {
        _type = type;
        foreach (var parameter in store.Parameters)
        {
            bool isStack = parameter.Shape.Rank > parameter.Parts[0].Shape.Rank;
            foreach (var part in isStack ? parameter.Parts : [new ParameterPart(parameter.Parts[0].Name, parameter.Shape, 0)])
                _weights.Add(part.Name, new TorchWeight(parameter, part.Offset, part.Shape, First(parameter, part.Shape)));
        }
        foreach (var state in store.States)
        {
            foreach (var part in state.Parts)
                _states.Add(part.Name, torch.full(SizesOf(part.Shape), state.Initial, dtype: type));
        }
    }

    /// <summary>All weights.</summary>
    public IReadOnlyDictionary<string, TorchWeight> All => _weights;

    /// <summary>Number of trained values.</summary>
    public long Count => _weights.Values.Sum(static weight => weight.Value.numel());

    /// <summary>A weight.</summary>
    public TorchParameter this[string name] => _weights[name].Value;

    /// <summary>A weight, or null: a layer without a bias has none.</summary>
    public TorchParameter? Find(string name) => _weights.GetValueOrDefault(name)?.Value;

    /// <summary>A running average.</summary>
    public TorchTensor State(string name) => _states[name];

    /// <summary>Sets a weight.</summary>
    public static void Set(TorchWeight weight, float[] values)
    {
        using var off = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        weight.Value.copy_(torch.tensor(values).view(weight.Value.shape));
    }

    /// <summary>Sizes as libtorch takes them.</summary>
    public static long[] SizesOf(Engine.Tensors.Shape shape) => [.. Enumerable.Range(0, shape.Rank).Select(axis => (long)shape[axis])];

    private TorchParameter First(Parameter parameter, Engine.Tensors.Shape shape)
    {
        if (shape.Rank > 1)
            return new TorchParameter(torch.empty(SizesOf(shape), dtype: _type).normal_(0, Deviation));
        float[] values = new float[shape.Count];
        parameter.Initializer(values, shape, static _ => 0.5);
        return new TorchParameter(torch.tensor(values, dtype: _type));
    }
}
