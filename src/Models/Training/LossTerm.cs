using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;

namespace VideoSim.Models.Training;

/// <summary>One part of a loss: its name in logs and its weight in the total.</summary>
public readonly record struct LossTerm(string Name, float Weight);

/// <summary>The scalar values of all terms of a step, side by side on the device.</summary>
/// <param name="Terms">Names and weights.</param>
/// <param name="Values">Unweighted values [terms].</param>
public sealed record LossTerms(IReadOnlyList<LossTerm> Terms, Tensor Values)
{
    /// <summary>Takes memory for the terms of a step.</summary>
    public static LossTerms Create(Tape tape, params LossTerm[] terms) => new(terms, tape.Scratch(new Shape(terms.Length)));

    /// <summary>Where a term's value is written [1].</summary>
    public Tensor this[int index] => Values.Slice(index, new Shape(1));

    /// <summary>The total of downloaded values.</summary>
    public double Total(ReadOnlySpan<float> values)
    {
        double total = 0;
        for (int i = 0; i < values.Length; i++)
            total += (double)Terms[i].Weight * values[i];
        return total;
    }
}
