using System.Globalization;

namespace VideoSim.Kernels.Contract;

/// <summary>
/// A macro of a CUDA source with a value that may be chosen. The launch shape reads the value with which the source is
/// compiled, so the number is in one place.
/// </summary>
/// <param name="Name">Name of the macro.</param>
/// <param name="Default">Its value if no other is chosen, at least 1.</param>
public sealed record Tunable(string Name, int Default);

/// <summary>
/// Values of macros of a CUDA source, in place of their defaults. Two variants with the same values are equal.
/// </summary>
public sealed class Variant : IEquatable<Variant>
{
    private readonly SortedDictionary<string, int> _values;
    private readonly string _text;

    /// <summary>A variant of some values.</summary>
    /// <param name="values">Names of macros with their values, each name once.</param>
    public Variant(IEnumerable<KeyValuePair<string, int>> values)
    {
        _values = new(values.ToDictionary(), StringComparer.Ordinal);
        _text = string.Join(' ', _values.Select(static value => string.Create(CultureInfo.InvariantCulture, $"{value.Key}={value.Value}")));
    }

    /// <summary>The default values of all macros.</summary>
    public static Variant Default { get; } = new([]);

    /// <summary>The chosen values, by name.</summary>
    public IReadOnlyDictionary<string, int> Values => _values;

    /// <summary>The value of a macro.</summary>
    public int this[Tunable macro] => _values.TryGetValue(macro.Name, out int value) ? value : macro.Default;

    /// <inheritdoc/>
    public bool Equals(Variant? other) => ReferenceEquals(this, other) || other?._text == _text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Variant);

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    /// <summary>The values as <c>NAME=VALUE</c>, ordered by name; empty for the default.</summary>
    public override string ToString() => _text;
}
