using System.Runtime.InteropServices;
using VideoSim.Engine.Autograd;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Tensors;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Cuda;

/// <summary>The kernels that compute losses alone give the values of those that write gradients too, bit by bit.</summary>
[Collection(CudaMachine.Collection)]
public sealed class MultiLabelLossTests
{
    private const int Experts = 3, Rows = 5;

    [Theory]
    [InlineData(37, ElementType.Float32, true)]
    [InlineData(64, ElementType.Float32, false)]
    [InlineData(37, ElementType.BFloat16, false)]
    [InlineData(64, ElementType.BFloat16, true)]
    [InlineData(9_000, ElementType.BFloat16, true)]
    [InlineData(9_000, ElementType.Float32, true)] // more than a block keeps
    public void Values_WithAndWithoutGradients_AreTheSame(int classes, ElementType type, bool consistent)
    {
        using var device = CudaMachine.Open();
        Assert.Equal(Values(device, classes, type, consistent, training: true), Values(device, classes, type, consistent, training: false));
    }

    private static int[] Values(Device device, int classes, ElementType type, bool consistent, bool training)
    {
        using var arena = new Arena(device, 4 << 20);
        using var tape = new Tape(device.Stream, arena) { Mode = new(Training: training) };
        Tensor logits = tape.Result(new Shape(Rows, classes), differentiable: true, type), experts = tape.Result(new Shape(Experts, Rows, classes), differentiable: true, type);
        TensorValues.Fill(device, logits, site: 1, -6, 6);
        TensorValues.Fill(device, experts, site: 2, -6, 6);
        var labels = tape.Scratch(new Shape(Rows, (classes + 31) / 32), ElementType.Int32);
        device.Upload(MemoryMarshal.AsBytes<int>([.. Enumerable.Range(0, (int)labels.Shape.Count).Select(static i => 0x1234567 * i)]), labels.Address);
        var terms = MultiLabelLoss.Forward(tape, logits, experts, labels, new LabelFocus(1, 4, 0.05f), consistent ? new HeadConsistency(2, 1e-8f) : null);
        Tensor[] all = consistent ? [terms.Mixture, terms.Experts, terms.Consistency] : [terms.Mixture, terms.Experts];
        if (training)
            tape.RunBackward([.. all.Select(static (term, i) => new LossTerm($"term {i}", 1 + i, term))]);
        return [.. all.Select(term => BitConverter.SingleToInt32Bits(device.Read<float>(term)[0]))];
    }
}
