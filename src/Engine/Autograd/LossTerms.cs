using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;

namespace VideoSim.Engine.Autograd;

/// <summary>One term of the objective. A training step reduces the weighted sum of all terms.</summary>
/// <param name="Name">Its name in logs.</param>
/// <param name="Weight">Factor of the value in the total, and of the gradient.</param>
/// <param name="Value">
/// The unweighted value [1], from a loss operator. It is on the device once the backward pass has run.
/// </param>
public readonly record struct LossTerm(string Name, float Weight, Tensor Value)
{
    /// <summary>
    /// Whether the value is a sum over the samples of the batch; otherwise it is a mean. Only a batch in several parts
    /// needs this.
    /// </summary>
    public bool IsSum { get; init; }
}

/// <summary>The objective of a step, term by term.</summary>
public sealed class LossTerms
{
    private readonly LossTerm[] _terms;

    /// <summary>An objective.</summary>
    /// <param name="terms">The terms, in the order of logs.</param>
    /// <exception cref="ArgumentException">Two terms have the same name, or a weight is not finite.</exception>
    public LossTerms(params ReadOnlySpan<LossTerm> terms)
    {
        _terms = terms.ToArray();
        for (int i = 0; i < _terms.Length; i++)
        {
            var (name, weight, _) = _terms[i];
            if (!float.IsFinite(weight))
                throw new ArgumentException($"the weight of the loss term {name} is {weight}");
            if (Array.FindIndex(_terms, term => term.Name == name) < i)
                throw new ArgumentException($"two loss terms are called {name}");
        }
    }

    /// <summary>Parts whose values were added; 1 for the values of one step.</summary>
    internal int Parts { get; init; } = 1;

    /// <summary>The terms.</summary>
    public ReadOnlySpan<LossTerm> Terms => _terms;

    /// <summary>The values of the terms on the device.</summary>
    internal IEnumerable<Tensor> Values => _terms.Select(static term => term.Value);

    /// <summary>The unweighted values of the last step, in order. Waits for the device.</summary>
    public float[] Read(Device device)
    {
        float[] values = new float[_terms.Length];
        for (int i = 0; i < values.Length; i++)
        {
            device.Read(_terms[i].Value, values.AsSpan(i, 1));
            if (!_terms[i].IsSum)
                values[i] /= Parts;
        }
        return values;
    }

    /// <summary>The weighted sum of values from <see cref="Read"/>.</summary>
    public double Total(ReadOnlySpan<float> values)
    {
        double total = 0;
        for (int i = 0; i < values.Length; i++)
            total += (double)_terms[i].Weight * values[i];
        return total;
    }

    /// <summary>The first term whose value is NaN or infinite, and that value; null if there is none.</summary>
    /// <param name="values">Values from <see cref="Read"/>.</param>
    public (string Name, float Value)? FirstNonFinite(ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                return (_terms[i].Name, values[i]);
        }
        return null;
    }
}
