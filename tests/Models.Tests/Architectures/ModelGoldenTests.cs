using System.Globalization;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Training;
using VideoSim.Models.Configuration;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Architectures;

/// <summary>
/// Both architectures against independent implementations in PyTorch, float64: losses, every gradient, running
/// statistics. Uniter's computes the vocabulary head at every text position and averages after the map. Each batch
/// runs the plan of a training.
/// </summary>
public sealed unsafe class ModelGoldenTests
{
    [Theory]
    [InlineData("mix/pretrain", false)]
    [InlineData("mix/pretrain", true)]
    [InlineData("mix/pretrain_asymmetric", false)]
    [InlineData("mix/finetune", false)]
    [InlineData("mix/finetune_asymmetric", false)]
    [InlineData("mix/pretrain_roformer", false)]
    [InlineData("mix/finetune_roformer", false)]
    [InlineData("uniter/pretrain", false)]
    [InlineData("uniter/pretrain", true)]
    [InlineData("uniter/pretrain_nothing_masked", false)]
    [InlineData("uniter/pretrain_all_masked_asymmetric", false)]
    [InlineData("uniter/pretrain_roformer", false)]
    [InlineData("uniter/finetune", false)]
    [InlineData("uniter/finetune_roformer", true)]
    public void Step_OfTheOracle_HasItsLossesGradientsAndRunningStatistics(string file, bool eager)
    {
        using var golden = new GoldenFile($"{file}.safetensors");
        using var device = new CpuDevice(2);
        bool pairs = golden.Has("input.similarities"), mix = file.StartsWith("mix/", StringComparison.Ordinal);
        var losses = new LossConfig { NegativeGamma = file.Contains("asymmetric", StringComparison.Ordinal) ? 1 : 0 };
        if (!pairs && !mix)
            losses.MlmWeight = float.Parse(golden.Text("mlm_weight"), CultureInfo.InvariantCulture);
        var config = Config(golden, file);
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true);
        parameters.Initialize(seed: 1);
        golden.LoadInto(device, parameters);
        using var input = golden.Batch(device, config);
        var stage = pairs ? model.Finetuning(input.Shape.Pairs, losses) : model.Pretraining(input.Shape.Videos, losses);
        var variant = stage.Variants[stage.VariantFor(input)];
        List<(string Name, Tensor Value)> notes = [];
        using var step = TrainingStep.Build(device, parameters, optimizer: null, input, tape =>
        {
            tape.Notes = notes = [];
            return variant.Losses(tape, input);
        }, eager: eager, keepsValues: true);
        step.Run();

        golden.AssertEqual("value.embedding", device, Noted("embedding"));
        var terms = step.Losses;
        string[] names = pairs ? ["squared_error", "kl", "tag"] : mix ? ["tag", "tag_experts", "consistency", "contrastive"] : ["tag", "mlm"];
        Assert.Equal(names, terms.Terms.ToArray().Select(static term => term.Name));
        float[] values = terms.Read(device);
        for (int i = 0; i < names.Length; i++)
            GoldenFile.AssertEqual(names[i], [values[i]], [TermOf(golden, names[i])]);
        GoldenFile.AssertEqual("loss.total", [(float)terms.Total(values)], golden.Doubles("loss.total"));
        if (pairs)
            golden.AssertEqual("value.similarity", device, Noted("cosine"));
        golden.AssertGradients(device, parameters);
        foreach (var (name, value) in parameters.StateParts())
            golden.AssertEqual("after." + name, device, value);

        Tensor Noted(string name) => notes.Single(note => note.Name == name).Value;
    }

    // The batch over the usual capacity is what the second plan is for; the others fit the first.
    [Theory]
    [InlineData("uniter/pretrain", 7, 0)]
    [InlineData("uniter/pretrain_nothing_masked", 0, 0)]
    [InlineData("uniter/pretrain_all_masked_asymmetric", 22, 1)]
    public void MaskedTokens_OfTheOracle_RunTheVariantTheyFit(string file, int count, int variant)
    {
        using var golden = new GoldenFile($"{file}.safetensors");
        using var device = new CpuDevice(1);
        var config = Config(golden, file);
        using var input = golden.Batch(device, config);
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        Assert.Equal(count, *input.MaskedCount.Ints);
        Assert.Equal(variant, model.Pretraining(input.Shape.Videos, new LossConfig()).VariantFor(input));
    }

    [Theory]
    [InlineData("mix/inference", false)]
    [InlineData("uniter/pretrain", false)]
    [InlineData("uniter/pretrain", true)]
    [InlineData("uniter/finetune_roformer", false)]
    [InlineData("uniter/finetune_roformer", true)]
    public void Embed_BothWaysOfPooling_GivesTheOraclesEmbeddings(string file, bool maskedPooling)
    {
        using var golden = new GoldenFile($"{file}.safetensors");
        using var device = new CpuDevice(2);
        var config = Config(golden, file) with { MaskedPooling = maskedPooling };
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: false);
        golden.LoadInto(device, parameters);
        using var input = golden.Batch(device, config);
        using var step = InferenceStep.Build(device, input, tape => model.Embed(tape, input));
        step.Run();
        golden.AssertEqual(maskedPooling ? "value.embedding_masked_pooling" : "value.embedding", device, step.Result);
    }

    private static ModelConfig Config(GoldenFile golden, string file) => file.StartsWith("mix/", StringComparison.Ordinal) ? MixConfig(golden) : UniterConfig(golden);

    private static ModelConfig MixConfig(GoldenFile golden) => new()
    {
        Model = "mix",
        Tags = golden.Size("tags"),
        TextLength = golden.Size("text_positions"),
        Frames = golden.Size("frames"),
        FrameWidth = golden.Size("frame_width"),
        Experts = golden.Size("experts"),
        VladExpansion = golden.Size("expansion"),
        VladGroups = golden.Size("groups"),
        VladClusters = golden.Size("clusters"),
        VladWidth = golden.Size("vlad_output"),
        VladDropout = 0,
        EmbeddingWidth = golden.Size("fusion"),
        FusionDropout = 0,
        SqueezeRatio = golden.Size("squeeze_ratio"),
        Encoder = golden.Encoder(golden.Has("roformer.embeddings.word_embeddings.weight") ? EncoderConfig.RoFormer : EncoderConfig.Bert),
    };

    internal static ModelConfig UniterConfig(GoldenFile golden) => new()
    {
        Model = golden.Text("encoder") == EncoderConfig.RoFormer ? "uniter-roformer" : "uniter",
        Tags = golden.Size("tags"),
        TextLength = golden.Size("text_positions"),
        Frames = golden.Size("frames"),
        FrameWidth = golden.Size("frame_width"),
        EmbeddingWidth = golden.Size("embedding"),
        SqueezeRatio = 1,
        Encoder = golden.Encoder(golden.Text("encoder")),
    };

    // Mix's oracle names the mixture's tag loss apart from those of its experts, which it does not add up.
    private static double TermOf(GoldenFile golden, string name) =>
        golden.Has($"loss.{name}") ? golden.Doubles($"loss.{name}")[0]
        : golden.Has($"loss.{name}_mixture") ? golden.Doubles($"loss.{name}_mixture")[0]
        : Enumerable.Range(0, golden.Size("experts")).Sum(k => golden.Doubles($"loss.{name}.{k}")[0]);
}
