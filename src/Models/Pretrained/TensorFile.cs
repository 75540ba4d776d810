using System.Collections.Immutable;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>One tensor of a file with weights.</summary>
/// <param name="File">The file that it lies in.</param>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">How its numbers are encoded.</param>
/// <param name="Shape">Its dimensions, row-major; none for a single number.</param>
public record StoredTensor(TensorFile File, string Name, SafetensorsType Type, ImmutableArray<long> Shape)
{
    /// <summary>How many numbers it has.</summary>
    public long ElementCount { get; } = Shape.Contains(0) ? 0 : Shape.Aggregate(1L, static (count, size) => checked(count * size));

    /// <summary>How many bytes its numbers take in the file.</summary>
    public long ByteCount => ElementCount * Type.ByteSize();

    /// <summary>File and name, as messages begin.</summary>
    internal string Where => $"{File.Path}: tensor {Printable.Quote(Name)}";

    /// <summary>The shape as messages show it: <c>[3, 4]</c>.</summary>
    internal string ShownShape => $"[{string.Join(", ", Shape)}]";

    /// <summary>Reads some of its numbers as float32.</summary>
    /// <param name="first">The first number, row-major.</param>
    /// <param name="destination">Takes the numbers from there on; the tensor must have that many.</param>
    /// <exception cref="DataException">It holds no floating-point numbers, or its bytes are damaged or missing; the message names file and tensor.</exception>
    public void Read(long first, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, ElementCount - destination.Length);
        if (!Type.IsFloat())
            throw new DataException($"{Where} has type {Type}, expected floating-point numbers");
        File.Read(this, first, destination);
    }
}

/// <summary>
/// A file with weights. Opening it lists its tensors and checks that their bytes are there; numbers are read on request, so
/// that it takes no more memory than the reader asks for.
/// </summary>
/// <param name="path">Where it lies, as messages name it.</param>
public abstract class TensorFile(string path) : IDisposable
{
    /// <summary>Where it lies.</summary>
    public string Path => path;

    /// <summary>All tensors, in the file's order.</summary>
    public abstract IReadOnlyList<StoredTensor> Tensors { get; }

    /// <summary>Reads some numbers of a tensor; <see cref="StoredTensor.Read"/> has checked that it has them.</summary>
    /// <param name="tensor">A tensor of this file, of floating-point numbers.</param>
    /// <param name="first">The first number, row-major.</param>
    /// <param name="destination">Takes the numbers from there on as float32.</param>
    protected internal abstract void Read(StoredTensor tensor, long first, Span<float> destination);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the file.</summary>
    protected abstract void Dispose(bool disposing);
}
