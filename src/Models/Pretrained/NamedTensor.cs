using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained;

/// <summary>A tensor with its name in PyTorch's files.</summary>
/// <param name="Name">The name.</param>
/// <param name="Stored">The stored tensor.</param>
/// <param name="Transposed">
/// Whether it is stored as [in, out], as Keras stores a linear map. Weights here are [out, in].
/// </param>
internal sealed record NamedTensor(string Name, StoredTensor Stored, bool Transposed)
{
    // Side of the blocks in which a matrix is transposed. Two blocks fit into the first-level cache.
    private const int TransposeBlock = 32;

    /// <summary>Its dimensions, [out, in] for a linear map.</summary>
    public long[] Shape => Transposed ? [.. Stored.Shape.Reverse()] : [.. Stored.Shape];

    /// <summary>Reads some numbers in the stored order.</summary>
    /// <param name="first">The first number.</param>
    /// <param name="values">Receives the numbers.</param>
    /// <exception cref="DataException">
    /// A number is not finite or too large for float32, or the file is damaged; the message names file and tensor.
    /// </exception>
    public void Read(long first, Span<float> values)
    {
        Stored.Read(first, values);
        if (!StoredFloats.AllFinite(values))
            throw new DataException($"{Stored.Where} has a value that is not finite{(Stored.Type == SafetensorsType.F64 ? ", or too large for float32" : "")}");
    }

    /// <summary>Reads the whole of a transposed matrix in the order of <see cref="Shape"/>.</summary>
    /// <param name="buffer">Receives the numbers; it grows as needed.</param>
    /// <returns>The part of the buffer with the numbers.</returns>
    /// <exception cref="DataException">As in <see cref="Read"/>, or the matrix is too large.</exception>
    public ReadOnlyMemory<float> ReadTransposed(ref float[] buffer)
    {
        if (Stored.ElementCount > Array.MaxLength / 2)
            throw new DataException($"{Stored.Where} has {Stored.ElementCount} values, more than the {Array.MaxLength / 2} of the largest matrix that can be transposed");
        int count = (int)Stored.ElementCount;
        if (buffer.Length < 2 * count)
            buffer = new float[2 * count];
        Span<float> stored = buffer.AsSpan(0, count), turned = buffer.AsSpan(count, count);
        Read(0, stored);
        Transpose(stored, turned, (int)Shape[0], (int)Shape[1]);
        return buffer.AsMemory(count, count);
    }

    // From [columns, rows] to [rows, columns].
    private static void Transpose(ReadOnlySpan<float> from, Span<float> to, int rows, int columns)
    {
        for (int top = 0; top < rows; top += TransposeBlock)
        {
            for (int left = 0; left < columns; left += TransposeBlock)
            {
                int bottom = Math.Min(top + TransposeBlock, rows), right = Math.Min(left + TransposeBlock, columns);
                for (int row = top; row < bottom; row++)
                {
                    for (int column = left; column < right; column++)
                        to[row * columns + column] = from[column * rows + row];
                }
            }
        }
    }
}
