using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Devices;

/// <summary>
/// A tensor that a function must read or write. All inputs and results of the function count, masks and vectors
/// included. Intermediate values do not count: statistics, partial sums, and values other than the result that forward
/// keeps for backward.
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
    /// <param name="rows">Number of rows that are read; all, if the tensor has fewer.</param>
    public static Touch Read(in Tensor tensor, int rows = int.MaxValue) => new(tensor, isRead: true, isWritten: false, (long)rows * WidthOf(tensor));

    /// <summary>Some columns of each row are read.</summary>
    /// <param name="tensor">An input, or default for none.</param>
    /// <param name="columns">Number of columns.</param>
    public static Touch ReadColumns(in Tensor tensor, int columns) => new(tensor, isRead: true, isWritten: false, (long)columns * (tensor.Exists ? tensor.Shape.Rows : 0));

    /// <summary>The tensor is written.</summary>
    /// <param name="tensor">A result or a gradient, or default for none.</param>
    /// <param name="add">1 if it is added to: then it is read as well.</param>
    public static Touch Write(in Tensor tensor, int add = 0) => new(tensor, isRead: add != 0, isWritten: true);

    /// <summary>
    /// The gradient of a tensor of which some rows were selected: it is written whole, or those rows of it are added
    /// to.
    /// </summary>
    /// <param name="tensor">The gradient, or default for none.</param>
    /// <param name="add">1 if it is added to.</param>
    /// <param name="rows">Number of selected rows.</param>
    public static Touch Scatter(in Tensor tensor, int add, int rows) => new(tensor, isRead: add != 0, isWritten: true, add != 0 ? (long)rows * WidthOf(tensor) : long.MaxValue);

    /// <summary>
    /// The bytes that are read plus those that are written. Memory that several tensors share counts once in each sum.
    /// </summary>
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
                bytes += BytesAfter(ref readEnd, touch);
            if (touch.IsWritten)
                bytes += BytesAfter(ref writtenEnd, touch);
        }
        return bytes;
    }

    private static int WidthOf(in Tensor tensor) => tensor.Exists ? tensor.Shape.Width : 0;

    // The bytes of a touch after the end of all touches before it.
    private static long BytesAfter(ref nint end, in Touch touch)
    {
        nint last = touch.Address + (nint)touch.Bytes, before = Math.Max(end, touch.Address);
        end = Math.Max(end, last);
        return Math.Max(0, last - before);
    }
}
