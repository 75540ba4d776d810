using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Autograd;

/// <summary>A named part of a parameter. Files store each part under its name.</summary>
/// <param name="Name">Name in files, such as <c>bert.encoder.layer.0.attention.self.query.weight</c>.</param>
/// <param name="Shape">Shape in files.</param>
/// <param name="Offset">First element within the parameter.</param>
public sealed record ParameterPart(string Name, Shape Shape, long Offset);

/// <summary>
/// A trainable tensor. Several named parts may lie in one tensor, one after the other. One matrix product then serves
/// all of them (query, key and value; the maps of a stack).
/// </summary>
public sealed class Parameter
{
    internal Parameter(ParameterStore store, int group, Shape shape, IReadOnlyList<ParameterPart> parts, Initializer initializer) =>
        (Store, Group, Shape, Parts, Initializer) = (store, group, shape, parts, initializer);

    /// <summary>The store that declared it.</summary>
    internal ParameterStore Store { get; }

    /// <summary>Number of its group; a group has one learning rate.</summary>
    public int Group { get; }

    /// <summary>Shape of the whole.</summary>
    public Shape Shape { get; }

    /// <summary>Named parts, in memory order, without gaps.</summary>
    public IReadOnlyList<ParameterPart> Parts { get; }

    /// <summary>
    /// Whether weight decay applies: not to biases and to scales and shifts of normalizations, which are vectors.
    /// </summary>
    public bool Decays => Parts.Any(static part => part.Shape.Rank > 1);

    /// <summary>Writes the first values of each part.</summary>
    public Initializer Initializer { get; }

    /// <summary>First element within the flat block of all parameters.</summary>
    public long Offset { get; internal set; }

    /// <summary>The weights.</summary>
    public Tensor Value { get; internal set; }

    /// <summary>The weights rounded to bf16, for matrix products. Exists only if the store allocated copies.</summary>
    public Tensor Copy { get; internal set; }

    /// <summary>The weights, or their copy of another type.</summary>
    /// <exception cref="InvalidOperationException">There is no memory yet, or no such copy.</exception>
    internal Tensor ValueAs(ElementType type)
    {
        Store.RequireAllocated();
        return type == Value.Type ? Value
            : type == Copy.Type && Copy.Exists ? Copy : throw new InvalidOperationException($"{this} has no copy of type {type}");
    }

    /// <summary>
    /// Gradient of the last step; 0 where the step's loss does not depend on the parameter. Exists only if the store
    /// keeps gradients.
    /// </summary>
    public Tensor Gradient { get; internal set; }

    /// <inheritdoc/>
    public override string ToString() => Parts.Count == 1 ? Parts[0].Name : $"{Parts[0].Name} and {Parts.Count - 1} more";
}

/// <summary>
/// Writes first values of a part on the host. Several threads call it at the same time, each for different values.
/// </summary>
/// <param name="values">Neighbouring values of the part, row-major.</param>
/// <param name="shape">Shape of the whole part.</param>
/// <param name="uniform">
/// Returns a uniform number in [0, 1) for an index of <paramref name="values"/>. The number depends only on the
/// value's position in the part.
/// </param>
public delegate void Initializer(Span<float> values, Shape shape, Func<long, double> uniform);
