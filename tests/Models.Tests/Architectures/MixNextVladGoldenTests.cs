using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Architectures;
using VideoSim.Models.Configuration;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Architectures;

/// <summary>MixNextvlad against an independent implementation in PyTorch, float64: losses, every gradient, running statistics.</summary>
public sealed unsafe class MixNextVladGoldenTests
{
    private static readonly string[] PretrainingTerms = ["tag_mixture", "tag_experts", "consistency", "contrastive"];
    private static readonly string[] FinetuningTerms = ["squared_error", "kl", "tag"];

    [Theory]
    [InlineData("mix/pretrain.safetensors", false)]
    [InlineData("mix/pretrain.safetensors", true)]
    [InlineData("mix/pretrain_asymmetric.safetensors", false)]
    [InlineData("mix/finetune.safetensors", false)]
    [InlineData("mix/finetune_asymmetric.safetensors", false)]
    [InlineData("mix/pretrain_roformer.safetensors", false)]
    [InlineData("mix/finetune_roformer.safetensors", false)]
    public void Step_OfTheOracle_HasItsLossesGradientsAndRunningStatistics(string file, bool eager)
    {
        using var golden = new GoldenFile(file);
        using var device = new CpuDevice(2);
        bool pairs = golden.Has("input.similarities");
        var losses = new LossConfig { NegativeGamma = file.Contains("asymmetric", StringComparison.Ordinal) ? 1 : 0 };
        var config = Config(golden);
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true);
        parameters.Initialize(seed: 1);
        golden.LoadInto(device, parameters);
        using var input = golden.Batch(device, config);
        using var step = new Step<StepOutputs>(device, new StepMode(Training: true, Eager: eager), input.Scalars, tape =>
        {
            var outputs = pairs ? model.FinetuningLoss(tape, input, losses) : model.PretrainingLoss(tape, input, losses, maskedRows: 0);
            tape.RunBackward(outputs.Losses.Terms);
            return outputs;
        });
        step.Run();

        golden.AssertEqual("value.embedding", device, step.Result.Embedding);
        string[] names = pairs ? FinetuningTerms : PretrainingTerms;
        float[] values = step.Result.Losses.Read(device);
        for (int i = 0; i < names.Length; i++)
            AssertTerm(golden, names[i], values[i]);
        GoldenFile.AssertEqual("loss.total", [(float)step.Result.Losses.Total(values)], golden.Doubles("loss.total"));
        if (pairs)
            golden.AssertEqual("value.similarity", device, step.Result.Cosines);
        foreach (var (name, _, gradient, _) in parameters.Parts())
        {
            // The key bias has no gradient at all: both sides show rounding, so it is held to the query bias's scale.
            double floor = name.EndsWith("key.bias", StringComparison.Ordinal)
                ? golden.Doubles("grad." + name.Replace("key.bias", "query.bias", StringComparison.Ordinal)).Max(Math.Abs) : 0;
            GoldenFile.AssertEqual("grad." + name, Download(device, gradient), golden.Doubles("grad." + name), floor);
        }
        foreach (var (name, value) in parameters.StateParts())
            golden.AssertEqual("after." + name, device, value);
    }

    [Fact]
    public void Embed_WithRunningStatistics_GivesTheOraclesEmbeddings()
    {
        using var golden = new GoldenFile("mix/inference.safetensors");
        using var device = new CpuDevice(2);
        var config = Config(golden);
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: false);
        golden.LoadInto(device, parameters);
        using var input = golden.Batch(device, config);
        using var step = new Step<Tensor>(device, new StepMode(Training: false), input.Scalars, tape => model.Embed(tape, input));
        step.Run();
        golden.AssertEqual("value.embedding", device, step.Result);
    }

    private static void AssertTerm(GoldenFile golden, string name, float actual)
    {
        double[] expected = golden.Has($"loss.{name}") ? golden.Doubles($"loss.{name}")
            : [Enumerable.Range(0, golden.Size("experts")).Sum(k => golden.Doubles($"loss.{name}.{k}")[0])];
        GoldenFile.AssertEqual($"loss.{name}", [actual], expected);
    }

    private static ModelConfig Config(GoldenFile golden) => new()
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

    private static float[] Download(Device device, Tensor tensor)
    {
        var values = new float[tensor.Shape.Count];
        device.Download(tensor.Address, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
