using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using VideoSim.TensorBoard.Messages;

namespace VideoSim.TensorBoard;

/// <summary>
/// The messages of TensorBoard's table of hyper-parameters: the preset, the seed and the keys of the recipe, such as
/// <c>rate</c> and <c>losses.tag_weight</c>.
/// </summary>
internal static class HyperParameters
{
    private const string Plugin = "hparams";

    /// <summary>The event of a run that begins: what the table has, and the values.</summary>
    /// <param name="arguments">The run's args.json.</param>
    /// <param name="metrics">Tags of scalars that the table has.</param>
    /// <param name="now">The time.</param>
    public static Summary Begin(JsonObject arguments, IEnumerable<string> metrics, DateTimeOffset now)
    {
        var experiment = new Experiment();
        var session = new SessionStartInfo { StartTimeSecs = now.ToUnixTimeSeconds() };
        foreach (var (name, value) in Of(arguments))
        {
            var kind = value.GetValueKind();
            experiment.HparamInfos.Add(new HParamInfo
            {
                Name = name,
                Type = kind switch
                {
                    JsonValueKind.Number => HParamInfo.Types.Type.DataTypeFloat64,
                    JsonValueKind.True or JsonValueKind.False => HParamInfo.Types.Type.DataTypeBool,
                    _ => HParamInfo.Types.Type.DataTypeString,
                },
            });
            session.Hparams.Add(name, kind switch
            {
                JsonValueKind.Number => new HParamValue { NumberValue = value.Deserialize(JsonNumbers.Default.Double) },
                JsonValueKind.True or JsonValueKind.False => new HParamValue { BoolValue = kind == JsonValueKind.True },
                _ => new HParamValue { StringValue = value.ToString() },
            });
        }
        experiment.MetricInfos.AddRange(metrics.Select(static tag => new MetricInfo { Name = new MetricName { Tag = tag } }));
        return new Summary
        {
            Value =
            {
                Value("experiment", new HParamsPluginData { Experiment = experiment }),
                Value("session_start_info", new HParamsPluginData { SessionStartInfo = session }),
            },
        };
    }

    /// <summary>The event of a complete run.</summary>
    public static Summary End(DateTimeOffset now) => new()
    {
        Value =
        {
            Value("session_end_info", new HParamsPluginData
            {
                SessionEndInfo = new SessionEndInfo { Status = SessionEndInfo.Types.Status.Success, EndTimeSecs = now.ToUnixTimeSeconds() },
            }),
        },
    };

    // The plugin reads the metadata. Readers ask for a tensor too.
    private static Summary.Types.Value Value(string name, HParamsPluginData data) => new()
    {
        Tag = $"_hparams_/{name}",
        Metadata = new SummaryMetadata
        {
            PluginData = new SummaryMetadata.Types.PluginData { PluginName = Plugin, Content = data.ToByteString() }, DataClass = DataClass.Tensor,
        },
        Tensor = new TensorProto { Dtype = DataType.DtFloat, TensorShape = new TensorShapeProto { Dim = { new TensorShapeProto.Types.Dim { Size = 1 } } }, FloatVal = { 0 } },
    };

    private static IEnumerable<(string Name, JsonValue Value)> Of(JsonObject arguments)
    {
        string stage = arguments["command"]?.ToString() ?? "";
        return Flat("", new JsonObject { ["preset"] = arguments["preset"]?.DeepClone(), ["seed"] = arguments["seed"]?.DeepClone() })
            .Concat(arguments[stage] is JsonObject recipe ? Flat("", recipe) : []);
    }

    private static IEnumerable<(string Name, JsonValue Value)> Flat(string prefix, JsonObject values) => values.SelectMany(pair => pair.Value switch
    {
        JsonObject inner => Flat($"{prefix}{pair.Key}.", inner),
        JsonValue value => [(prefix + pair.Key, value)],
        _ => Enumerable.Empty<(string, JsonValue)>(),
    });
}
