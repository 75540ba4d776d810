using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// A tensor that a function has to read or to write. Whatever goes into the function or comes out of it counts, masks and vectors included. What is
/// made on the way does not: statistics, partial sums, and what forward keeps for backward beside its result.
/// </summary>
public readonly struct Touch
{
    private Touch(in Tensor tensor, bool isRead, bool isWritten, long elements = long.MaxValue)
    {
        if (!tensor.Exists)
            return;
        (Arena, Address, IsRead, IsWritten) = (tensor.Arena, tensor.Address, isRead, isWritten);
        Bytes = Math.Min(elements, tensor.Shape.Count) * tensor.Type.Size();
    }

    internal nint Arena { get; }

    internal nint Address { get; }

    internal long Bytes { get; }

    internal bool IsRead { get; }

    internal bool IsWritten { get; }

    /// <summary>The tensor is read.</summary>
    /// <param name="tensor">An input, or default for none.</param>
    /// <param name="rows">How many of its rows; all, if it has no more.</param>
    public static Touch Read(in Tensor tensor, int rows = int.MaxValue) => new(tensor, isRead: true, isWritten: false, (long)rows * WidthOf(tensor));

    /// <summary>Some columns of each row are read.</summary>
    /// <param name="tensor">An input, or default for none.</param>
    /// <param name="columns">How many.</param>
    public static Touch ReadColumns(in Tensor tensor, int columns) => new(tensor, isRead: true, isWritten: false, (long)columns * (tensor.Exists ? tensor.Shape.Rows : 0));

    /// <summary>The tensor is written.</summary>
    /// <param name="tensor">A result or a gradient, or default for none.</param>
    /// <param name="add">1 if it is added to, and so read as well.</param>
    public static Touch Write(in Tensor tensor, int add = 0) => new(tensor, isRead: add != 0, isWritten: true);

    /// <summary>The gradient of a tensor of which some rows were picked: it is written whole, or these rows of it are added to.</summary>
    /// <param name="tensor">The gradient, or default for none.</param>
    /// <param name="add">1 if it is added to.</param>
    /// <param name="rows">How many rows were picked.</param>
    public static Touch Scatter(in Tensor tensor, int add, int rows) => new(tensor, isRead: add != 0, isWritten: true, add != 0 ? (long)rows * WidthOf(tensor) : long.MaxValue);

    /// <summary>The bytes that are read and those that are written: memory that several tensors share counts once in each.</summary>
    internal static long NecessaryBytes(ReadOnlySpan<Touch> touches)
    {
        Touch[] inOrder = [.. touches];
        Array.Sort(inOrder, static (a, b) => (a.Arena, a.Address).CompareTo((b.Arena, b.Address)));
        nint arena = 0, readEnd = 0, writtenEnd = 0;
        long bytes = 0;
        foreach (var touch in inOrder)
        {
            if (touch.Arena != arena)
                (arena, readEnd, writtenEnd) = (touch.Arena, 0, 0);
            if (touch.IsRead)
                bytes += Past(ref readEnd, touch);
            if (touch.IsWritten)
                bytes += Past(ref writtenEnd, touch);
        }
        return bytes;
    }

    private static int WidthOf(in Tensor tensor) => tensor.Exists ? tensor.Shape.Width : 0;

    // The bytes of a touch that lie behind the end of those before it.
    private static long Past(ref nint end, in Touch touch)
    {
        nint last = touch.Address + (nint)touch.Bytes, before = Math.Max(end, touch.Address);
        end = Math.Max(end, last);
        return Math.Max(0, last - before);
    }
}
