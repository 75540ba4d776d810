using System.Globalization;

namespace VideoSim.Models.Configuration;

/// <summary>One key of a configuration, for messages, <c>presets</c> and the JSON schema.</summary>
/// <param name="Name">Name in its section, such as <c>batch</c>.</param>
/// <param name="Unit">Unit of its value.</param>
/// <param name="Meaning">What its value sets.</param>
public sealed record ConfigKey(string Name, string Unit, string Meaning)
{
    /// <summary>Numbers that are allowed; null if the value is no number.</summary>
    public ValueRange? Range { get; init; }

    /// <summary>Texts that are allowed; empty if the value is no text, or any text.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>Option of a command that sets it, or null.</summary>
    public string? Flag { get; init; }
}

/// <summary>A range of numbers.</summary>
/// <param name="Least">The lower end.</param>
/// <param name="Most">The upper end; <see cref="Unlimited"/> for none.</param>
/// <param name="IsLeastOpen">Whether the lower end itself is not allowed.</param>
/// <param name="IsMostOpen">Whether the upper end itself is not allowed.</param>
public sealed record ValueRange(double Least, double Most, bool IsLeastOpen = false, bool IsMostOpen = false)
{
    /// <summary>The largest number of any key. A greater one would be infinite in float32.</summary>
    public const double Unlimited = float.MaxValue;

    /// <summary>From 0 to below 1.</summary>
    public static ValueRange Probability { get; } = new(0, 1, IsMostOpen: true);

    /// <summary>0 and more.</summary>
    public static ValueRange AtLeastZero { get; } = new(0, Unlimited);

    /// <summary>More than 0.</summary>
    public static ValueRange AboveZero { get; } = new(0, Unlimited, IsLeastOpen: true);

    /// <summary>Whole numbers from 1.</summary>
    public static ValueRange Positive { get; } = new(1, int.MaxValue);

    /// <summary>Whole numbers from 0.</summary>
    public static ValueRange Count { get; } = new(0, int.MaxValue);

    /// <summary>Whether a number is in the range. NaN is in none.</summary>
    public bool Contains(double value) => (IsLeastOpen ? value > Least : value >= Least) && (IsMostOpen ? value < Most : value <= Most);

    /// <summary>The range in words: <c>from 1 to 64</c>, <c>at least 0 and below 1</c>.</summary>
    public override string ToString() => Most == Unlimited ? Lower
        : IsLeastOpen || IsMostOpen ? string.Create(CultureInfo.InvariantCulture, $"{Lower} and {(IsMostOpen ? "below" : "at most")} {Most}")
        : string.Create(CultureInfo.InvariantCulture, $"from {Least} to {Most}");

    private string Lower => string.Create(CultureInfo.InvariantCulture, $"{(IsLeastOpen ? "above" : "at least")} {Least}");
}
