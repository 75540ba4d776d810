using System.Runtime.InteropServices;
using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Optimizers;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;

namespace VideoSim.Models.Checkpoints;

/// <summary>
/// Weights, running statistics and Adam's moments as safetensors; names are those of <see cref="ParameterStore"/>.
/// </summary>
public static unsafe class WeightFile
{
    // 1 MiB: large enough for the speed of the disk.
    private const int BufferElements = 1 << 18;

    private delegate void Upload(ReadOnlySpan<float> values, in Tensor part);

    /// <summary>Writes all weights and saved states.</summary>
    /// <param name="stream">Receives the file.</param>
    /// <param name="device">Device of the weights.</param>
    /// <param name="parameters">The weights.</param>
    /// <param name="addTables">Adds tables that are not read back, for other programs; null for none.</param>
    public static void WriteWeights(Stream stream, Device device, ParameterStore parameters, Action<SafetensorsWriter>? addTables = null)
    {
        var writer = new SafetensorsWriter();
        writer.AddMetadata("format", "pt"); // linear weights are [out, in], as readers of such files expect
        foreach (var (name, value) in Saved(parameters))
            Add(writer, device, name, value);
        addTables?.Invoke(writer);
        writer.WriteTo(stream);
    }

    /// <summary>
    /// Checks by its header that a file has all weights and saved states in the right shapes. The parameters need no
    /// memory.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="parameters">The declared weights.</param>
    /// <param name="tables">Names of tables that the file may have for other programs.</param>
    /// <exception cref="DataException">
    /// The file is damaged or belongs to another model; the message names file and tensor.
    /// </exception>
    public static void RequireFits(string path, ParameterStore parameters, params IEnumerable<string> tables)
    {
        using var reader = SafetensorsReader.Open(path);
        ParameterPart[] parts = [.. parameters.Parameters.SelectMany(static parameter => parameter.Parts), .. parameters.States.SelectMany(static state => state.Parts)];
        foreach (var part in parts)
            reader.Find(part.Name, part.Shape);
        // An extra tensor in a known block belongs to a model of other sizes, for example with more layers. The rest
        // would be a model that was never trained.
        var known = parts.Select(static part => part.Name).Concat(tables).ToHashSet();
        var blocks = known.Select(static name => name.Split('.')[0]).ToHashSet();
        if (reader.Entries.FirstOrDefault(entry => !known.Contains(entry.Name) && blocks.Contains(entry.Name.Split('.')[0])) is { } surplus)
            throw new DataException($"{path}: tensor {Printable.Quote(surplus.Name)} does not belong to a model of these sizes");
    }

    /// <summary>Reads all weights and saved states; the file must have every one of them in the right shape.</summary>
    /// <exception cref="DataException">
    /// The file is damaged or belongs to another model; the message names file and tensor.
    /// </exception>
    public static void ReadWeights(string path, ParameterStore parameters)
    {
        using var reader = SafetensorsReader.Open(path);
        float[] buffer = new float[BufferElements];
        foreach (var (name, value) in Saved(parameters))
            Read(path, reader, name, value, buffer, parameters.Upload);
    }

    /// <summary>Writes both moments of every parameter.</summary>
    public static void WriteMoments(Stream stream, Device device, ParameterStore parameters, Adam adam)
    {
        var writer = new SafetensorsWriter();
        foreach (var (name, first, second) in Moments(parameters, adam))
        {
            Add(writer, device, $"{name}.first_moment", first);
            Add(writer, device, $"{name}.second_moment", second);
        }
        writer.WriteTo(stream);
    }

    /// <summary>Reads both moments of every parameter.</summary>
    /// <exception cref="DataException">
    /// The file is damaged or belongs to another model; the message names file and tensor.
    /// </exception>
    public static void ReadMoments(string path, Device device, ParameterStore parameters, Adam adam)
    {
        using var reader = SafetensorsReader.Open(path);
        float[] buffer = new float[BufferElements];
        foreach (var (name, first, second) in Moments(parameters, adam))
        {
            Read(path, reader, $"{name}.first_moment", first, buffer, Upload);
            Read(path, reader, $"{name}.second_moment", second, buffer, Upload);
        }

        void Upload(ReadOnlySpan<float> values, in Tensor part) => device.Upload(MemoryMarshal.AsBytes(values), part.Address);
    }

    /// <summary>Searches everything that is saved for NaN and infinity. Waits for the device.</summary>
    /// <returns>Name of the first such tensor; null if there is none.</returns>
    public static string? FindNonFinite(Device device, ParameterStore parameters, Adam adam)
    {
        float[] buffer = new float[BufferElements];
        foreach (var (name, value) in Saved(parameters))
        {
            if (!IsFinite(value))
                return name;
        }
        foreach (var (name, first, second) in Moments(parameters, adam))
        {
            if (!IsFinite(first) || !IsFinite(second))
                return $"Adam's moment of {name}";
        }
        return null;

        bool IsFinite(Tensor tensor)
        {
            for (long start = 0; start < tensor.Shape.Count; start += buffer.Length)
            {
                var values = buffer.AsSpan(0, (int)Math.Min(buffer.Length, tensor.Shape.Count - start));
                device.Download(tensor.Address + (nint)(start * sizeof(float)), MemoryMarshal.AsBytes(values));
                if (!StoredFloats.AllFinite(values))
                    return false;
            }
            return true;
        }
    }

    /// <summary>Adds a device tensor to a file; its bytes are copied when the file is written.</summary>
    public static void Add(SafetensorsWriter writer, Device device, string name, Tensor tensor)
    {
        var type = tensor.Type switch
        {
            ElementType.Float16 => SafetensorsType.F16,
            ElementType.Int32 => SafetensorsType.I32,
            _ => SafetensorsType.F32,
        };
        writer.Add(name, type, Array.ConvertAll(tensor.Shape.ToArray(), size => (long)size),
            (offset, destination) => device.Download(tensor.Address + (nint)offset, destination));
    }

    private static IEnumerable<(string Name, Tensor Value)> Saved(ParameterStore parameters) =>
        parameters.Parts().Select(static part => (part.Name, part.Value)).Concat(parameters.StateParts());

    private static IEnumerable<(string Name, Tensor First, Tensor Second)> Moments(ParameterStore parameters, Adam adam)
    {
        foreach (var parameter in parameters.Parameters)
        {
            foreach (var part in parameter.Parts)
            {
                long start = parameter.Offset + part.Offset;
                yield return (part.Name, adam.FirstMoment.Slice(start, part.Shape), adam.SecondMoment.Slice(start, part.Shape));
            }
        }
    }

    // A tensor passes through the buffer part by part.
    private static void Read(string path, SafetensorsReader reader, string name, Tensor tensor, float[] buffer, Upload upload)
    {
        var entry = reader.Find(name, tensor.Shape);
        for (long start = 0; start < tensor.Shape.Count; start += buffer.Length)
        {
            var values = buffer.AsSpan(0, (int)Math.Min(buffer.Length, tensor.Shape.Count - start));
            reader.ReadFloats(entry, start, values);
            if (!StoredFloats.AllFinite(values))
                throw new DataException($"{path}: tensor {Printable.Quote(name)} has a value that is not finite");
            upload(values, tensor.Slice(start, new Shape(values.Length)));
        }
    }
}
