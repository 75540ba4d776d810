using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.Models.Architectures;
using VideoSim.Models.Configuration;
using VideoSim.Models.Recipes;
using VideoSim.Models.Zoo;
using Xunit;

namespace VideoSim.Models.Tests.Architectures;

/// <summary>
/// The masks that a model's step draws. Different sites have different masks; tests of the kernels check that.
/// </summary>
public sealed class DropoutTests
{
    private const float Hidden = 0.11f, Attention = 0.22f, Vlad = 0.33f, Fusion = 0.44f;
    private const int Layers = 3;
    private const ulong Seed = 5;

    private static readonly Override[] Overrides =
    [
        $"model.encoder.num_hidden_layers={Layers}", "model.encoder.hidden_dropout_prob=0.11", "model.encoder.attention_probs_dropout_prob=0.22",
        "model.vlad_dropout=0.33", "model.fusion_dropout=0.44",
    ];

    public static TheoryData<string, bool, ElementType> Steps => new(
        from model in ModelZoo.Names
        from pretraining in new[] { true, false }
        from precision in ElementTypes.Precisions
        select (model, pretraining, precision));

    [Theory]
    [MemberData(nameof(Steps))]
    public void Forward_EveryUseOfDropout_DrawsAMaskOfItsOwn(string model, bool pretraining, ElementType precision)
    {
        var draws = Draws(model, pretraining, precision, backward: false);
        Assert.Equal(draws.Count, draws.Select(static draw => draw.Site).Distinct().Count());
        Assert.DoesNotContain(RandomSites.TokenMasks, draws.Select(static draw => draw.Site)); // tokens are masked with the same key
        Assert.All(draws, static draw => Assert.Equal(Seed, draw.Seed));
    }

    // Embeddings; in each layer attention, its output and the feed-forward output; in a mixture NeXtVLAD and the
    // fusion.
    [Theory]
    [MemberData(nameof(Steps))]
    public void Forward_EveryUseOfDropout_HasTheProbabilityOfItsKind(string model, bool pretraining, ElementType precision)
    {
        var expected = Enumerable.Repeat(("attention", Attention), Layers).Concat(Enumerable.Repeat(("layernorm", Hidden), 2 * Layers)).Append(("dropout", Hidden));
        if (ModelZoo.Create(Preset.Load("micro", model, []).Model) is MixNextVlad)
            expected = expected.Append(("vlad", Vlad)).Append(("concat", Fusion));
        Assert.Equal(expected.Order(), Draws(model, pretraining, precision, backward: false).Select(static draw => (draw.Family, draw.Probability)).Order());
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void Backward_DrawsTheMasksOfForward(string model, bool pretraining, ElementType precision)
    {
        var forward = Draws(model, pretraining, precision, backward: false);
        var both = Draws(model, pretraining, precision, backward: true);
        Assert.True(both.Count > forward.Count);
        Assert.Equal(forward.Order(Comparer), both.Distinct().Order(Comparer));
    }

    private static Comparer<Draw> Comparer => Comparer<Draw>.Create(static (a, b) => a.Site.CompareTo(b.Site));

    private static unsafe List<Draw> Draws(string model, bool pretraining, ElementType precision, bool backward)
    {
        var preset = Preset.Load("micro", model, Overrides);
        using var device = new CountingDevice();
        var built = ModelZoo.Create(preset.Model);
        using var parameters = built.Parameters;
        parameters.Allocate(device, training: true, precision);
        var stage = pretraining ? built.Pretraining(preset.Pretrain.Batch, preset.Pretrain.Losses) : built.Finetuning(preset.Finetune.Batch, preset.Finetune.Losses);
        using var input = new Models.Batches.BatchBlock(device, stage.Shape);
        using var step = new Step<LossTerms>(device, new StepMode(Training: true, Seed, Precision: precision), input, tape =>
        {
            var losses = stage.Variants[0].Losses(tape, input);
            if (backward)
                tape.RunBackward(losses.Terms);
            return losses;
        });
        using var noted = new NotingStream();
        step.Replay(noted);
        return noted.Draws;
    }
}
