using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.L2Norm;
using VideoSim.Kernels.Losses;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class ContrastiveLossTests
{
    private const float Temperature = 0.25f;

    [Theory]
    [InlineData(1, 2, 3)]
    [InlineData(3, 5, 11)]
    [InlineData(2, 9, 4)]
    public void Gradients_AnySizes_MatchDifferences(int experts, int samples, int width) => GradientCheck.RunLoss(
        [GradientInput.Uniform("vision", new Shape(experts, samples, width)), GradientInput.Uniform("text", new Shape(samples, width))],
        static (tape, t) => [ContrastiveLoss.Forward(tape, t[0], t[1], Temperature)],
        v => [ContrastiveLossReference.Forward(Cosines(v[0], v[1], samples, width), samples, 1 / (double)Temperature).Sum() / samples], roundings: 256);

    private static double[] Cosines(double[] vision, double[] text, int samples, int width)
    {
        double[] left = L2NormReference.Forward(vision, width).Y, right = L2NormReference.Forward(text, width).Y;
        double[] cosines = new double[left.Length / width * samples];
        for (int i = 0; i < cosines.Length; i++)
        {
            for (int c = 0; c < width; c++)
                cosines[i] += left[i / samples * width + c] * right[i % samples * width + c];
        }
        return cosines;
    }
}
