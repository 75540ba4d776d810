using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using VideoSim.Onnx.Messages;
using static VideoSim.Onnx.Messages.AttributeProto.Types;
using static VideoSim.Onnx.Messages.TensorProto.Types;

namespace VideoSim.Onnx;

/// <summary>
/// A graph of ONNX's standard operators that grows node by node. A node and its only result have the same name.
/// Weights have the names of the model's weights; the graph notes which ones it uses.
/// </summary>
internal sealed class OnnxGraph
{
    private readonly List<string> _weights = [];
    private readonly HashSet<string> _constants = [];

    /// <summary>The graph so far, without the weights.</summary>
    public GraphProto Message { get; } = new();

    /// <summary>Names of the weights that the nodes use, in the order of their first use.</summary>
    public IReadOnlyList<string> Weights => _weights;

    /// <summary>Adds an input; its first dimension is the batch.</summary>
    /// <param name="name">Name.</param>
    /// <param name="type">Type of its elements.</param>
    /// <param name="sizes">All dimensions except the first.</param>
    /// <param name="meaning">What a caller has to put there.</param>
    public string Input(string name, DataType type, ReadOnlySpan<long> sizes, string meaning)
    {
        Message.Input.Add(Describe(name, type, sizes, meaning));
        return name;
    }

    /// <summary>Declares a node's result as the output of the graph; arguments as for an input.</summary>
    public void Output(string name, DataType type, ReadOnlySpan<long> sizes, string meaning) => Message.Output.Add(Describe(name, type, sizes, meaning));

    /// <summary>Adds a node.</summary>
    /// <param name="op">The operator.</param>
    /// <param name="name">Name of the node and of its result.</param>
    /// <param name="inputs">Names of its inputs.</param>
    /// <param name="attributes">Its attributes; those that are left out have ONNX's defaults.</param>
    /// <returns>The name of the result.</returns>
    public string Add(string op, string name, ReadOnlySpan<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        var node = new NodeProto { OpType = op, Name = name };
        node.Input.AddRange(inputs.ToArray());
        node.Output.Add(name);
        node.Attribute.AddRange(attributes.ToArray());
        Message.Node.Add(node);
        return name;
    }

    /// <summary>A weight or saved state of the model, by its name in <c>model.safetensors</c>.</summary>
    public string Weight(string name)
    {
        if (!_weights.Contains(name))
            _weights.Add(name);
        return name;
    }

    /// <summary>A scalar constant.</summary>
    public string Constant(float value) => Constant(string.Create(CultureInfo.InvariantCulture, $"float.{value}"), [], [value]);

    /// <summary>A constant of floats in a given shape.</summary>
    public string Constant(string name, ReadOnlySpan<long> shape, ReadOnlySpan<float> values) => Constant(name, shape, DataType.Float, MemoryMarshal.AsBytes(values));

    /// <summary>A scalar constant, for an index.</summary>
    public string Constant(long value) => Constant(string.Create(CultureInfo.InvariantCulture, $"int.{value}"), [], DataType.Int64, MemoryMarshal.AsBytes([value]));

    /// <summary>A constant row of numbers, for shapes and axes.</summary>
    public string Constants(params ReadOnlySpan<long> values) =>
        Constant($"ints.{string.Join('.', values.ToArray())}", [values.Length], DataType.Int64, MemoryMarshal.AsBytes(values));

    /// <summary>Another shape of the same elements; -1 stands for what is left, the batch.</summary>
    public string Reshape(string name, string x, params ReadOnlySpan<long> shape) => Add("Reshape", name, [x, Constants(shape)]);

    /// <summary>Another order of the dimensions.</summary>
    public string Transpose(string name, string x, params ReadOnlySpan<long> order) => Add("Transpose", name, [x], Ints("perm", order));

    /// <summary>Adds dimensions of size 1; their numbers are those after the change.</summary>
    public string Unsqueeze(string name, string x, params ReadOnlySpan<long> axes) => Add("Unsqueeze", name, [x, Constants(axes)]);

    public static AttributeProto Int(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

    public static AttributeProto Float(string name, float value) => new() { Name = name, Type = AttributeType.Float, F = value };

    public static AttributeProto Ints(string name, params ReadOnlySpan<long> values) => new() { Name = name, Type = AttributeType.Ints, Ints = { values.ToArray() } };

    // Equal names have equal values, so the second use finds the constant of the first.
    private string Constant(string name, ReadOnlySpan<long> shape, DataType type, ReadOnlySpan<byte> values)
    {
        if (_constants.Add(name))
            Message.Initializer.Add(new TensorProto { Name = name, Dims = { shape.ToArray() }, DataType = type, RawData = ByteString.CopyFrom(values) });
        return name;
    }

    private static ValueInfoProto Describe(string name, DataType type, ReadOnlySpan<long> sizes, string meaning)
    {
        var shape = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dimension { DimParam = "batch" } } };
        foreach (long size in sizes)
            shape.Dim.Add(new TensorShapeProto.Types.Dimension { DimValue = size });
        return new ValueInfoProto { Name = name, DocString = meaning, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = type, Shape = shape } } };
    }
}
