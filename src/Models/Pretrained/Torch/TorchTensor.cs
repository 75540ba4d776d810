using System.Collections.Immutable;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained.Torch;

/// <summary>The place of one storage in a file. Several tensors may share it.</summary>
/// <param name="entry">Its entry in the zip archive; null in a legacy stream.</param>
internal sealed class StoragePlace(ZipEntry? entry)
{
    /// <summary>Position of its first byte. A legacy stream has it only after all tensors.</summary>
    public long Position { get; set; } = entry?.Position ?? 0;

    /// <summary>Its entry in the zip archive; null in a legacy stream.</summary>
    public ZipEntry? Entry => entry;
}

/// <summary>A PyTorch tensor: a view of a storage. Its numbers need not be adjacent.</summary>
internal sealed record TorchTensor(
    TensorFile File, string Name, SafetensorsType Type, ImmutableArray<long> Shape, StoragePlace Place, long Offset, ImmutableArray<long> Strides)
    : StoredTensor(File, Name, Type, Shape)
{
    private const int MostDimensions = 64;

    /// <summary>Whether its numbers are stored row by row without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            long expected = 1;
            for (int i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected)
                    return false;
                expected *= Shape[i];
            }
            return true;
        }
    }

    /// <summary>Count of the storage's numbers from its first to its last number, both included.</summary>
    public long Span => ElementCount == 0 ? 0 : 1 + Shape.Zip(Strides, static (size, stride) => (size - 1) * stride).Sum();

    /// <summary>Decodes a pickled tensor.</summary>
    /// <param name="file">The file of the tensor.</param>
    /// <param name="name">Its name.</param>
    /// <param name="pickled">Its description in the pickle.</param>
    /// <param name="find">Finds the place of a storage by its description.</param>
    /// <exception cref="DataException">
    /// The description is damaged, or the tensor exceeds its storage; the message names the tensor.
    /// </exception>
    public static TorchTensor Create(TensorFile file, string name, PickledTensor pickled, Func<PickledStorageInfo, string, StoragePlace> find)
    {
        string where = $"{file.Path}: tensor {Printable.Quote(name)}";
        if (pickled.Description is not [PickledStorage { Description: var description }, long offset, PickleTuple size, PickleTuple stride, ..])
            throw new DataException($"{where} is not described by a storage, an offset, a size and a stride");
        var storage = PickledStorageInfo.Read(description) ?? throw new DataException($"{where} refers to a storage in an unknown way");
        long[] shape = Integers(size);
        long[] strides = Integers(stride);
        if (shape.Length != strides.Length || shape.Length > MostDimensions)
            throw new DataException($"{where} has {shape.Length} sizes and {strides.Length} strides");
        Int128 count = 1, last = offset;
        for (int i = 0; i < shape.Length; i++)
        {
            if (shape[i] < 0 || strides[i] < 0)
                throw new DataException($"{where} has the size {shape[i]} and the stride {strides[i]}");
            // Neither overflows 128 bits: both are limited to the largest 64-bit integer after each step.
            count = Int128.Min(count * shape[i], long.MaxValue);
            last = Int128.Min(last + (Int128)Math.Max(shape[i] - 1, 0) * strides[i], long.MaxValue);
        }
        if (offset < 0 || offset > storage.Count || (count > 0 && (count > storage.Count || last >= storage.Count)))
            throw new DataException($"{where} of shape [{string.Join(", ", shape)}] does not fit into its storage of {storage.Count} numbers");
        // Positions count from the beginning of the whole storage, so the start of the view is added to the tensor's
        // offset.
        return new TorchTensor(file, name, storage.Type, [.. shape], find(storage, where), checked(offset + storage.ViewOffset), [.. strides]);

        long[] Integers(PickleTuple tuple) => [.. tuple.Items.Select(item => item as long? ?? throw new DataException($"{where} has a size that is not a number"))];
    }
}

/// <summary>The description of a storage in a pickle.</summary>
/// <param name="Type">Type of its numbers.</param>
/// <param name="Key">Key of its bytes in the file.</param>
/// <param name="RootCount">Numbers of the whole storage.</param>
/// <param name="ViewOffset">Start of the view that the tensor uses; 0 if it uses the whole storage.</param>
/// <param name="Count">Numbers of that view.</param>
internal sealed record PickledStorageInfo(SafetensorsType Type, string Key, long RootCount, long ViewOffset, long Count)
{
    /// <summary>
    /// Reads ('storage', class, key, location, count) and, in legacy streams, None or (key, offset, count) of a view
    /// after it.
    /// </summary>
    /// <returns>Null for any other description.</returns>
    public static PickledStorageInfo? Read(object?[] description)
    {
        if (description is not ["storage", PickleGlobal storageClass, string key, string, long count, ..] || count < 0
            || TorchGlobals.StorageType(storageClass) is not { } type)
        {
            return null;
        }

        return description[5..] switch
        {
            [] or [null] => new(type, key, count, 0, count),
            [PickleTuple { Items: [_, long offset, long viewed] }] when offset >= 0 && viewed >= 0 && offset <= count && viewed <= count - offset =>
                new(type, key, count, offset, viewed),
            _ => null,
        };
    }
}
