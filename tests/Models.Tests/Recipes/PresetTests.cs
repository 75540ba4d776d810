using VideoSim.Engine;
using VideoSim.Engine.Operators;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Recipes;

/// <summary>
/// The recipes against the published numbers (docs/reference-system.md, sections 4.7 and 5.1). Steps and batches are
/// in ReproductionPlanTests.
/// </summary>
public sealed class PresetTests
{
    private static readonly LabelFocus CrossEntropy = new(0, 0, 0), Asymmetric = new(0, 1, 0);

    // Tag loss, encoder and weight of masked tokens of the published models.
    private static readonly Dictionary<string, (LabelFocus TagLoss, string Encoder, float MlmWeight)> Published = new()
    {
        ["mix"] = (CrossEntropy, EncoderConfig.Bert, 10),
        ["mix-asl"] = (Asymmetric, EncoderConfig.Bert, 10),
        ["mix-roformer"] = (CrossEntropy, EncoderConfig.RoFormer, 10),
        ["uniter"] = (CrossEntropy, EncoderConfig.Bert, 10),
        ["uniter-asl"] = (Asymmetric, EncoderConfig.Bert, 5),
        ["uniter-roformer"] = (CrossEntropy, EncoderConfig.RoFormer, 10),
    };

    public static TheoryData<string> Models => [.. Published.Keys];

    [Theory]
    [InlineData("micro")]
    [InlineData("tiny")]
    [InlineData("reference")]
    public void TagLoss_EveryPreset_IsTheModels(string preset)
    {
        foreach (string model in ModelZoo.Names)
        {
            var loaded = Preset.Load(preset, model, []);
            var (tagLoss, encoder) = (ModelZoo.Find(model).TagLoss, ModelZoo.Find(model).Encoder);
            Assert.Equal((tagLoss, tagLoss, encoder), (loaded.Pretrain.Losses.Focus, loaded.Finetune.Losses.Focus, loaded.Model.Encoder.ModelType));
            if (Published.TryGetValue(model, out var published))
                Assert.Equal(published, (tagLoss, encoder, loaded.Pretrain.Losses.MlmWeight));
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Reference_RatesAndWeights_AreThePublishedOnes(string model)
    {
        var preset = Preset.Load("reference", model, []);
        foreach (var stage in new[] { preset.Pretrain, preset.Finetune })
        {
            Assert.Equal((3e-5, 2000, 5e-4, 1000), (stage.EncoderRate, stage.EncoderWarmup, stage.Rate, stage.Warmup));
            Assert.Equal((10, 2, 10, 0.07f), (stage.Losses.ConsistencyWeight, stage.Losses.ConsistencyTemperature, stage.Losses.ContrastiveWeight, stage.Losses.ContrastiveTemperature));
            Assert.Equal((0.5f, 1), (stage.Losses.KlWeight, stage.Losses.TagWeight));
        }
        Assert.Equal((60_000, 40_000), (preset.Pretrain.EncoderScheduleSteps, preset.Finetune.EncoderScheduleSteps));
        Assert.Equal((100, 200, 1000, 1000), (preset.Pretrain.LogEvery, preset.Finetune.LogEvery, preset.Pretrain.EvaluateEvery, preset.Finetune.EvaluateEvery));
        Assert.Equal(11, preset.Folds);
    }

    [Fact]
    public void Override_OfAModelsRecipe_Wins() =>
        Assert.Equal(Asymmetric, Preset.Load("reference", "mix-roformer", ["pretrain.losses.negative_gamma=1"]).Pretrain.Losses.Focus);

    [Theory]
    [InlineData("pretrain.losses.margin=1", "pretrain.losses.margin cannot be 1")]
    [InlineData("finetune.losses.negative_gamma=-1", "finetune.losses.negative_gamma cannot be -1")]
    [InlineData("model.encoder.model_type=\"gpt\"", "encoder.model_type is 'gpt'")]
    public void Override_OutOfRange_IsNamed(string text, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<DataException>(() => Preset.Load("tiny", "mix", [text])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(null, "fp32", "fp32")]
    [InlineData(ElementType.BFloat16, "bf16", "bf16")]
    [InlineData(ElementType.BFloat16, "fp32", "bf16", "pretrain.precision=fp32")] // a named key counts
    [InlineData(null, "fp32", "bf16", "finetune.precision=bf16")]
    public void In_APrecision_IsThatOfBothStagesUnlessNamed(ElementType? precision, string pretrain, string finetune, params string[] overrides)
    {
        var preset = Preset.Load("micro", "mix", overrides).In(precision, overrides);
        Assert.Equal((pretrain, finetune), (PrecisionName.Of(preset.Pretrain.Precision), PrecisionName.Of(preset.Finetune.Precision)));
    }
}
