using System.Globalization;

namespace VideoSim.Engine.Tensors;

/// <summary>Sizes of a tensor, outermost first; up to four dimensions, row-major.</summary>
public readonly record struct Shape
{
    /// <summary>Most elements that a tensor may have.</summary>
    public const long MostElements = int.MaxValue;

    private readonly int _d0, _d1, _d2, _d3;

    /// <summary>A vector.</summary>
    public Shape(int d0) : this(1, d0, 1, 1, 1) { }

    /// <summary>A matrix.</summary>
    public Shape(int d0, int d1) : this(2, d0, d1, 1, 1) { }

    /// <summary>Three dimensions.</summary>
    public Shape(int d0, int d1, int d2) : this(3, d0, d1, d2, 1) { }

    /// <summary>Four dimensions.</summary>
    public Shape(int d0, int d1, int d2, int d3) : this(4, d0, d1, d2, d3) { }

    // Sizes follow from configurations, so a wrong size is an error of the input.
    private Shape(int rank, int d0, int d1, int d2, int d3)
    {
        (Rank, _d0, _d1, _d2, _d3) = (rank, d0, d1, d2, d3);
        if ((d0 | d1 | d2 | d3) < 0)
            throw new DataException($"a tensor cannot have the sizes {this}");
        if ((Int128)d0 * d1 * d2 * d3 > MostElements) // four 31-bit factors fit 128 bits
            throw new DataException(string.Create(CultureInfo.InvariantCulture, $"a tensor {this} would have {(Int128)d0 * d1 * d2 * d3:N0} elements; at most {MostElements:N0} are possible"));
    }

    /// <summary>Number of dimensions.</summary>
    public int Rank { get; }

    /// <summary>Number of elements.</summary>
    public long Count => (long)_d0 * _d1 * _d2 * _d3;

    /// <summary>Size of the last dimension.</summary>
    public int Width => this[Rank - 1];

    /// <summary>Product of all dimensions but the last.</summary>
    public int Rows => Width == 0 ? 0 : checked((int)(Count / Width));

    /// <summary>Size of one dimension.</summary>
    public int this[int dimension] => dimension switch
    {
        0 => _d0,
        1 when Rank > 1 => _d1,
        2 when Rank > 2 => _d2,
        3 when Rank > 3 => _d3,
        _ => throw new ArgumentOutOfRangeException(nameof(dimension), $"{this} has no dimension {dimension}"),
    };

    /// <summary>The sizes as an array.</summary>
    public int[] ToArray() => new[] { _d0, _d1, _d2, _d3 }[..Rank];

    /// <summary>Sizes in brackets, as in comments: <c>[32, 64]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", ToArray())}]";
}
