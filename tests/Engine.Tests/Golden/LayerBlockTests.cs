using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Golden;

/// <summary>Operators of the layers, put together as the model does it, against PyTorch.</summary>
public sealed unsafe class LayerBlockTests
{
    private const float Momentum = 0.99f, Epsilon = 1e-3f;

    [Theory]
    [InlineData("batch_norm", 1)]
    [InlineData("batch_norm_sides", 2)]
    public void BatchNorm_AnyGroups_MatchesPyTorch(string name, int groups)
    {
        using var golden = new GoldenBlock(name);
        int width = golden.Size("features");
        var x = golden.Variable(new Shape(golden.Size("rows"), width), "input.x");
        var y = Normalise(golden, x, "norm", groups, out var runningMean, out var runningVariance);
        golden.AssertEqual("output.normalised", y);
        golden.AssertEqual("after.norm.running_mean", runningMean);
        golden.AssertEqual("after.norm.running_var", runningVariance);
        golden.Backward(y, "upstream.normalised");
        golden.AssertGradients();
    }

    [Fact]
    public void Gate_NormaliseMapSoftmax_MatchesPyTorch()
    {
        using var golden = new GoldenBlock("gate");
        int width = golden.Size("features"), experts = golden.Size("experts");
        var x = golden.Variable(new Shape(golden.Size("rows"), width), "input.x");
        var normalised = Normalise(golden, x, "norm", groups: 1, out var runningMean, out var runningVariance);
        var logits = Linear.Forward(golden.Tape, normalised, golden.Variable(new Shape(experts, width), "dense.weight"), golden.Variable(new Shape(experts), "dense.bias"));
        golden.AssertEqual("value.logits", logits);
        var y = Softmax.Forward(golden.Tape, logits);
        golden.AssertEqual("output.weights", y);
        golden.AssertEqual("after.norm.running_mean", runningMean);
        golden.AssertEqual("after.norm.running_var", runningVariance);
        golden.Backward(y, "upstream.weights");
        golden.AssertGradients();
    }

    [Fact]
    public void Mixture_ThreeExperts_MatchesPyTorch()
    {
        using var golden = new GoldenBlock("expert_mixture");
        int rows = golden.Size("batch"), experts = golden.Size("experts"), width = golden.Size("width");
        var x = golden.Variable(new Shape(experts, rows, width), [.. Enumerable.Range(0, experts).Select(static k => $"input.experts.{k}")]);
        var y = Mixture.Forward(golden.Tape, x, golden.Variable(new Shape(rows, experts), "input.weights"));
        golden.AssertEqual("output.mixture", y);
        golden.Backward(y, "upstream.mixture");
        golden.AssertGradients();
    }

    [Fact]
    public void Fusion_JoinMapSqueezeExcite_MatchesPyTorch()
    {
        using var golden = new GoldenBlock("squeeze_excite_fusion");
        int rows = golden.Size("batch"), left = golden.Size("vision"), right = golden.Size("text"), width = golden.Size("width"), squeezed = width / golden.Size("squeeze_ratio");
        var tape = golden.Tape;
        Tensor vision = golden.Variable(new Shape(rows, left), "input.vision"), text = golden.Variable(new Shape(rows, right), "input.text");
        var joined = ConcatDropout.Forward(tape, vision, text, site: 0, dropProbability: 0);
        var dense = Linear.Forward(tape, joined, golden.Variable(new Shape(width, left + right), "fusion.dense.weight"), golden.Variable(new Shape(width), "fusion.dense.bias"));
        golden.AssertEqual("value.fusion.dense_before_relu", dense);
        var united = Activation.Forward(tape, dense, ActivationKind.Relu);
        var squeeze = Linear.Forward(tape, united, golden.Variable(new Shape(squeezed, width), "fusion.squeeze.weight"));
        var excite = Linear.Forward(tape, Activation.Forward(tape, squeeze, ActivationKind.Relu), golden.Variable(new Shape(width, squeezed), "fusion.excite.weight"));
        var y = SigmoidGate.Forward(tape, united, excite);
        golden.AssertEqual("output.fusion", y);
        golden.Backward(y, "upstream.fusion");
        golden.AssertGradients();
    }

    [Fact]
    public void NeXtVlad_WholeLayerInTraining_MatchesPyTorch()
    {
        using var golden = new GoldenBlock("next_vlad") { Roundings = 256 };
        int videos = golden.Size("batch"), frames = golden.Size("frames"), frameWidth = golden.Size("frame_width");
        int groups = golden.Size("groups"), clusters = golden.Size("clusters"), output = golden.Size("output");
        int expanded = golden.Size("expansion") * frameWidth, width = expanded / groups;
        var tape = golden.Tape;
        Tensor stored = tape.Scratch(new Shape(videos, frames, frameWidth), ElementType.Float16), counts = tape.Scratch(new Shape(videos), ElementType.Int32);
        Array.ConvertAll(golden.Doubles("input.frames"), static value => (Half)value).CopyTo(new Span<Half>(stored.Halves, videos * frames * frameWidth));
        golden.Integers("input.frame_counts").CopyTo(new Span<int>(counts.Ints, videos));

        var (masked, _) = StoredRows.Mask(tape, stored, counts);
        var hidden = Map(golden, masked, "vlad.expand", expanded);
        golden.AssertEqual("value.vlad.expanded", hidden);
        var clusterLogits = Linear.ForwardStack(tape, hidden, golden.Variable(new Shape(1, groups * clusters, expanded), "vlad.cluster.weight"));
        golden.AssertEqual("value.vlad.cluster_logits", clusterLogits);
        var (weight, bias, runningMean, runningVariance) = NormOf(golden, "vlad.cluster_norm", groups * clusters);
        var normalised = BatchNorm.Prepare(tape, clusterLogits, weight, bias, runningMean, runningVariance, groups: 1, Momentum, Epsilon);
        var groupLogits = Map(golden, hidden, "vlad.attention", groups);
        var descriptor = VladAggregation.Forward(tape, hidden, normalised, groupLogits, golden.Variable(new Shape(1, width, clusters), "vlad.centres"),
            videos, groups, clusters, site: 0, dropProbability: 0);
        golden.AssertEqual("value.vlad.descriptor", descriptor);
        var y = Map(golden, descriptor, "vlad.output", output);
        golden.AssertEqual("output.vlad", y);
        golden.AssertEqual("after.vlad.cluster_norm.running_mean", runningMean);
        golden.AssertEqual("after.vlad.cluster_norm.running_var", runningVariance);
        golden.Backward(y, "upstream.vlad");
        golden.AssertGradients();
    }

    private static Tensor Normalise(GoldenBlock golden, Tensor x, string name, int groups, out Tensor runningMean, out Tensor runningVariance)
    {
        (var weight, var bias, runningMean, runningVariance) = NormOf(golden, name, x.Shape.Width);
        return BatchNorm.Forward(golden.Tape, x, weight, bias, runningMean, runningVariance, groups, Momentum, Epsilon);
    }

    private static (Tensor Weight, Tensor Bias, Tensor RunningMean, Tensor RunningVariance) NormOf(GoldenBlock golden, string name, int width)
    {
        var shape = new Shape(1, width);
        return (golden.Variable(shape, $"{name}.weight"), golden.Variable(shape, $"{name}.bias"),
            golden.Constant(shape, $"{name}.running_mean"), golden.Constant(shape, $"{name}.running_var"));
    }

    // A stack of one, as the model has three.
    private static Tensor Map(GoldenBlock golden, Tensor x, string name, int width) => Linear.ForwardStack(golden.Tape, x,
        golden.Variable(new Shape(1, width, x.Shape.Width), $"{name}.weight"), golden.Variable(new Shape(1, width), $"{name}.bias"));
}
