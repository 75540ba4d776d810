using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using Xunit;

namespace VideoSim.Engine.Tests.Golden;

/// <summary>Losses against PyTorch, their edges included.</summary>
public sealed unsafe class LossBlockTests
{
    private const float Upstream = 0.75f; // of every loss in the files

    [Theory]
    [InlineData("tag_binary_cross_entropy", 0)]
    [InlineData("tag_asymmetric", 1)]
    public void TagLoss_ExtremeLogits_MatchesPyTorch(string name, float negativeGamma)
    {
        using var golden = new GoldenBlock(name);
        int videos = golden.Size("batch"), tags = golden.Size("tags");
        var labels = golden.Tape.Scratch(new Shape(videos, 1), ElementType.Int32);
        var present = golden.Doubles("input.labels");
        for (int video = 0; video < videos; video++)
            labels.Ints[video] = Enumerable.Range(0, tags).Sum(tag => (int)present[video * tags + tag] << tag);
        var term = golden.Term();
        TagLoss.Forward(golden.Tape, golden.Variable(new Shape(videos, tags), "input.logits"), labels,
            new TagFocus(0, negativeGamma, 0), Upstream, term);
        golden.AssertEqual("output.loss", term);
        golden.Tape.RunBackward();
        golden.AssertGradients();
    }

    [Fact]
    public void TagConsistency_WhereEpsilonDecides_MatchesPyTorch()
    {
        using var golden = new GoldenBlock("consistency_loss");
        int rows = golden.Size("batch"), experts = golden.Size("experts"), tags = golden.Size("tags");
        var terms = golden.Tape.Scratch(new Shape(3));
        TagLoss.Forward(golden.Tape, golden.Variable(new Shape(rows, tags), "input.logits"),
            golden.Variable(new Shape(experts, rows, tags), [.. Enumerable.Range(0, experts).Select(static k => $"input.experts.{k}")]),
            golden.Tape.Scratch(new Shape(rows, (tags + 31) / 32), ElementType.Int32), default, weight: 0,
            new TagConsistency(Temperature: 2, Epsilon: 1e-8f, Upstream), terms);
        golden.AssertEqual("output.loss", terms.Slice(2, new Shape(1)));
        golden.Tape.RunBackward();
        golden.AssertGradients();
    }

    [Fact]
    public void ContrastiveLoss_OneExpert_MatchesPyTorch()
    {
        using var golden = new GoldenBlock("contrastive_loss");
        int samples = golden.Size("batch"), width = golden.Size("width");
        var term = golden.Term();
        ContrastiveLoss.Forward(golden.Tape, golden.Variable(new Shape(1, samples, width), "input.vision"),
            golden.Variable(new Shape(samples, width), "input.text"), temperature: 0.07f, Upstream, term);
        golden.AssertEqual("output.loss", term);
        golden.Tape.RunBackward();
        golden.AssertGradients();
    }

    // Rows are compared one by one: in the clip's file their magnitudes differ by a million.
    [Theory]
    [InlineData("pair_loss")]
    [InlineData("pair_loss_clip")]
    public void PairLoss_AllKindsOfPairs_MatchesPyTorch(string name)
    {
        using var golden = new GoldenBlock(name);
        int pairs = golden.Size("pairs"), width = golden.Size("width");
        Tensor squaredError = golden.Term(), kl = golden.Term(), cosines = golden.Tape.Scratch(new Shape(pairs));
        PairLoss.Forward(golden.Tape, golden.Variable(new Shape(2 * pairs, width), "input.left", "input.right"),
            golden.Constant(new Shape(pairs), "input.similarities"), klWeight: 0.5f, squaredError, kl, cosines);
        golden.AssertEqual("value.similarity", cosines);
        golden.AssertEqual("value.squared_error", squaredError);
        golden.AssertEqual("value.kl", kl);
        golden.Tape.RunBackward();
        golden.AssertGradients(Upstream, byRow: true);
    }
}
