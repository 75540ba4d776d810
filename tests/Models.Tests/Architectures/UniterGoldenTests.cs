using System.Globalization;
using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Tensors;
using VideoSim.Models.Architectures;
using VideoSim.Models.Batches;
using VideoSim.Models.Configuration;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Architectures;

/// <summary>
/// Uniter against an independent implementation in PyTorch, float64, which computes the vocabulary head at every text
/// position and averages after the map: losses and every gradient. Each batch runs the plan that training would run.
/// </summary>
public sealed unsafe class UniterGoldenTests
{
    [Theory]
    [InlineData("uniter/pretrain", false)]
    [InlineData("uniter/pretrain", true)]
    [InlineData("uniter/pretrain_nothing_masked", false)]
    [InlineData("uniter/pretrain_all_masked_asymmetric", false)]
    [InlineData("uniter/pretrain_roformer", false)]
    [InlineData("uniter/finetune", false)]
    [InlineData("uniter/finetune_roformer", true)]
    public void Step_OfTheOracle_HasItsLossesAndGradients(string file, bool eager)
    {
        using var golden = new GoldenFile($"{file}.safetensors");
        using var device = new CpuDevice(2);
        bool pairs = golden.Has("input.similarities");
        var losses = new LossConfig { NegativeGamma = golden.Text("tag_loss") == "asl" ? 1 : 0 };
        if (!pairs)
            losses.MlmWeight = float.Parse(golden.Text("mlm_weight"), CultureInfo.InvariantCulture);
        var config = Config(golden);
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: true);
        parameters.Initialize(seed: 1);
        golden.LoadInto(device, parameters);
        using var input = golden.Batch(device, config);
        int maskedRows = pairs ? 0 : TokenMasker.PlanRows(input.Shape.Videos, config.TextLength).First(rows => rows >= *input.MaskedCount.Ints);
        using var step = new Step<StepOutputs>(device, new StepMode(Training: true, Eager: eager), input.Scalars, tape =>
        {
            var outputs = pairs ? model.FinetuningLoss(tape, input, losses) : model.PretrainingLoss(tape, input, losses, maskedRows);
            tape.RunBackward(outputs.Losses.Terms);
            return outputs;
        });
        step.Run();

        golden.AssertEqual("value.embedding", device, step.Result.Embedding);
        string[] names = pairs ? ["squared_error", "kl", "tag"] : ["tag", "mlm"];
        Assert.Equal(names, step.Result.Losses.Terms.ToArray().Select(term => term.Name));
        for (int i = 0; i < names.Length; i++)
            golden.AssertEqual($"loss.{names[i]}", device, step.Result.Losses.Terms[i].Value);
        GoldenFile.AssertEqual("loss.total", [(float)step.Result.Losses.Total(step.Result.Losses.Read(device))], golden.Doubles("loss.total"));
        if (pairs)
            golden.AssertEqual("value.similarity", device, step.Result.Cosines);
        foreach (var (name, _, gradient, _) in parameters.Parts())
        {
            // The key bias has no gradient at all: both sides show rounding, so it is held to the query bias's scale.
            double floor = name.EndsWith("key.bias", StringComparison.Ordinal)
                ? golden.Doubles("grad." + name.Replace("key.bias", "query.bias", StringComparison.Ordinal)).Max(Math.Abs) : 0;
            GoldenFile.AssertEqual("grad." + name, Download(device, gradient), golden.Doubles("grad." + name), floor);
        }
    }

    // The batch over the usual capacity is what the second plan is for; the others fit the first.
    [Theory]
    [InlineData("uniter/pretrain", 7, 0)]
    [InlineData("uniter/pretrain_nothing_masked", 0, 0)]
    [InlineData("uniter/pretrain_all_masked_asymmetric", 22, 1)]
    public void MaskedTokens_OfTheOracle_RunThePlanTheyFit(string file, int count, int plan)
    {
        using var golden = new GoldenFile($"{file}.safetensors");
        using var device = new CpuDevice(1);
        using var input = golden.Batch(device, Config(golden));
        Assert.Equal(count, *input.MaskedCount.Ints);
        Assert.Equal(plan, TokenMasker.PlanRows(input.Shape.Videos, golden.Size("text_positions")).TakeWhile(rows => rows < count).Count());
    }

    [Theory]
    [InlineData("uniter/pretrain", false)]
    [InlineData("uniter/pretrain", true)]
    [InlineData("uniter/finetune_roformer", false)]
    [InlineData("uniter/finetune_roformer", true)]
    public void Embed_BothWaysOfPooling_GivesTheOraclesEmbeddings(string file, bool maskedPooling)
    {
        using var golden = new GoldenFile($"{file}.safetensors");
        using var device = new CpuDevice(2);
        var config = Config(golden) with { MaskedPooling = maskedPooling };
        var model = ModelZoo.Create(config);
        using var parameters = model.Parameters;
        parameters.Allocate(device, training: false);
        golden.LoadInto(device, parameters);
        using var input = golden.Batch(device, config);
        using var step = new Step<Tensor>(device, new StepMode(Training: false), input.Scalars, tape => model.Embed(tape, input));
        step.Run();
        golden.AssertEqual(maskedPooling ? "value.embedding_masked_pooling" : "value.embedding", device, step.Result);
    }

    internal static ModelConfig Config(GoldenFile golden) => new()
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

    private static float[] Download(Device device, Tensor tensor)
    {
        var values = new float[tensor.Shape.Count];
        device.Download(tensor.Address, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }
}
