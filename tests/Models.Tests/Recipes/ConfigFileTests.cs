using System.Text;
using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Recipes;
using Xunit;

namespace VideoSim.Models.Tests.Recipes;

/// <summary>The file of --config: one clear line for every mistake.</summary>
public sealed class ConfigFileTests : IDisposable
{
    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("videosim-test-").FullName, "recipe.json");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    [Fact]
    public void Read_AllSections_AreOverridesInTheirOrder()
    {
        var config = Read("""
            { "$schema": "../docs/config.schema.json", "preset": "micro", "seed": 18446744073709551615,
              "finetune": { "rate": 1e-3, "losses": { "kl_weight": 0 } }, "model": { "even_frames": true, "encoder": { "hidden_size": 32 } }, "pretrain": { "batch": 8.0, "precision": "fp32" } }
            """);
        Assert.Equal(("micro", ulong.MaxValue), (config.Preset, config.Seed));
        Assert.Equal(["finetune.rate=0.001", "finetune.losses.kl_weight=0", "model.even_frames=true", "model.encoder.hidden_size=32", "pretrain.batch=8", "pretrain.precision=fp32"],
            config.Overrides.Select(static one => $"{one.Key}={one.Text}"));
        Assert.Equal((8, 0.001, 32, true), Preset.Load("micro", "mix", config.Overrides) is var preset ? (preset.Pretrain.Batch, preset.Finetune.Rate, preset.Model.Encoder.HiddenSize, preset.Model.EvenFrames) : default);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"pretrain": {}, "model": {"encoder": {}}}""")]
    public void Read_NoKeys_ChangesNothing(string text) => Assert.Equivalent(new ConfigFile(null, null, []), Read(text));

    [Theory]
    [InlineData("", "line 1: is not JSON: there is nothing")]
    [InlineData("{", "line 1: is not JSON: it ends inside an object or a list")]
    [InlineData("preset: micro\n", "line 1: is not JSON: no value begins with 'p'")]
    [InlineData("{\"pretrain\": {\n\"batch\": 2,\n}}", "line 3: has a comma after the last value")]
    [InlineData("{\"seed\" 3}", "line 1: is not JSON: a colon is missing before '3'")]
    [InlineData("{\"seed\": 3 \"preset\": 4}", "line 1: is not JSON: a comma is missing before '\"'")]
    [InlineData("{seed: 3}", "line 1: is not JSON: a key is in quotes, and this is 's'")]
    [InlineData("{\"seed\": True}", "line 1: is not JSON: no value begins with 'T'")]
    [InlineData("{\"seed\": tru}", "line 1: is not JSON: a word that is not in quotes must be true, false or null")]
    [InlineData("{\"seed\": 03}", "line 1: is not JSON: a number begins with 0")]
    [InlineData("{\"seed\": \"3", "line 1: is not JSON: a text has no quote at its end")]
    [InlineData("[]", "is not a JSON object")]
    [InlineData("3", "is not a JSON object")]
    [InlineData("null", "is not a JSON object")]
    [InlineData("{} {}", "line 1: ")]
    [InlineData("{ // comment\n}", "line 1: has a comment, which JSON does not allow")]
    [InlineData("\uFEFF{}", "begins with a byte order mark")]
    [InlineData("""{"pretrain": {"batch": 2, "batch": 3}}""", "line 1: has the key 'batch' twice")]
    [InlineData("""{"preset": "micro", "preset": "tiny"}""", "line 1: has the key 'preset' twice")]
    [InlineData("""{"pretrain": {"batchsize": 2}}""", "pretrain.batchsize: there is no key 'batchsize'; did you mean 'pretrain.batch'?")]
    [InlineData("""{"pretrain": {"eval_steps": 2}}""", "there is no key 'eval_steps'; did you mean 'pretrain.evaluate_every'?")]
    [InlineData("""{"pretrain": {"warmup_steps": 2}}""", "there is no key 'warmup_steps'; did you mean 'pretrain.warmup'?")]
    [InlineData("""{"pretrian": {"batch": 2}}""", "pretrian: there is no key 'pretrian'; did you mean 'pretrain'?")]
    [InlineData("""{"pretrian": {}}""", "pretrian: there is no key 'pretrian'")]
    [InlineData("""{"pretrain": {"kl_weight": 2}}""", "there is no key 'kl_weight'; did you mean 'pretrain.losses.kl_weight'?")]
    [InlineData("""{"pretrain": {"losses": {"rate": 2}}}""", "there is no key 'rate'; did you mean 'pretrain.rate'?")]
    [InlineData("""{"batch": 2}""", "there is no key 'batch'; did you mean 'pretrain.batch'?")]
    [InlineData("""{"finetune": {"kl_weight": 2}}""", "there is no key 'kl_weight'; did you mean 'finetune.losses.kl_weight'?")]
    [InlineData("""{"pretrain": {"losses": {"frobs": 2}}}""", "there is no key 'frobs', only consistency_weight")]
    [InlineData("""{"pretrain": {"\u001b[2J": 2}}""", "there is no key '\\u001b[2J'")]
    [InlineData("""{"pretrain": {"batch": 2}, "pretrain.batch": 8}""", "pretrain.batch must stand in its section: {\"pretrain\": {\"batch\": 8}}")]
    [InlineData("""{"pretrain": {"losses.kl_weight": 1}}""", "pretrain.losses.kl_weight must stand in its section: {\"pretrain\": {\"losses\": {\"kl_weight\": 1}}}")]
    [InlineData("""{"pretrain.losses": {}}""", "pretrain.losses must stand in its section: {\"pretrain\": {\"losses\": {}}}")]
    [InlineData("""{"pretrain.batchs": 8}""", "there is no key 'batchs'; did you mean 'pretrain.batch'?")]
    [InlineData("""{"pretrain": {"rate": 1e-400}}""", "pretrain.rate: 1e-400 is too near to 0 for a number")]
    [InlineData("""{"pretrain": 3}""", "pretrain takes an object, not 3")]
    [InlineData("""{"pretrain": [{"batch": 3}]}""", "pretrain takes an object, not [{\"batch\":3}]")]
    [InlineData("""{"pretrain": null}""", "pretrain takes an object, not null")]
    [InlineData("""{"pretrain": {"steps": "ten"}}""", "pretrain.steps takes a whole number, not \"ten\"")]
    [InlineData("""{"pretrain": {"steps": "10"}}""", "pretrain.steps takes a whole number, not \"10\"")]
    [InlineData("""{"pretrain": {"steps": 1.5}}""", "pretrain.steps takes a whole number, not 1.5")]
    [InlineData("""{"pretrain": {"steps": null}}""", "pretrain.steps takes a whole number, not null")]
    [InlineData("""{"pretrain": {"steps": {"a": 1}}}""", "pretrain.steps takes a whole number, not an object")]
    [InlineData("""{"pretrain": {"steps": [1]}}""", "pretrain.steps takes a whole number, not an array")]
    [InlineData("""{"pretrain": {"steps": 3000000000}}""", "pretrain.steps must be from 1 to 2147483647, not 3000000000")]
    [InlineData("""{"pretrain": {"rate": true}}""", "pretrain.rate takes a number, not true")]
    [InlineData("""{"pretrain": {"rate": 1e999}}""", "line 1: 'rate' is 1e999, which is not a number that fits")]
    [InlineData("""{"pretrain": {"rate": -1}}""", "pretrain.rate must be at least 0, not -1")]
    [InlineData("""{"pretrain": {"precision": "fp8"}}""", "pretrain.precision cannot be 'fp8'; it must be fp32 or bf16")]
    [InlineData("""{"pretrain": {"precision": 16}}""", "pretrain.precision takes fp32 or bf16, not 16")]
    [InlineData("""{"pretrain": {"on_nan": "ignore"}}""", "pretrain.on_nan cannot be 'ignore'; it must be stop or rollback")]
    [InlineData("""{"model": {"even_frames": "true"}}""", "model.even_frames takes true or false, not \"true\"")]
    [InlineData("""{"model": {"model": "mix"}}""", "the model is chosen by --model")]
    [InlineData("""{"preset": "mini"}""", "preset takes micro or tiny or reference, not \"mini\"")]
    [InlineData("""{"seed": -1}""", "seed takes a whole number from 0 to 2^64 - 1, not -1")]
    [InlineData("""{"seed": "7"}""", "seed takes a whole number from 0 to 2^64 - 1, not \"7\"")]
    [InlineData("""{"$schema": 7}""", "$schema takes a text, not 7")]
    public void Read_AMistake_IsOneLineWithFileAndKey(string text, string complaint)
    {
        string message = Assert.Throws<DataException>(() => Read(text)).Message;
        Assert.StartsWith($"{_file}: ", message, StringComparison.Ordinal);
        Assert.Contains(complaint, message, StringComparison.Ordinal);
        Assert.True(message.Length < 1000 && !message.Contains('\n', StringComparison.Ordinal) && !message.Contains('\u001b', StringComparison.Ordinal), message);
    }

    [Fact]
    public void Read_HugeOrDeepOrNoFile_IsRefusedAtOnce()
    {
        using (var stream = File.Create(_file))
            stream.SetLength(100_000_000);
        Assert.Equal($"{_file}: has more than 1 MB, the limit of a file of keys", Assert.Throws<DataException>(() => ConfigFile.Read(_file)).Message);
        Assert.StartsWith($"{_file}: ", Assert.Throws<DataException>(() => Read(new StringBuilder().Insert(0, "{\"pretrain\":", 1000).ToString())).Message, StringComparison.Ordinal);
        Assert.StartsWith($"{_file}: ", Assert.Throws<DataException>(() => Read($$"""{"{{new string('k', 500_000)}}": 1}""")).Message, StringComparison.Ordinal);
        string folder = Path.GetDirectoryName(_file)!;
        Assert.Equal($"{folder}: cannot be read: it is a folder", Assert.Throws<DataException>(() => ConfigFile.Read(folder)).Message);
        Assert.Equal($"{_file}2: cannot be read: there is no such file or folder", Assert.Throws<DataException>(() => ConfigFile.Read(_file + "2")).Message);
    }

    // What the schema says is what the program does; tests/config-schema.py asks a validator of schemas.
    [Fact]
    public void Schema_EveryKey_HasTypeDefaultAndDescription()
    {
        var schema = JsonNode.Parse(ConfigSchema.Text())!;
        foreach (var key in PresetKeys.All.Where(static key => key.Path != "model.model"))
        {
            var described = key.Path.Split('.').Aggregate(schema, static (section, name) => section["properties"]![name]!);
            Assert.True(described["type"] is not null || described["enum"] is not null, key.Path);
            Assert.StartsWith(key.Info.Meaning, (string)described["description"]!, StringComparison.Ordinal);
            Assert.Equal(described["default"]!.ToJsonString(), key.Check(described["default"], key.Path).ToJsonString());
        }
        Assert.Null(schema["properties"]!["model"]!["properties"]!["model"]);
    }

    private ConfigFile Read(string text)
    {
        File.WriteAllText(_file, text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        return ConfigFile.Read(_file);
    }
}
