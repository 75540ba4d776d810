using VideoSim.Models.Architectures;
using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using VideoSim.Models.Reproduction;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Reproduction;

public sealed class ReproductionPlanTests
{
    // docs/reference-system.md: steps and batches in section 8, parameters in section 3.10. Further models come last.
    [Fact]
    public void Of_ReferenceAllModels_HasThePublishedRuns()
    {
        var plan = ReproductionPlan.Of("reference", ModelZoo.Names, folds: null, overrides: [], packsProducts: false);
        Assert.Equal(12 * ModelZoo.Names.Length, plan.TotalRuns);
        (string, string, int, int, int, long)[] published =
        [
            ("mix", "pretrain", 1, 60_000, 256, 206_935_371L), ("mix", "finetune", 11, 4_000, 128, 206_935_371L),
            ("mix-asl", "pretrain", 1, 60_000, 256, 206_935_371L), ("mix-asl", "finetune", 11, 3_000, 128, 206_935_371L),
            ("mix-roformer", "pretrain", 1, 60_000, 256, 228_125_259L), ("mix-roformer", "finetune", 11, 4_000, 128, 228_125_259L),
            ("uniter", "pretrain", 1, 60_000, 256, 105_844_376L), ("uniter", "finetune", 11, 3_000, 128, 105_844_376L),
            ("uniter-asl", "pretrain", 1, 60_000, 256, 105_844_376L), ("uniter-asl", "finetune", 11, 3_000, 128, 105_844_376L),
            ("uniter-roformer", "pretrain", 1, 60_000, 210, 127_653_728L), ("uniter-roformer", "finetune", 11, 4_000, 112, 127_653_728L),
        ];
        Assert.Equal(published, plan.Runs.Take(published.Length).Select(run => (run.Model, run.Stage, run.Runs, run.Steps, run.Batch, run.Parameters)));
        // Six FLOPs for each weight of the encoder's layers at each of the 64 positions of 256 videos, at least.
        Assert.All(plan.Runs.Where(run => run.Model == "uniter" && run.Stage == "pretrain"), run => Assert.InRange(run.FlopsPerStep, 6.0 * 85_054_464 * 64 * 256, 9e12));
    }

    // Weights and two moments; then, for each position and layer of the encoder, the activations that backward reads:
    // queries, keys and values 3C, context, two products and two sums C each, the feed-forward part before and after
    // GELU I each. Their gradients and those of the weights live shortly. With embeddings, heads, input and a
    // validation they add a quarter at most. In mix the last layer may see one position only, and frames are expanded
    // to 3,072 values for three experts.
    [Fact]
    public void Of_Reference_HasTheMemoryOfWeightsAndActivations()
    {
        const double C = 768, I = 3072, OfLayer = sizeof(float) * (3 * C + 5 * C + 2 * I), OfFrame = sizeof(float) * 3 * 3072;
        Assert.All(ReproductionPlan.Of("reference", ModelZoo.Names, folds: null, overrides: [], packsProducts: false).Runs, static run =>
        {
            var model = Preset.Load("reference", run.Model, []).Model;
            bool isMix = ModelZoo.Create(model) is MixNextVlad, hasPooler = isMix && model.Encoder.ModelType == EncoderConfig.Bert; // a maximum takes all positions
            double videos = run.Stage == "pretrain" ? run.Batch : 2 * run.Batch;
            double activations = videos * ((isMix ? 32 : 64) * (hasPooler ? 11 : 12) * OfLayer + (isMix ? 32 * OfFrame : 0));
            using var parameters = ModelZoo.Create(model).Parameters;
            // A branch of a GPU has the gradients of an update, of the one before and of the one after it.
            double gradients = 3.0 * sizeof(float) * parameters.Parameters.Max(static parameter => parameter.Shape.Count);
            Assert.InRange(run.DeviceBytes - 12.0 * run.Parameters, activations, 1.25 * activations + gradients);
        });
    }

    // fp32: one value for each weight, two moments; bf16 adds a copy of the weights. A limit of the norm needs all
    // gradients, and four parts of a batch two sums of them as well. Otherwise few are kept: those of the last layer
    // of mix, which has other products for its first position, and those of five tensors that get none. What is
    // counted beside the parts is packed operands, the validation and batches that are read ahead.
    [Theory]
    [InlineData("fp32", 1, 0, 4, 0)]
    [InlineData("bf16", 1, 0, 6, 0)]
    [InlineData("fp32", 1, 1, 4, 4)]
    [InlineData("fp32", 4, 0, 4, 12)]
    public void Memory_IsThePartsOfTheDeviceBytes(string precision, int parts, int limit, int bytesOfWeight, int bytesOfGradient)
    {
        Override[] overrides = [$"pretrain.max_grad_norm={limit}", $"finetune.max_grad_norm={limit}", $"pretrain.precision={precision}", $"finetune.precision={precision}", $"pretrain.gradient_accumulation_steps={parts}", $"finetune.gradient_accumulation_steps={parts}"];
        Assert.All(ReproductionPlan.Of("reference", ["mix", "uniter-roformer"], folds: 1, overrides, packsProducts: false).Runs, run =>
        {
            var (weights, gradients, moments, activations, floor) = run.Memory;
            Assert.InRange(weights, bytesOfWeight * run.Parameters, 1.001 * bytesOfWeight * run.Parameters);
            Assert.InRange(gradients, bytesOfGradient * run.Parameters, bytesOfGradient == 0 ? 0.04 * run.Parameters : 1.001 * bytesOfGradient * run.Parameters);
            Assert.InRange(moments, 8 * run.Parameters, 1.001 * 8 * run.Parameters);
            Assert.InRange(floor, weights + gradients + moments + 0.95 * activations, run.DeviceBytes);
            Assert.InRange(run.DeviceBytes, weights + gradients + moments + activations, 1.2 * (weights + gradients + moments + activations));
        });
    }

    // A run of 7 updates with a checkpoint after 3, 6 and 7 has three of them, whatever it may keep.
    [Theory]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    [InlineData(2_000_000_000, 3)]
    public void DiskBytes_HaveNoMoreCheckpointsThanTheRunSaves(int limit, int checkpoints)
    {
        var run = ReproductionPlan.Of("micro", ["mix"], folds: 1, ["pretrain.steps=7", "pretrain.warmup=0", "pretrain.encoder_warmup=0", "pretrain.checkpoint_every=3", $"pretrain.save_total_limit={limit}"], packsProducts: false).Runs[0];
        Assert.Equal((3 * checkpoints + 3) * sizeof(float) * run.Parameters, run.DiskBytes);
    }

    [Fact]
    public void Of_Overrides_AreCounted()
    {
        var plan = ReproductionPlan.Of("micro", ["mix"], folds: 3, ["finetune.steps=7", "finetune.batch=2"], packsProducts: false);
        Assert.Equal((3, 7, 2), (plan.Runs[1].Runs, plan.Runs[1].Steps, plan.Runs[1].Batch));
        Assert.Equal(4, plan.TotalRuns);
    }
}
