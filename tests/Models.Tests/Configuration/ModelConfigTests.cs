using System.Text.Json;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Engine.Devices;
using VideoSim.Models.Checkpoints;
using VideoSim.Models.Configuration;
using VideoSim.Models.Datasets;
using VideoSim.Models.Progress;
using VideoSim.Models.Recipes;
using VideoSim.Models.Tests.Training;
using VideoSim.Models.Training;
using Xunit;

namespace VideoSim.Models.Tests.Configuration;

/// <summary>Sizes that no model has are refused before anything is built from them, wherever they come from.</summary>
public sealed class ModelConfigTests(FinishedRuns runs) : IClassFixture<FinishedRuns>
{
    private const double Huge = 2_000_000_000;

    [Theory]
    [InlineData("text_length", -2147483648, 2, 257)]
    [InlineData("tags", -1, -7, Huge)]
    [InlineData("frames", -1, 0, 1_000_000)]
    [InlineData("frame_width", -1, 0, Huge)]
    [InlineData("experts", -1, 0, 10_000_000)]
    [InlineData("vlad_expansion", -1, 0, 1e300)]
    [InlineData("vlad_groups", -1, 0, Huge)]
    [InlineData("vlad_clusters", -1, 536_870_912, Huge)]
    [InlineData("vlad_width", -1, 0, Huge)]
    [InlineData("vlad_dropout", -0.1, 1, 1e30)]
    [InlineData("embedding_width", -1, 0, 257)]
    [InlineData("fusion_dropout", -0.1, 1, 1e30)]
    [InlineData("tag_prior", 0, 1, 1e30)]
    [InlineData("squeeze_ratio", -1, 0, Huge)]
    [InlineData("encoder.vocab_size", -1, 0, Huge)]
    [InlineData("encoder.hidden_size", -1, 0, Huge)]
    [InlineData("encoder.num_hidden_layers", -1, 0, 100_000)]
    [InlineData("encoder.num_attention_heads", -1, 0, Huge)]
    [InlineData("encoder.intermediate_size", -1, 0, Huge)]
    [InlineData("encoder.max_position_embeddings", -1, 0, Huge)]
    [InlineData("encoder.type_vocab_size", -2_000_000_000, 0, Huge)]
    [InlineData("encoder.layer_norm_eps", -1, 0, double.PositiveInfinity)]
    [InlineData("encoder.initializer_range", -1, double.NaN, double.PositiveInfinity)]
    [InlineData("encoder.hidden_dropout_prob", -0.1, 1, 1e30)]
    [InlineData("encoder.attention_probs_dropout_prob", -0.1, 1, 1e30)]
    public void Validate_OutOfRange_NamesTheKey(string key, double low, double other, double high)
    {
        foreach (double value in new[] { low, other, high })
        {
            var config = Preset.Load("micro", "mix", []).Model;
            string[] path = key.Split('.');
            object owner = path.Length == 2 ? config.Encoder : config;
            var property = owner.GetType().GetProperties().Single(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name) == path[^1]);
            property.SetValue(owner, Convert.ChangeType(value, property.PropertyType, System.Globalization.CultureInfo.InvariantCulture));
            string message = Assert.Throws<DataException>(() => config.Validate("x/config.json: ")).Message;
            Assert.Matches($"^x/config.json: {key}[ :]", message);
        }
    }

    [Fact]
    public void Validate_EveryNumber_HasARange()
    {
        var numbers = new[] { typeof(ModelConfig), typeof(EncoderConfig) }.SelectMany(type => type.GetProperties())
            .Where(property => property.CanWrite && property.PropertyType.IsPrimitive && property.PropertyType != typeof(bool));
        var tested = typeof(ModelConfigTests).GetMethod(nameof(Validate_OutOfRange_NamesTheKey))!.GetCustomAttributes(typeof(InlineDataAttribute), false)
            .Select(data => ((string)((InlineDataAttribute)data).Data[0]!).Split('.')[^1]);
        Assert.Equal(numbers.Select(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name)).Order(), tested.Order());
    }

    [Theory]
    [InlineData("vlad_clusters", "2000000000", "config.json: vlad_clusters must be from 1 to 4096, not 2000000000")]
    [InlineData("encoder.hidden_size", "16384", "config.json: with bert.encoder.layer.1.attention.output.dense.weight [16384, 16384] the model would have 2,")]
    [InlineData("experts", "64", "model.safetensors: tensor 'gate.dense.weight' has shape [3, ")]
    [InlineData("model", "\"\\u001b[2Jmix\"", "config.json: there is no model '\\u001b[2Jmix'")]
    public void Open_HostileConfig_NamesTheFileBeforeMemoryIsTaken(string key, string value, string expected)
    {
        string copy = runs.New(Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(copy);
        foreach (string file in Directory.GetFiles(Path.Combine(runs.Pretrained, "last")))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        File.Delete(Path.Combine(copy, FolderChecksums.Name));
        string configFile = Path.Combine(copy, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(configFile))!;
        string[] path = key.Split('.');
        (path.Length == 2 ? config : config["videosim"]!)[path[^1]] = JsonNode.Parse(value);
        File.WriteAllText(configFile, config.ToJsonString());
        Assert.StartsWith(Path.Combine(copy, expected), Assert.Throws<DataException>(() => ModelFolder.Open(copy)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.vlad_clusters=2000000000", "--set model.vlad_clusters must be from 1 to 4096, not 2000000000")]
    [InlineData("model.encoder.hidden_size=\"\\ud800\"", "--set model.encoder.hidden_size takes a whole number, not \"\"\\ud800\"\"")]
    [InlineData("pretrain.batch=1000000000", "--set pretrain.batch must be from 1 to 65536, not 1000000000")]
    [InlineData("pretrain.weight_decay=-0.1", "--set pretrain.weight_decay must be at least 0, not -0.1")]
    [InlineData("finetune.max_grad_norm=-1", "--set finetune.max_grad_norm must be at least 0, not -1")]
    public void Load_HostileOverride_NamesTheKey(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<DataException>(() => Preset.Load("micro", "mix", [text])).Message);

    [Theory]
    [InlineData("pretrain.batch=65536", "mix with pretrain.batch=65536: a tensor [3, 65536, 65536] would have 12,884,901,888 elements; at most 2,147,483,647 are possible")]
    [InlineData("model.vlad_width=65536", "a machine that has 1,000,000")]
    public void Pretrain_MoreThanTheMachineHas_IsRefusedBeforeTheFolderIsMade(string text, string expected)
    {
        string output = runs.New(Guid.NewGuid().ToString("N"));
        using var device = new SmallDevice();
        string message = Assert.Throws<DataException>(() =>
            Pretraining.Run(device, TinyRun.Options(output, false, text), new DataFolder(runs.Data), IProgressSink.None, TestContext.Current.CancellationToken)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(output));
    }

    private sealed class SmallDevice() : CpuDevice(threads: 1)
    {
        public override string Name => "a machine that";

        public override long MemoryBytes => 1_000_000;
    }
}
