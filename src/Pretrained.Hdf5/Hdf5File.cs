using System.Buffers.Binary;
using System.Reflection;
using PureHDF;
using PureHDF.Selections;
using PureHDF.VOL.Native;
using VideoSim.Engine;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Pretrained;

namespace VideoSim.Pretrained.Hdf5;

/// <summary>
/// An HDF5 file as a source of weights; PureHDF reads it. It has an assembly of its own: a program that needs no HDF5
/// does not contain the library.
/// </summary>
/// <remarks>
/// The library is made for good files. A tree of a damaged file may lead it round in a circle or down without an end,
/// and a link or a dataset may lead it to another file. So <see cref="MeteredStream"/> bounds what it reads and how
/// deep it goes, links to other files are refused before they are followed, and each tensor must lie in the file.
/// </remarks>
public sealed class Hdf5File : TensorFile
{
    // Keras nests six groups; in a damaged file groups may contain each other.
    private const int DeepestGroup = 32, MostObjects = 100_000;

    // The reads that find the tensors: about 10 KB for each, since they are of single numbers.
    private const long MostMetadata = 1 << 28;

    // The reads for one run of numbers beside the numbers.
    private const long OtherReads = 1 << 20;

    private readonly MeteredStream _stream;
    private readonly NativeFile _file;
    private readonly List<StoredTensor> _tensors = [];
    private readonly Dictionary<string, NativeDataset> _datasets = [];
    private float[] _rows = [];
    private int _objects;
    private string _last = "";

    private Hdf5File(string path, long length) : base(path)
    {
        _stream = new MeteredStream(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read), path);
        _stream.Allow(MostMetadata);
        _file = H5File.Open(_stream);
        try
        {
            AddGroup(_file, "", depth: 0, length);
        }
        catch (Exception failure)
        {
            _file.Dispose();
            throw failure as DataException ?? Wrong($"{path}: cannot be read as an HDF5 file after {Printable.Quote(_last)}", failure);
        }
        if (_tensors.Count == 0)
            throw new DataException($"{path}: contains no tensors");
    }

    /// <inheritdoc/>
    public override IReadOnlyList<StoredTensor> Tensors => _tensors;

    /// <summary>Opens a file and lists its datasets of floating-point numbers.</summary>
    /// <exception cref="DataException">
    /// The file cannot be read, is damaged, or stores a tensor in a way that Keras does not; the message names file
    /// and tensor.
    /// </exception>
    public static Hdf5File Open(string path)
    {
        long length = CheckLength(path);
        try
        {
            return new Hdf5File(path, length);
        }
        catch (Exception failure) when (failure is not DataException)
        {
            throw Wrong($"{path}: cannot be read as an HDF5 file", failure);
        }
    }

    /// <inheritdoc/>
    protected override void Read(StoredTensor tensor, long first, Span<float> destination)
    {
        ulong[] dimensions = [.. tensor.Shape.Select(static size => (ulong)size)];
        // Whole rows are read; the numbers need not begin or end at a row's border.
        long width = Math.Max(1, tensor.Shape.Skip(1).Aggregate(1L, static (count, size) => count * size));
        long top = first / width, bottom = (first + destination.Length + width - 1) / width;
        int count = (int)((bottom - top) * width);
        _stream.Allow(((long)count * tensor.Type.ByteSize()) + OtherReads);
        bool isWhole = count == destination.Length;
        if (!isWhole && _rows.Length < count)
            _rows = new float[count];
        var rows = isWhole ? destination : _rows.AsSpan(0, count);
        try
        {
            Selection? selection = dimensions.Length == 0 ? null
                : new HyperslabSelection(dimensions.Length, [(ulong)top, .. new ulong[dimensions.Length - 1]], [(ulong)(bottom - top), .. dimensions[1..]]);
            ReadRows(_datasets[tensor.Name], tensor.Type, selection, rows);
        }
        catch (Exception failure)
        {
            throw Wrong($"{Path}: tensor {Printable.Quote(tensor.Name)} cannot be read", failure);
        }
        if (!isWhole)
            rows.Slice((int)(first - top * width), destination.Length).CopyTo(destination);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _file.Dispose();

    private static void ReadRows(NativeDataset dataset, SafetensorsType type, Selection? selection, Span<float> destination)
    {
        switch (type)
        {
            case SafetensorsType.F32:
                dataset.Read(destination, selection);
                break;
            case SafetensorsType.F16:
                var halves = new Half[destination.Length];
                dataset.Read<Half>(halves, selection);
                for (int i = 0; i < halves.Length; i++)
                    destination[i] = (float)halves[i];
                break;
            default:
                double[] doubles = new double[destination.Length];
                dataset.Read<double>(doubles, selection);
                for (int i = 0; i < doubles.Length; i++)
                    destination[i] = (float)doubles[i];
                break;
        }
    }

    private void AddGroup(NativeGroup group, string path, int depth, long length)
    {
        if (Hdf5Internals.HasExternalLinks(group))
            throw new DataException($"{Path}: group {Printable.Quote(path)} has a link to another file, which is not followed");
        foreach (var child in group.Children())
        {
            string name = path.Length == 0 ? child.Name : $"{path}/{child.Name}";
            _last = name;
            if (depth == DeepestGroup || ++_objects > MostObjects)
                throw new DataException($"{Path}: has more than {MostObjects} objects or {DeepestGroup} groups inside each other: damaged?");
            if (child is NativeGroup inner)
                AddGroup(inner, name, depth + 1, length);
            else if (child is NativeDataset dataset && dataset.Type.Class == H5DataTypeClass.FloatingPoint)
                AddDataset(dataset, name, length);
        }
    }

    private void AddDataset(NativeDataset dataset, string name, long length)
    {
        string where = $"{Path}: tensor {Printable.Quote(name)}";
        var type = dataset.Type.Size switch
        {
            2 => SafetensorsType.F16,
            4 => SafetensorsType.F32,
            8 => SafetensorsType.F64,
            var size => throw new DataException($"{where} has numbers of {size} bytes; only 2, 4 and 8 are supported"),
        };
        if (dataset.Layout.Class is not (H5DataLayoutClass.Contiguous or H5DataLayoutClass.Compact))
            throw new DataException($"{where} is stored in chunks or elsewhere; Keras stores tensors whole");
        if (Hdf5Internals.HasExternalNumbers(dataset))
            throw new DataException($"{where} has its numbers in another file, which is not read");
        Int128 bytes = type.ByteSize();
        foreach (ulong size in dataset.Space.Dimensions)
            bytes = Int128.Min(bytes * size, long.MaxValue);
        if (bytes > length)
            throw new DataException($"{where} of shape [{string.Join(", ", dataset.Space.Dimensions)}] needs more bytes than the file's {length}");
        if (bytes > 0 && dataset.Layout.Class == H5DataLayoutClass.Contiguous && Hdf5Internals.AddressOf(dataset) is var address && (address > (ulong)length || bytes > length - (long)address))
            throw new DataException($"{where} has {bytes} bytes at byte {address}, but the file has {length}");
        _tensors.Add(new StoredTensor(this, name, type, [.. dataset.Space.Dimensions.Select(static size => (long)size)]));
        _datasets.Add(name, dataset);
    }

    // The first block of a file contains the file's length; PureHDF does not compare it.
    private static long CheckLength(string path)
    {
        FileFailure.RefuseSpecial(path);
        try
        {
            using var handle = File.OpenHandle(path);
            long length = RandomAccess.GetLength(handle);
            Span<byte> start = stackalloc byte[48];
            int read = RandomAccess.Read(handle, start, 0);
            if (read < start.Length || start[0] != 0x89 || !start[1..].StartsWith("HDF\r\n\u001a\n"u8))
                throw new DataException($"{path}: is not an HDF5 file");
            long end = BinaryPrimitives.ReadInt64LittleEndian(start[(start[8] < 2 ? 40 : 28)..]);
            return end <= length ? length : throw new DataException($"{path}: has {length} bytes, but its header claims {end}: truncated?");
        }
        catch (Exception failure) when (FileFailure.Is(failure))
        {
            throw FileFailure.Reading(path, failure);
        }
    }

    // For a damaged file the library throws exceptions of any type. It also allocates arrays of the sizes that the
    // file claims, and fills only the part that the file contains. The user gets one line.
    private static DataException Wrong(string what, Exception failure) =>
        new($"{what}: {Reason(failure)}", failure);

    private static string Reason(Exception failure) => failure switch
    {
        InsufficientExecutionStackException => "its parts are nested too deeply",
        TargetInvocationException { InnerException: { } inner } => Reason(inner),
        OutOfMemoryException or OverflowException => "a size in it is too large",
        { Message: var message } when message.StartsWith("Byte order", StringComparison.Ordinal) => "its numbers have the byte order of another processor",
        _ => Printable.OneLine(failure.Message),
    };
}
