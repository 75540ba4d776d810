using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Datasets;

namespace VideoSim.Models.Submissions;

/// <summary>
/// A matrix of embeddings in a <c>.npy</c> file of NumPy: little-endian floating-point numbers, row by row, behind a
/// header.
/// </summary>
/// <param name="Rows">Number of rows.</param>
/// <param name="Width">Values of a row.</param>
/// <param name="ValueBytes">Bytes of a value: 2, 4 or 8.</param>
internal readonly record struct NumpyMatrix(int Rows, int Width, int ValueBytes)
{
    /// <summary>Type of a value.</summary>
    public SafetensorsType Type => ValueBytes switch { sizeof(double) => SafetensorsType.F64, sizeof(float) => SafetensorsType.F32, _ => SafetensorsType.F16 };

    /// <summary>Bytes of a row.</summary>
    public int RowBytes => Width * ValueBytes;

    /// <summary>Reads the header. The stream is then at the first row.</summary>
    /// <param name="stream">The file. Its length must be known.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="DataException">
    /// The file is not a <c>.npy</c> file, has something other than such a matrix, or has another size than its header
    /// says.
    /// </exception>
    public static NumpyMatrix Read(Stream stream, string path)
    {
        var header = NumpyHeader.Read(stream, path, out string text);
        if (header is not { Type: "<f2" or "<f4" or "<f8", IsFortranOrder: false, Shape: [<= int.MaxValue, >= 1 and <= EmbeddingTable.MaxWidth] })
        {
            throw new DataException(
                $"{path}: expected a matrix of 1 to {EmbeddingTable.MaxWidth} columns of '<f2', '<f4' or '<f8' in C order, got {Printable.Quote(text)}");
        }
        var matrix = new NumpyMatrix((int)header.Shape[0], (int)header.Shape[1], header.Type[2] - '0');
        long expected = (long)matrix.Rows * matrix.RowBytes;
        if (stream.Length - stream.Position != expected)
            throw new DataException($"{path}: a matrix of {matrix.Rows} x {matrix.Width} needs {expected} bytes, the file has {stream.Length - stream.Position}");
        return matrix;
    }

    /// <summary>Writes the header as NumPy does.</summary>
    public void Write(Stream stream) => NumpyHeader.Write(stream, $"<f{ValueBytes}", $"({Rows}, {Width})");
}
