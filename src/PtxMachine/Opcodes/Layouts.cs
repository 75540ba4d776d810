namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Which elements of a matrix the lanes of a warp have.</summary>
/// <param name="Columns">Columns of the matrix.</param>
/// <param name="Elements">Elements of a lane.</param>
/// <param name="PlaceOf">Row and column of a lane's n-th element.</param>
internal sealed record Fragment(int Columns, int Elements, Func<int, int, (int Row, int Column)> PlaceOf)
{
    /// <summary>All elements that the lanes have, and the index of each in the matrix, row after row.</summary>
    public (int Lane, int Element, int Index)[] Places { get; } = [.. from lane in Enumerable.Range(0, Running.Warp.Size)
                                                                      from element in Enumerable.Range(0, Elements)
                                                                      let place = PlaceOf(lane, element)
                                                                      select (lane, element, (place.Row * Columns) + place.Column)];

    /// <summary>Index of a lane's n-th element in the matrix.</summary>
    public int IndexOf(int lane, int element) => Places[(lane * Elements) + element].Index;
}

/// <summary>
/// The layouts of <c>mma.m16n8k16</c> and <c>ldmatrix</c>, as the PTX manual gives them (version 9.1, sections
/// 9.7.14.5.8 and 9.7.14.5.15). The manual calls lane / 4 the group, and lane % 4 the thread in the group.
/// </summary>
internal static class Layouts
{
    /// <summary>A [16, 16] of bf16: two elements in each of four registers.</summary>
    public static readonly Fragment A =
        new(16, 8, static (lane, i) => ((lane / 4) + (i is 2 or 3 or 6 or 7 ? 8 : 0), (lane % 4 * 2) + (i & 1) + (i >= 4 ? 8 : 0)));

    /// <summary>B [16, 8] of bf16: two elements in each of two registers.</summary>
    public static readonly Fragment B = new(8, 4, static (lane, i) => ((lane % 4 * 2) + (i & 1) + (i >= 2 ? 8 : 0), lane / 4));

    /// <summary>C and D [16, 8] of fp32: one element in each of four registers.</summary>
    public static readonly Fragment C = new(8, 4, static (lane, i) => ((lane / 4) + (i >= 2 ? 8 : 0), (lane % 4 * 2) + (i & 1)));

    /// <summary>A matrix [8, 8] of 16 bits that <c>ldmatrix</c> loads: two elements in one register.</summary>
    public static readonly Fragment Loaded = new(8, 2, static (lane, i) => (lane / 4, (lane % 4 * 2) + i));

    /// <summary>The same with <c>.trans</c>: the lanes get the elements of the transposed matrix.</summary>
    public static readonly Fragment LoadedTransposed = new(8, 2, static (lane, i) => ((lane % 4 * 2) + i, lane / 4));
}
