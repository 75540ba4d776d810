using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.MeanPool;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class MeanPoolTests
{
    [Theory]
    [InlineData(1, 1, 1, false)]
    [InlineData(3, 5, 9, false)]
    [InlineData(2, 7, 17, true)]
    public void Gradients_WithAndWithoutMask_MatchDifferences(int b, int s, int c, bool masked)
    {
        int[] mask = [.. Enumerable.Range(0, b * s).Select(i => i % 3 == 0 ? 1 : 0)];
        GradientCheck.Run([GradientInput.Uniform("x", new Shape(b, s, c))],
            (tape, x) => MeanPool.Forward(tape, x[0], masked ? GradientCheck.Integers(tape, new Shape(b, s), mask) : default),
            v => MeanPoolReference.Forward(v[0], masked ? mask : null, b, s, c));
    }
}
