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

    // Any number of values: NeXtVLAD's expansion changes as little as its groups allow, and not where it fits.
    [Theory]
    [InlineData("micro")]
    [InlineData("tiny")]
    [InlineData("reference")]
    public void FrameWidth_OfTheData_FitsEveryPreset(string name)
    {
        var published = Preset.Load(name, "mix", []).Model;
        foreach (int width in Enumerable.Range(1, 300).Concat([384, 511, 512, 768, 1000, 1536, 2047, 2048, 4096, 65536]))
        {
            var model = Preset.Load(name, "mix", [], width).Model;
            Assert.Equal(width, model.FrameWidth);
            double wanted = published.VladExpansion * width;
            Assert.True(Math.Abs(model.VladExpandedWidth - wanted) <= Math.Max(published.VladGroups / 2.0, published.VladGroups - wanted), $"{width}: {model.VladExpandedWidth}");
            if (wanted % published.VladGroups == 0)
                Assert.Equal(published.VladExpansion, model.VladExpansion);
            // A checkpoint's sizes stay as they are.
            Assert.Equal(model, Preset.LoadFor(name, model, "folder", []).Model);
        }
        Assert.Equal(published, Preset.Load(name, "mix", [], published.FrameWidth).Model);
    }

    [Fact]
    public void FrameWidth_WithAnExplicitExpansion_KeepsIt()
    {
        Assert.Equal(0.5, Preset.Load("micro", "mix", ["model.vlad_expansion=0.5"], 48).Model.VladExpansion);
        string message = Assert.Throws<DataException>(() => Preset.Load("micro", "mix", ["model.vlad_expansion=0.5"], 49)).Message;
        Assert.Equal("model.vlad_expansion is 0.5; times frame_width (49) it must be a whole number from 1 to 262144", message);
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
    [InlineData("pretrain.losses.margin=1", "pretrain.losses.margin must be at least 0 and below 1, not 1")]
    [InlineData("finetune.losses.negative_gamma=-1", "finetune.losses.negative_gamma must be at least 0, not -1")]
    [InlineData("model.encoder.model_type=\"gpt\"", "model.encoder.model_type cannot be 'gpt'; it must be bert or roformer")]
    public void Override_OutOfRange_IsNamed(string text, string complaint) =>
        Assert.Contains(complaint, Assert.Throws<DataException>(() => Preset.Load("tiny", "mix", [text])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(null, "fp32", "fp32")]
    [InlineData(ElementType.BFloat16, "bf16", "bf16")]
    [InlineData(ElementType.BFloat16, "fp32", "bf16", "pretrain.precision=fp32")] // a named key counts
    [InlineData(null, "fp32", "bf16", "finetune.precision=bf16")]
    public void In_APrecision_IsThatOfBothStagesUnlessNamed(ElementType? precision, string pretrain, string finetune, params string[] overrides)
    {
        Override[] given = [.. overrides];
        var preset = Preset.Load("micro", "mix", given).In(precision, given);
        Assert.Equal((pretrain, finetune), (PrecisionName.Of(preset.Pretrain.Precision), PrecisionName.Of(preset.Finetune.Precision)));
    }
}
