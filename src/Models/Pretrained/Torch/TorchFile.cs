using System.Buffers.Binary;
using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;

namespace VideoSim.Models.Pretrained.Torch;

/// <summary>
/// A torch.save file with a dictionary of tensors: a zip archive, or the older stream of five pickles and then the
/// storages.
/// </summary>
internal sealed class TorchFile : TensorFile
{
    // Long chunks: the just-in-time compiler then optimises the checksum loop fully.
    private const int ChunkBytes = 1 << 20;

    // Longer than any list of tensors: thousands of tensors take about a megabyte.
    private const int LongestPickle = 1 << 24;

    private static readonly BigInteger LegacyMagic = BigInteger.Parse("0119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture);
    private const long LegacyProtocol = 1001;

    private readonly FileBytes _file;
    private readonly List<StoredTensor> _tensors = [];
    private readonly HashSet<ZipEntry> _checked = [];
    private readonly byte[] _chunk;
    private readonly bool _bigEndian;

    // For a tensor that is not stored row by row: all numbers from its first to its last, kept while it is read.
    private (TorchTensor Tensor, float[] Values)? _gathered;

    private TorchFile(FileBytes file) : base(file.Path)
    {
        _file = file;
        _chunk = new byte[Math.Clamp(file.Length, sizeof(double), ChunkBytes)];
        Span<byte> start = stackalloc byte[4];
        file.Read(0, start[..(int)Math.Min(4, file.Length)], "the first bytes");
        if (start.SequenceEqual("PK\x03\x04"u8))
            _bigEndian = OpenZip();
        else
            OpenLegacy();
        if (_tensors.Count == 0)
            throw new DataException($"{Path}: has no named tensors at its top level; expected the file of a model's state_dict()");
    }

    /// <inheritdoc/>
    public override IReadOnlyList<StoredTensor> Tensors => _tensors;

    /// <summary>Opens a file and checks that it has the numbers of all its tensors.</summary>
    /// <exception cref="DataException">
    /// The file is damaged, or uses an operation that weights do not need; the message names it. Nothing in it is
    /// executed.
    /// </exception>
    public static TorchFile Open(string path)
    {
        var file = FileBytes.Open(path);
        try
        {
            return new TorchFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected internal override void Read(StoredTensor tensor, long first, Span<float> destination)
    {
        var view = (TorchTensor)tensor;
        if (view.Place.Entry is { } entry && !_checked.Contains(entry))
        {
            CheckSum(entry, view.Where);
            _checked.Add(entry);
        }
        if (view.IsContiguous)
        {
            ReadRun(view, view.Offset + first, destination);
            return;
        }
        if (!ReferenceEquals(_gathered?.Tensor, view))
        {
            if (view.Span > Array.MaxLength)
                throw new DataException($"{view.Where} is spread over {view.Span} numbers of its storage, more than can be read");
            _gathered = null;
            float[] values = new float[view.Span];
            ReadRun(view, view.Offset, values);
            _gathered = (view, values);
        }
        Gather(view, _gathered.Value.Values, first, destination);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _file.Dispose();

    private bool OpenZip()
    {
        var entries = ZipDirectory.Read(_file);
        const string pickle = "data.pkl";
        ZipEntry[] pickles = [.. entries.Values.Where(static entry => $"/{entry.Name}".EndsWith($"/{pickle}", StringComparison.Ordinal))];
        if (pickles.Length != 1)
            throw new DataException($"{Path}: the zip archive has {pickles.Length} files data.pkl; torch.save writes one");
        string folder = pickles[0].Name[..^pickle.Length];
        CheckSum(pickles[0], $"{Path}: data.pkl");
        bool bigEndian = IsBigEndian(entries.GetValueOrDefault($"{folder}byteorder"));
        object? root = Unpickler.Read(new PickleInput(_file, pickles[0].Position, pickles[0].Position + Math.Min(LongestPickle, pickles[0].Length)));
        AddTensors(root, (storage, where) =>
        {
            var entry = entries.GetValueOrDefault($"{folder}data/{storage.Key}")
                ?? throw new DataException($"{where}: the zip archive has no file {Printable.Quote($"data/{storage.Key}")} with its numbers");
            return (Int128)storage.RootCount * storage.Type.ByteSize() == entry.Length ? new StoragePlace(entry)
                : throw new DataException($"{where} has a storage of {storage.RootCount} numbers of type {storage.Type}, but its file in the zip archive has {entry.Length} bytes: damaged?");
        });
        return bigEndian;
    }

    private bool IsBigEndian(ZipEntry? entry)
    {
        if (entry is null)
            return false; // files from before 2023 have no such entry and are little-endian
        string order = Encoding.ASCII.GetString(_file.Read(entry.Position, (int)Math.Min(entry.Length, 16), "byteorder"));
        return order switch
        {
            "little" => false,
            "big" => true,
            _ => throw new DataException($"{Path}: byteorder is {Printable.Quote(order)}; it must be little or big"),
        };
    }

    // Numbers are always little-endian here: torch.save swaps them on big-endian machines.
    private void OpenLegacy()
    {
        var input = new PickleInput(_file, 0, Math.Min(LongestPickle, _file.Length));
        object? magic = Unpickler.Read(input);
        if (magic is not BigInteger number || number != LegacyMagic)
            throw new DataException($"{Path}: is neither a zip archive nor a torch.save stream: its magic number is missing");
        if (Unpickler.Read(input) is not LegacyProtocol)
            throw new DataException($"{Path}: is a torch.save stream whose version is not {LegacyProtocol}");
        Unpickler.Read(input); // the writer's byte order and type sizes; not needed
        object? root = Unpickler.Read(input);
        if (Unpickler.Read(input) is not PickleList keys)
            throw new DataException($"{Path}: the list of storages is missing");
        var storages = new Dictionary<string, LegacyStorage>();
        AddTensors(root, (info, where) =>
        {
            storages.TryAdd(info.Key, new LegacyStorage(info, where, new StoragePlace(entry: null)));
            var found = storages[info.Key];
            return (found.Info.Type, found.Info.RootCount) == (info.Type, info.RootCount) ? found.Place
                : throw new DataException($"{where} has another description of its storage than an earlier tensor");
        });
        PlaceStorages(keys, storages, input.Position);
    }

    // The storages are in the order of the keys. Each is its count of numbers in 8 bytes, then the numbers.
    private void PlaceStorages(PickleList keys, Dictionary<string, LegacyStorage> storages, long position)
    {
        Span<byte> countBytes = stackalloc byte[sizeof(long)];
        foreach (object? key in keys.Items)
        {
            if (key is not string text || !storages.Remove(text, out var storage))
                throw new DataException($"{Path}: lists a storage twice, or one that no tensor uses: damaged?");
            _file.Read(position, countBytes, storage.Where[(Path.Length + 2)..]);
            long count = BinaryPrimitives.ReadInt64LittleEndian(countBytes);
            if (count != storage.Info.RootCount)
                throw new DataException($"{storage.Where} has a storage of {storage.Info.RootCount} numbers, but {count} are stored: damaged?");
            position += sizeof(long);
            var bytes = (Int128)count * storage.Info.Type.ByteSize();
            if (bytes > _file.Length - position)
                throw new DataException($"{storage.Where} has {bytes} bytes from byte {position} on, but the file has {_file.Length} in all: truncated?");
            storage.Place.Position = position;
            position += (long)bytes;
        }
        foreach (var storage in storages.Values)
            throw new DataException($"{storage.Where} has no numbers: its storage is not in the file");
    }

    // A storage of a legacy stream, and the first tensor that uses it.
    private sealed record LegacyStorage(PickledStorageInfo Info, string Where, StoragePlace Place);

    private void AddTensors(object? root, Func<PickledStorageInfo, string, StoragePlace> find)
    {
        foreach (var (key, value) in (root as PickleMap)?.Items ?? [])
        {
            if (!key.StartsWith('\0') && value is PickledTensor tensor)
                _tensors.Add(TorchTensor.Create(this, key, tensor, find));
        }
    }

    // Reads numbers of the storage from an element on.
    private void ReadRun(TorchTensor tensor, long element, Span<float> destination)
    {
        int size = tensor.Type.ByteSize();
        long position = tensor.Place.Position + element * size;
        string what = $"tensor {Printable.Quote(tensor.Name)}";
        if (tensor.Type == SafetensorsType.F32 && !_bigEndian)
        {
            _file.Read(position, MemoryMarshal.AsBytes(destination), what);
            return;
        }
        while (!destination.IsEmpty)
        {
            int count = Math.Min(_chunk.Length / size, destination.Length);
            var bytes = _chunk.AsSpan(0, count * size);
            _file.Read(position, bytes, what);
            if (_bigEndian)
                Swap(bytes, size);
            tensor.Type.ToFloats(bytes, destination[..count]);
            destination = destination[count..];
            position += bytes.Length;
        }
    }

    private static void Swap(Span<byte> bytes, int size)
    {
        for (int i = 0; i < bytes.Length; i += size)
            bytes.Slice(i, size).Reverse();
    }

    private static void Gather(TorchTensor tensor, float[] values, long first, Span<float> destination)
    {
        for (int i = 0; i < destination.Length; i++)
        {
            long rest = first + i, at = 0;
            for (int d = tensor.Shape.Length - 1; d >= 0; d--)
            {
                at += rest % tensor.Shape[d] * tensor.Strides[d];
                rest /= tensor.Shape[d];
            }
            destination[i] = values[at];
        }
    }

    private void CheckSum(ZipEntry entry, string where)
    {
        var sum = new Crc32();
        for (long done = 0; done < entry.Length; done += _chunk.Length)
        {
            var bytes = _chunk.AsSpan(0, (int)Math.Min(_chunk.Length, entry.Length - done));
            _file.Read(entry.Position + done, bytes, where[(Path.Length + 2)..]);
            sum.Append(bytes);
        }
        if (sum.GetCurrentHashAsUInt32() != entry.Crc32)
            throw new DataException($"{where} does not match its checksum in the zip archive: the file is damaged");
    }
}
