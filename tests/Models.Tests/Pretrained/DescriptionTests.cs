using System.Text.Json.Nodes;
using VideoSim.Engine;
using VideoSim.Models.Pretrained;
using Xunit;

namespace VideoSim.Models.Tests.Pretrained;

/// <summary>
/// config.json and tokenizer_config.json: sizes come from the tensors, functions from the file, and only known
/// functions are accepted.
/// </summary>
public sealed class DescriptionTests
{
    [Theory]
    [InlineData("hidden_size", "16", "hidden_size is 16 in config.json, but 8 in the tensors; 8 is used")]
    [InlineData("num_hidden_layers", "12", "num_hidden_layers is 12 in config.json, but 2 in the tensors; 2 is used")]
    [InlineData("intermediate_size", "32", "intermediate_size is 32 in config.json, but 20 in the tensors; 20 is used")]
    [InlineData("max_position_embeddings", "512", "max_position_embeddings is 512 in config.json, but 20 in the tensors; 20 is used")]
    [InlineData("type_vocab_size", "1", "type_vocab_size is 1 in config.json, but 2 in the tensors; 2 is used")]
    [InlineData("vocab_size", "21128", "vocab_size is 21128 in config.json, but 26 in the tensors; 26 is used")]
    public void Open_ConfigWithOtherSizes_TakesTheTensorsAndSaysSo(string key, string value, string note)
    {
        using var files = new TestFolder("bert");
        files.Config[key] = JsonNode.Parse(value);
        using var folder = files.Open();
        Assert.Contains(note, folder.Notes);
        Assert.Equal((26, 8, 2, 20, 20, 2), (folder.Encoder.VocabSize, folder.Encoder.HiddenSize, folder.Encoder.NumHiddenLayers,
            folder.Encoder.IntermediateSize, folder.Encoder.MaxPositionEmbeddings, folder.Encoder.TypeVocabSize));
    }

    [Fact]
    public void Open_ConfigWithFunctions_TakesThem()
    {
        using var files = new TestFolder("roformer");
        files.Config["layer_norm_eps"] = 1e-5;
        files.Config["hidden_dropout_prob"] = 0.25;
        files.Config["attention_probs_dropout_prob"] = 0;
        files.Config["initializer_range"] = 0.03;
        files.Config["max_position_embeddings"] = 1536;
        files.Config["num_attention_heads"] = 1;
        files.Remove(static name => name.Contains("embed_positions", StringComparison.Ordinal));
        using var folder = files.Open();
        var encoder = folder.Encoder;
        Assert.Equal(("roformer", 1e-5f, 0.25f, 0f, 0.03, 1536, 1), (encoder.ModelType, encoder.LayerNormEps, encoder.HiddenDropoutProb,
            encoder.AttentionProbsDropoutProb, encoder.InitializerRange, encoder.MaxPositionEmbeddings, encoder.NumAttentionHeads));
    }

    [Fact]
    public void Open_ConfigWithDefaultsLeftOut_TakesThePublishedOnes()
    {
        using var files = new TestFolder("bert");
        foreach (string key in files.Config.Select(static entry => entry.Key).Where(static key => key is not ("num_attention_heads" or "architectures")).ToArray())
            files.Config.Remove(key);
        using var folder = files.Open();
        Assert.Equal(("bert", 1e-12f, 0.1f, 0.1f), (folder.Encoder.ModelType, folder.Encoder.LayerNormEps, folder.Encoder.HiddenDropoutProb, folder.Encoder.AttentionProbsDropoutProb));
    }

    [Theory]
    [InlineData("bert", "model_type", "\"roberta\"", "model_type is 'roberta'; it must be bert or roformer")]
    [InlineData("bert", "hidden_act", "\"gelu_new\"", "hidden_act is 'gelu_new'; only gelu is supported")]
    [InlineData("bert", "hidden_act", "\"relu\"", "hidden_act is 'relu'; only gelu is supported")]
    [InlineData("bert", "position_embedding_type", "\"relative_key\"", "position_embedding_type is 'relative_key'; only absolute is supported")]
    [InlineData("bert", "is_decoder", "true", "is_decoder is true; only encoders are supported")]
    [InlineData("roformer", "rotary_value", "true", "rotary_value is true; only rotation of queries and keys is supported")]
    [InlineData("roformer", "embedding_size", "4", "embedding_size is 4, hidden_size 8; they must be equal")]
    [InlineData("bert", "num_attention_heads", "null", "has no num_attention_heads")]
    [InlineData("bert", "num_attention_heads", "0", "num_attention_heads is 0")]
    [InlineData("bert", "num_attention_heads", "3", "num_attention_heads is 3, which does not divide the tensors' width 8")]
    [InlineData("roformer", "num_attention_heads", "8", "num_attention_heads is 8, so the head width is 1; rotary positions need an even width")]
    [InlineData("bert", "max_position_embeddings", "-1", "max_position_embeddings is -1")]
    [InlineData("bert", "layer_norm_eps", "0", "layer_norm_eps is 0; it must lie between 0 and 1")]
    [InlineData("bert", "layer_norm_eps", "1e999", "'layer_norm_eps' is 1e999, which is not a number that fits")]
    [InlineData("bert", "initializer_range", "-0.5", "initializer_range is -0.5; it must lie between 0 and 1")]
    [InlineData("bert", "hidden_dropout_prob", "1", "hidden_dropout_prob is 1; it must be in [0, 1)")]
    [InlineData("bert", "attention_probs_dropout_prob", "-0.1", "attention_probs_dropout_prob is -0.1; it must be in [0, 1)")]
    [InlineData("bert", "num_attention_heads", "\"two\"", "line 1: 'num_attention_heads' is of another kind than expected")]
    [InlineData("bert", "hidden_size\": 8, \"hidden_size", "8", "hidden_size")]
    public void Open_ConfigOfAnotherFunction_NamesFileAndKey(string kind, string key, string value, string message)
    {
        using var files = new TestFolder(kind);
        files.Open().Dispose();
        files.Config.Remove(key);
        files.Write("config.json", files.Config.ToJsonString()[..^1] + $", \"{key}\": {value}}}");
        string found = Assert.Throws<DataException>(() => PretrainedFolder.Open(files.Path)).Message;
        Assert.StartsWith($"{files["config.json"]}: ", found, StringComparison.Ordinal);
        Assert.Contains(message, found, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ConfigWithoutKind_SaysSo()
    {
        using var files = new TestFolder("bert");
        files.Config.Remove("model_type");
        files.Config.Remove("architectures");
        Assert.Equal($"{files["config.json"]}: has no model_type", Assert.Throws<DataException>(files.Open).Message);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"init_inputs\": []}")]
    [InlineData("{\"do_lower_case\": true, \"strip_accents\": null, \"tokenizer_class\": \"BertTokenizerFast\", \"tokenize_chinese_chars\": true}")]
    public void Open_TokenizerThatFits_IsTaken(string json)
    {
        using var files = new TestFolder("bert");
        files.Write("tokenizer_config.json", json);
        files.Open().Dispose();
    }

    [Theory]
    [InlineData("{\"do_lower_case\": false}", "do_lower_case is false; only tokenizers that lower-case are supported")]
    [InlineData("{\"strip_accents\": false}", "strip_accents is false; only tokenizers that strip accents are supported")]
    [InlineData("{\"do_basic_tokenize\": false}", "do_basic_tokenize is false")]
    [InlineData("{\"tokenize_chinese_chars\": false}", "tokenize_chinese_chars is false")]
    [InlineData("{\"tokenizer_class\": \"RoFormerTokenizer\"}", "tokenizer_class is 'RoFormerTokenizer', but a bert needs BertTokenizer")]
    [InlineData("[", "")]
    [InlineData("null", "is null")]
    public void Open_TokenizerOfAnotherKind_NamesFileAndKey(string json, string message)
    {
        using var files = new TestFolder("bert");
        files.Write("tokenizer_config.json", json);
        string found = Assert.Throws<DataException>(files.Open).Message;
        Assert.StartsWith($"{files["tokenizer_config.json"]}: {message}", found, StringComparison.Ordinal);
    }
}
