using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using VideoSim.Engine;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Serialization;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Architectures;
using VideoSim.Models.Configuration;
using VideoSim.Models.Zoo;
using VideoSim.Onnx.Messages;
using static VideoSim.Onnx.Messages.TensorProto.Types;

namespace VideoSim.Onnx;

/// <summary>
/// The embedding network of a model as an ONNX file: from frames and token ids to the video embedding, for any batch,
/// without tag heads. It has standard operators only. docs/onnx.md describes inputs and output.
/// </summary>
public sealed class OnnxModel
{
    /// <summary>Version of ONNX's file format.</summary>
    public const int IrVersion = 8;

    /// <summary>Version of ONNX's standard operators.</summary>
    public const int OperatorSet = 17;

    // A file is one message, and readers of protobuf refuse larger ones.
    private const long MostBytes = int.MaxValue;

    // More than the name and sizes of a weight take, and a share of the metadata.
    private const long BytesBesideWeight = 1024;

    private readonly ModelConfig _config;
    private readonly OnnxGraph _graph = new();

    /// <summary>Builds the graph. This needs no weights.</summary>
    /// <param name="config">Sizes of the model.</param>
    /// <exception cref="DataException">
    /// The sizes do not fit together, or a file of them would be too large.
    /// </exception>
    public OnnxModel(ModelConfig config)
    {
        _config = config;
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        var inputs = InputNodes.Add(_graph, config);
        string embedding = model switch
        {
            MixNextVlad => MixNextVladNodes.Add(_graph, config, inputs),
            Uniter => UniterNodes.Add(_graph, config, inputs),
            _ => throw new DataException($"{config.Model} cannot be written as ONNX"),
        };
        _graph.Output(embedding, DataType.Float, [config.EmbeddingWidth], "the video embedding");
        var shapes = parameters.Parameters.SelectMany(static parameter => parameter.Parts).Concat(parameters.States.SelectMany(static state => state.Parts))
            .ToDictionary(static part => part.Name, static part => part.Shape);
        WeightBytes = _graph.Weights.Sum(name => shapes[name].Count * sizeof(float));
        long bytes = WeightBytes + _graph.Weights.Count * BytesBesideWeight + _graph.Message.CalculateSize();
        if (bytes > MostBytes)
            throw new DataException(string.Create(CultureInfo.InvariantCulture, $"{config.Model} would need {bytes:N0} bytes as ONNX; an ONNX file has at most {MostBytes:N0}"));
    }

    /// <summary>Size of all weights of the file.</summary>
    public long WeightBytes { get; }

    /// <summary>Writes the file, which exists whole or not at all. Equal weights give equal bytes.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="parameters">The model's weights, on the CPU device. They are not copied.</param>
    /// <exception cref="DataException">
    /// The file system reported an error; the message names the path and the reason.
    /// </exception>
    public void Write(string path, ParameterStore parameters)
    {
        var values = parameters.Parts().Select(static part => (part.Name, part.Value)).Concat(parameters.StateParts()).ToDictionary();
        var graph = _graph.Message.Clone();
        graph.Name = _config.Model;
        foreach (string name in _graph.Weights)
            graph.Initializer.Add(Weight(name, values[name]));
        var file = new ModelProto
        {
            IrVersion = IrVersion,
            OpsetImport = { new OperatorSetIdProto { Domain = "", Version = OperatorSet } },
            ProducerName = "VideoSim",
            ProducerVersion = typeof(OnnxModel).Assembly.GetName().Version!.ToString(3),
            DocString = "Video embedding from sampled frames and the pieces of a title",
            Graph = graph,
            MetadataProps = { Text("model", _config.Model), Text("tags", _config.Tags.ToString(CultureInfo.InvariantCulture)), Text("config", JsonSerializer.Serialize(_config, ConfigurationJson.Default.ModelConfig)) },
        };
        AtomicFile.Write(path, file.WriteTo);
        GC.KeepAlive(parameters);
    }

    private static unsafe TensorProto Weight(string name, in Tensor value)
    {
        var memory = new NativeMemory((byte*)value.Floats, checked((int)(value.Shape.Count * sizeof(float))));
        return new TensorProto
        {
            Name = name, Dims = { Array.ConvertAll(value.Shape.ToArray(), static size => (long)size) }, DataType = DataType.Float, RawData = UnsafeByteOperations.UnsafeWrap(memory.Memory),
        };
    }

    private static StringStringEntryProto Text(string key, string value) => new() { Key = key, Value = value };
}
