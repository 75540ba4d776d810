using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Serialization;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Pretrained;
using VideoSim.Models.Recipes;
using VideoSim.Models.Tests.Records;
using VideoSim.Models.Text;
using VideoSim.Models.Zoo;
using VideoSim.Tests.Shared;
using Xunit;

namespace VideoSim.Models.Tests.Checkpoints;

/// <summary>
/// The encoder in the folder of a model has the names, shapes and keys of the published encoders
/// (docs/reference-system.md, section 11).
/// </summary>
public sealed class ModelFolderTests : IDisposable
{
    private static readonly string[] LayerParts =
    [
        "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense",
        "output.LayerNorm",
    ];

    private readonly ScratchFolder _root = new();
    private readonly CpuDevice _device = new(threads: 1);

    private string Model => Path.Combine(_root.Path, "model");

    public static TheoryData<string> Models { get; } = [.. ModelZoo.Names];

    public void Dispose()
    {
        _device.Dispose();
        _root.Dispose();
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Write_Encoder_HasThePublishedNamesAndShapes(string name)
    {
        var encoder = Write(name).Encoder;
        string type = encoder.ModelType;
        int width = encoder.HiddenSize;
        var expected = new Dictionary<string, long[]>
        {
            ["embeddings.word_embeddings.weight"] = [encoder.VocabSize, width],
            ["embeddings.token_type_embeddings.weight"] = [2, width],
            ["embeddings.LayerNorm.weight"] = [width],
            ["embeddings.LayerNorm.bias"] = [width],
        };
        for (int layer = 0; layer < encoder.NumHiddenLayers; layer++)
        {
            foreach (string part in LayerParts)
            {
                long rows = part.StartsWith("inter", StringComparison.Ordinal) ? encoder.IntermediateSize : width;
                expected[$"encoder.layer.{layer}.{part}.weight"] = part.EndsWith("Norm", StringComparison.Ordinal) ? [width] : [rows, part == "output.dense" ? encoder.IntermediateSize : width];
                expected[$"encoder.layer.{layer}.{part}.bias"] = [rows];
            }
        }
        if (type == "bert")
            expected["embeddings.position_embeddings.weight"] = [encoder.MaxPositionEmbeddings, width];
        else
            expected["encoder.embed_positions.weight"] = [encoder.MaxPositionEmbeddings, width / encoder.NumAttentionHeads];
        if (name is "mix" or "mix-asl")
            (expected["pooler.dense.weight"], expected["pooler.dense.bias"]) = ([width, width], [width]);

        using var reader = SafetensorsReader.Open(Path.Combine(Model, "model.safetensors"));
        var found = reader.Entries.Where(entry => entry.Name.StartsWith($"{type}.", StringComparison.Ordinal)).ToDictionary(entry => entry.Name[(type.Length + 1)..]);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected, entry => Assert.Equal(entry.Value, found[entry.Key].Shape));
        Assert.All(found.Values, static entry => Assert.Equal(SafetensorsType.F32, entry.Type));
        Assert.Equal("pt", reader.Metadata["format"]);
        if (type == "roformer")
        {
            int half = width / encoder.NumAttentionHeads / 2;
            float[] table = new float[encoder.MaxPositionEmbeddings * 2 * half];
            reader.ReadFloats(found["encoder.embed_positions.weight"], table);
            Assert.Equal(Math.Sin(3 * Math.Pow(10000, -2.0 / (2 * half))), table[3 * 2 * half + 1], 1e-7);
            Assert.Equal(Math.Cos(3 * Math.Pow(10000, -2.0 / (2 * half))), table[3 * 2 * half + half + 1], 1e-7);
        }
    }

    [Theory]
    [InlineData("mix", """{"architectures":["BertModel"],"model_type":"bert","hidden_act":"gelu","pad_token_id":0,"position_embedding_type":"absolute","torch_dtype":"float32","layer_norm_eps":1E-12,"hidden_size":64,"num_hidden_layers":2,"num_attention_heads":2,"intermediate_size":128,"max_position_embeddings":16,"type_vocab_size":2,"initializer_range":0.02,"hidden_dropout_prob":0.1,"attention_probs_dropout_prob":0.1}""")]
    [InlineData("uniter-roformer", """{"architectures":["RoFormerModel"],"model_type":"roformer","embedding_size":64,"rotary_value":false,"pad_token_id":0}""")]
    public void Write_Config_HasThePublishedKeys(string name, string keys)
    {
        var config = Write(name);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Model, "config.json")))!.AsObject();
        foreach (var (key, value) in JsonNode.Parse(keys)!.AsObject())
            Assert.True(JsonNode.DeepEquals(value, json[key]), $"{key}: {json[key]?.ToJsonString()}");
        Assert.Equal(config.Encoder.VocabSize, (int)json["vocab_size"]!);
        Assert.Equal(name, (string)json["videosim"]!["model"]!);
        Assert.False(json["videosim"]!.AsObject().ContainsKey("encoder"));
        Assert.Equal(config, ModelFolder.Open(Model).Configuration);
    }

    // Another program writes keys of its own, and may have fewer than we do.
    [Fact]
    public void Open_KeysOfOtherPrograms_AreIgnored()
    {
        var config = Write("uniter-roformer");
        Change(json =>
        {
            json["transformers_version"] = "4.11.0";
            json.Remove("hidden_act");
            json.Remove("model_type"); // the class in architectures tells it too
        });
        Assert.Equal(config, ModelFolder.Open(Model).Configuration);
    }

    [Theory]
    [InlineData("hidden_act", "\"relu\"", "config.json: hidden_act is 'relu'; only gelu is supported")]
    [InlineData("rotary_value", "true", "config.json: rotary_value is true")]
    [InlineData("hidden_size", "\"wide\"", "config.json: line ")]
    [InlineData("hidden_size", null, "config.json: line ")]
    [InlineData("videosim", "null", "config.json: has no object videosim, so this is not the folder of a model")]
    [InlineData("videosim", "[]", "config.json: has no object videosim, so")]
    [InlineData("videosim", "{\"model\": \"mix\", \"tags\": 3, \"frobs\": 3}", "config.json: videosim: there is no key 'frobs'")]
    [InlineData("videosim", "{\"model\": \"mix\"}", "config.json: videosim: lacks 'tags'")]
    [InlineData("videosim", "{\"model\": \"mix\", \"tags\": 3}", "config.json: videosim: lacks 'text_length', 'frames', ")]
    [InlineData("videosim", "{\"model\": \"mix\", \"tags\": 3, \"encoder\": {}}", "config.json: videosim: there is no key 'encoder'")]
    [InlineData("videosim", "{\"model\": \"mix\", \"tags\": \"many\"}", "config.json: videosim: 'tags' is of another kind than expected")]
    public void Open_WrongConfig_NamesTheKey(string key, string? value, string expected)
    {
        Write("mix");
        Change(json =>
        {
            json.Remove(key);
            if (value is not null)
                json[key] = JsonNode.Parse(value);
        });
        Assert.StartsWith(Path.Combine(Model, expected), Assert.Throws<DataException>(() => ModelFolder.Open(Model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_KeyTwice_IsRefused()
    {
        Write("mix");
        string file = Path.Combine(Model, "config.json"), text = File.ReadAllText(file);
        File.WriteAllText(file, text.Replace("\"model\": \"mix\"", "\"model\": \"uniter\", \"model\": \"mix\"", StringComparison.Ordinal));
        Assert.StartsWith(file, Assert.Throws<DataException>(() => ModelFolder.Open(Model)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_EarlierLayout_IsRead()
    {
        var config = Write("mix");
        File.WriteAllBytes(Path.Combine(Model, "config.json"), JsonSerializer.SerializeToUtf8Bytes(config, ConfigurationJson.Default.ModelConfig));
        File.WriteAllText(Path.Combine(Model, "tokenizer_config.json"), """{"tokenizer_class": "BertTokenizer", "do_lower_case": true}""");
        File.Delete(Path.Combine(Model, "special_tokens_map.json"));
        File.Delete(Path.Combine(Model, "README.md"));
        Assert.Equal(config, ModelFolder.Open(Model).Configuration);
        Change(static json => json.Remove("frames"));
        Assert.Equal($"{Path.Combine(Model, "config.json")}: lacks 'frames'", Assert.Throws<DataException>(() => ModelFolder.Open(Model)).Message);
    }

    // A reader of a pipe would wait for a writer and would not end at a signal.
    [Fact]
    public async Task Open_Pipe_IsRefused()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "there is no mkfifo");
        Write("mix");
        string file = Path.Combine(Model, "config.json");
        File.Delete(file);
        using (var made = System.Diagnostics.Process.Start("mkfifo", file))
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        var refused = Task.Run(() => Assert.Throws<DataException>(() => ModelFolder.Open(Model)), TestContext.Current.CancellationToken);
        Assert.Equal($"{file}: is a device or a pipe, not a file",
            (await refused.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Message);
    }

    // A model starts from the encoder of another.
    [Theory]
    [InlineData("mix", "uniter")]
    [InlineData("uniter-roformer", "mix-roformer")]
    public void PretrainedFolder_OfAModel_GivesItsEncoder(string from, string to)
    {
        var config = Write(from);
        using var encoder = PretrainedFolder.Open(Model);
        Assert.Equal(config.Encoder, encoder.Encoder);
        Assert.DoesNotContain(encoder.Notes, static note => note.StartsWith("warning", StringComparison.Ordinal));
        var model = ModelZoo.Create(config with { Model = to });
        using var parameters = model.Parameters;
        parameters.Allocate(_device, training: false);
        parameters.Initialize(seed: 8);
        var rows = encoder.LoadInto(parameters);
        Assert.Contains(rows, static row => row.Use == EncoderUse.Used && row.Name.EndsWith("word_embeddings.weight", StringComparison.Ordinal));
        using var reader = SafetensorsReader.Open(Path.Combine(Model, "model.safetensors"));
        int compared = 0;
        foreach (var (name, value, _, _) in parameters.Parts().Where(part => part.Name.StartsWith($"{config.Encoder.ModelType}.", StringComparison.Ordinal)))
        {
            float[] expected = new float[value.Shape.Count], loaded = new float[value.Shape.Count];
            reader.ReadFloats(reader.TryFind(name)!, expected);
            _device.Download(value.Address, System.Runtime.InteropServices.MemoryMarshal.AsBytes(loaded.AsSpan()));
            Assert.Equal(expected, loaded);
            compared++;
        }
        Assert.Equal(config.Encoder.ModelType == "bert" ? 37 : 36, compared);
    }

    [Fact]
    public void Write_Tokenizer_HasThePublishedKeys()
    {
        Write("mix");
        var map = JsonNode.Parse(File.ReadAllText(Path.Combine(Model, "special_tokens_map.json")))!.AsObject();
        Assert.Equal("""{"cls_token":"[CLS]","mask_token":"[MASK]","pad_token":"[PAD]","sep_token":"[SEP]","unk_token":"[UNK]"}""", map.ToJsonString());
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(Model, "tokenizer_config.json")))!.AsObject();
        foreach (var (key, value) in map)
            Assert.True(JsonNode.DeepEquals(value, json[key]));
        Assert.Equal("BertTokenizer", (string)json["tokenizer_class"]!);
        Assert.Equal(16, (int)json["model_max_length"]!);
        string[] lines = File.ReadAllLines(Path.Combine(Model, "vocab.txt"));
        Assert.Equal(5, json["added_tokens_decoder"]!.AsObject().Count);
        Assert.All(json["added_tokens_decoder"]!.AsObject(), entry => Assert.Equal(lines[int.Parse(entry.Key, System.Globalization.CultureInfo.InvariantCulture)], (string)entry.Value!["content"]!));
        Assert.True(json.ContainsKey("strip_accents") && json["strip_accents"] is null);
    }

    [Fact]
    public void Write_Card_HasTheChecksumOfEveryFile()
    {
        Write("mix");
        string card = File.ReadAllText(Path.Combine(Model, "README.md"));
        foreach (string file in Directory.GetFiles(Model).Where(static file => !file.EndsWith("README.md", StringComparison.Ordinal)))
        {
            byte[] content = File.ReadAllBytes(file);
            Assert.Contains($"\n| `{Path.GetFileName(file)}` | {content.Length} | `{Convert.ToHexStringLower(SHA256.HashData(content))}` |\n", card, StringComparison.Ordinal);
        }
        Assert.StartsWith("---\nlibrary_name: videosim\n", card, StringComparison.Ordinal);
        Assert.Contains("\n    - type: spearmanr\n      name: Spearman correlation of cosines and labels\n      value: 0.2500\n---\n", card, StringComparison.Ordinal);
        Assert.Contains("\n| `` a`\\|<b>.tfrecords `` | 12 | `00ff` |\n", card, StringComparison.Ordinal);
        Assert.DoesNotContain("/secret", card, StringComparison.Ordinal);
        Assert.Contains("\"batch\": 4,", card, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_RunWithoutValidation_HasNoScores()
    {
        var preset = Preset.Load("micro", "mix", []);
        var card = new ModelCard { Stage = "pretraining", Preset = "micro", Seed = 1, Recipe = preset.Pretrain, Inputs = [], Progress = new ModelProgress(20, null, null) };
        string text = card.Text(preset.Model, 1000, []);
        Assert.DoesNotContain("model-index", text, StringComparison.Ordinal);
        Assert.Contains("\nThere was no validation.\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vocab.txt", "`vocab.txt`")]
    [InlineData("a`b", "`` a`b ``")]
    [InlineData("```", "```` ``` ````")]
    [InlineData("a|b", "`a\\|b`")]
    [InlineData("a\n# b\u2028c", "`a\\u000a# b\\u2028c`")]
    public void Code_HostileName_StaysOneCell(string name, string expected) => Assert.Equal(expected, ModelCard.Code(name));

    private ModelConfig Write(string name)
    {
        TinyData.Write(_root.Path);
        var vocabulary = Vocabulary.Load(Path.Combine(_root.Path, "vocab.txt"));
        var tags = TagList.Read(Path.Combine(_root.Path, "tag_list.txt"));
        var preset = Preset.Load("micro", name, [.. TinyData.Overrides]).For(vocabulary.Count, tags.ClassCount);
        var model = ModelZoo.Create(preset.Model);
        using var parameters = model.Parameters;
        parameters.Allocate(_device, training: false);
        parameters.Initialize(seed: 3);
        var card = new ModelCard
        {
            Stage = "pretraining", Preset = "micro", Seed = 1, Recipe = preset.Pretrain, Inputs = [new FileDigest("/secret/a`|<b>.tfrecords", 12, "00ff")],
            Progress = new ModelProgress(20, 0.25, null),
        };
        AtomicFolder.Write(Model, folder => ModelFolder.Write(folder, _device, model, preset.Model, TokenizerFactory.Create(preset.Model, vocabulary, null), tags, card));
        return preset.Model;
    }

    private void Change(Action<JsonObject> change)
    {
        string file = Path.Combine(Model, "config.json");
        var json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        change(json);
        File.WriteAllText(file, json.ToJsonString());
    }
}
