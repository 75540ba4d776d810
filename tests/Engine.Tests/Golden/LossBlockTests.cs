using VideoSim.Engine.Autograd;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Golden;

/// <summary>Losses against PyTorch, their edges included.</summary>
public sealed unsafe class LossBlockTests
{
    private const float Upstream = 0.75f; // of every loss in the files

    [Theory]
    [InlineData("tag_binary_cross_entropy", 0)]
    [InlineData("tag_asymmetric", 1)]
    public void MultiLabelLoss_ExtremeLogits_MatchesPyTorch(string name, float negativeGamma)
    {
        using var golden = new GoldenBlock(name);
        int videos = golden.Size("batch"), tags = golden.Size("tags");
        var labels = golden.Tape.Scratch(new Shape(videos, 1), ElementType.Int32);
        double[] present = golden.Doubles("input.labels");
        for (int video = 0; video < videos; video++)
            labels.Ints[video] = Enumerable.Range(0, tags).Sum(tag => (int)present[video * tags + tag] << tag);
        var term = MultiLabelLoss.Forward(golden.Tape, golden.Variable(new Shape(videos, tags), "input.logits"), labels, new LabelFocus(0, negativeGamma, 0));
        golden.Tape.RunBackward(new LossTerm("loss", Upstream, term));
        golden.AssertEqual("output.loss", term);
        golden.AssertGradients();
    }

    [Fact]
    public void HeadConsistency_WhereEpsilonDecides_MatchesPyTorch()
    {
        using var golden = new GoldenBlock("consistency_loss");
        int rows = golden.Size("batch"), experts = golden.Size("experts"), tags = golden.Size("tags");
        var terms = MultiLabelLoss.Forward(golden.Tape, golden.Variable(new Shape(rows, tags), "input.logits"),
            golden.Variable(new Shape(experts, rows, tags), [.. Enumerable.Range(0, experts).Select(static k => $"input.experts.{k}")]),
            golden.Tape.Scratch(new Shape(rows, (tags + 31) / 32), ElementType.Int32), default,
            new HeadConsistency(Temperature: 2, Epsilon: 1e-8f));
        golden.Tape.RunBackward(new LossTerm("consistency", Upstream, terms.Consistency));
        golden.AssertEqual("output.loss", terms.Consistency);
        golden.AssertGradients();
    }

    [Fact]
    public void ContrastiveLoss_OneExpert_MatchesPyTorch()
    {
        using var golden = new GoldenBlock("contrastive_loss");
        int samples = golden.Size("batch"), width = golden.Size("width");
        var term = ContrastiveLoss.Forward(golden.Tape, golden.Variable(new Shape(1, samples, width), "input.vision"),
            golden.Variable(new Shape(samples, width), "input.text"), temperature: 0.07f);
        golden.Tape.RunBackward(new LossTerm("loss", Upstream, term));
        golden.AssertEqual("output.loss", term);
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
        var terms = PairLoss.Forward(golden.Tape, golden.Variable(new Shape(2 * pairs, width), "input.left", "input.right"),
            golden.Constant(new Shape(pairs), "input.similarities"));
        golden.Tape.RunBackward(new("squared_error", Upstream, terms.SquaredError), new("kl", 0.5f * Upstream, terms.Kl));
        golden.AssertEqual("value.similarity", terms.Cosines);
        golden.AssertEqual("value.squared_error", terms.SquaredError);
        golden.AssertEqual("value.kl", terms.Kl);
        golden.AssertGradients(byRow: true);
    }
}
