using System.Text.Json.Nodes;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Architectures;
using VideoSim.Models.Configuration;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Tests.Records;
using VideoSim.Models.Zoo;
using VideoSim.Pretrained.Hdf5;

namespace VideoSim.Models.Tests.Pretrained;

/// <summary>A published encoder whose files a test changes before it opens them. Its weights are a model.safetensors unless it copies another file.</summary>
internal sealed class TestFolder : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly List<(string Name, long[] Shape, float[] Values)> _tensors = [];
    private readonly CpuDevice _device = new(threads: 1);

    public TestFolder(string kind)
    {
        Kind = kind;
        Config = JsonNode.Parse(File.ReadAllText(PublishedFiles.PathOf($"{kind}/config.json")))!.AsObject();
        File.Copy(PublishedFiles.PathOf($"{kind}/vocab.txt"), this["vocab.txt"]);
        using var reader = SafetensorsReader.Open(PublishedFiles.PathOf($"{kind}/plain.safetensors"));
        foreach (var entry in reader.Entries.Where(static entry => entry.Type == SafetensorsType.F32))
        {
            float[] values = new float[entry.ElementCount];
            reader.ReadFloats(entry, values);
            _tensors.Add((entry.Name, [.. entry.Shape], values));
        }
    }

    public string Kind { get; }

    public JsonObject Config { get; }

    public string Path => _folder.Path;

    public string this[string name] => System.IO.Path.Combine(_folder.Path, name);

    public float[] Values(string name) => _tensors.Single(tensor => tensor.Name == name).Values;

    public void Rename(Func<string, string> rename)
    {
        for (int i = 0; i < _tensors.Count; i++)
            _tensors[i] = _tensors[i] with { Name = rename(_tensors[i].Name) };
    }

    public void Remove(Predicate<string> which) => _tensors.RemoveAll(tensor => which(tensor.Name));

    public void Add(string name, params long[] shape)
    {
        float[] values = new float[shape.Aggregate(1L, static (count, size) => count * size)];
        for (int i = 0; i < values.Length; i++)
            values[i] = i * 0.01f;
        _tensors.Add((name, shape, values));
    }

    public string Write(string name, string content) => _folder.Write(name, content);

    /// <summary>Takes the weights from a committed file instead.</summary>
    public PretrainedFolder OpenWith(string file)
    {
        string publishedName = System.IO.Path.GetExtension(file) switch
        {
            ".safetensors" => "model.safetensors",
            ".h5" => "tf_model.h5",
            _ => "pytorch_model.bin",
        };
        File.Copy(PublishedFiles.PathOf($"{Kind}/{file}"), this[publishedName]);
        Write("config.json", Config.ToJsonString());
        return PretrainedFolder.Open(Path, Hdf5File.Open);
    }

    public PretrainedFolder Open()
    {
        var writer = new SafetensorsWriter();
        foreach (var (name, shape, values) in _tensors)
        {
            writer.Add(name, SafetensorsType.F32, shape, (offset, destination) =>
                System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan()).Slice((int)offset, destination.Length).CopyTo(destination));
        }
        using (var stream = File.Create(this["model.safetensors"]))
            writer.WriteTo(stream);
        Write("config.json", Config.ToJsonString());
        return PretrainedFolder.Open(Path);
    }

    /// <summary>A small model around an encoder, with fresh weights.</summary>
    public IVideoModel Model(string name, EncoderConfig encoder, ElementType precision = ElementType.Float32)
    {
        var model = ModelZoo.Create(new ModelConfig
        {
            Model = name,
            Encoder = encoder,
            Tags = 3,
            TextLength = 8,
            Frames = 2,
            FrameWidth = 8,
            VladExpansion = 1,
            VladGroups = 2,
            VladClusters = 3,
            VladWidth = 6,
            EmbeddingWidth = 8,
            SqueezeRatio = 2,
        });
        model.Parameters.Allocate(_device, training: false, precision);
        model.Parameters.Initialize(seed: 5);
        return model;
    }

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }
}
