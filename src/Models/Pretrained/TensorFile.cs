using System.Collections.Immutable;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>One tensor of a file with weights.</summary>
/// <param name="File">The file of the tensor.</param>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">Type of its numbers in the file.</param>
/// <param name="Shape">Its dimensions, row-major; empty for a single number.</param>
public record StoredTensor(TensorFile File, string Name, SafetensorsType Type, ImmutableArray<long> Shape)
{
    /// <summary>Number of its values.</summary>
    public long ElementCount { get; } = Shape.Contains(0) ? 0 : Shape.Aggregate(1L, static (count, size) => checked(count * size));

    /// <summary>Size of its values in the file, in bytes.</summary>
    public long ByteCount => ElementCount * Type.ByteSize();

    /// <summary>File and name, the beginning of messages.</summary>
    internal string Where => $"{File.Path}: tensor {Printable.Quote(Name)}";

    /// <summary>The shape for messages: <c>[3, 4]</c>.</summary>
    internal string ShownShape => $"[{string.Join(", ", Shape)}]";

    /// <summary>Reads some of its numbers as float32.</summary>
    /// <param name="first">The first number, row-major.</param>
    /// <param name="destination">
    /// Receives the numbers from <paramref name="first"/> on; the tensor must have that many.
    /// </param>
    /// <exception cref="DataException">
    /// It does not have floating-point numbers, or its bytes are damaged or missing; the message names file and
    /// tensor.
    /// </exception>
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
/// A file with weights. Opening it lists its tensors and checks that the file has all their bytes. Numbers are read on
/// demand, so little memory is used.
/// </summary>
/// <param name="path">Path of the file, for messages.</param>
public abstract class TensorFile(string path) : IDisposable
{
    /// <summary>Path of the file.</summary>
    public string Path => path;

    /// <summary>All tensors, in the file's order.</summary>
    public abstract IReadOnlyList<StoredTensor> Tensors { get; }

    /// <summary>Reads some numbers of a tensor; <see cref="StoredTensor.Read"/> has checked their range.</summary>
    /// <param name="tensor">A tensor of this file, of floating-point numbers.</param>
    /// <param name="first">The first number, row-major.</param>
    /// <param name="destination">Receives the numbers from <paramref name="first"/> on as float32.</param>
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
