using VideoSim.Engine.Operators;
using VideoSim.Engine.Tensors;
using VideoSim.Engine.Tests.Autograd;
using VideoSim.Kernels.Activation;
using Xunit;

namespace VideoSim.Engine.Tests.Operators;

public sealed class ActivationTests
{
    [Theory]
    [InlineData(ActivationKind.Relu)]
    [InlineData(ActivationKind.Gelu)]
    [InlineData(ActivationKind.Tanh)]
    [InlineData(ActivationKind.Sigmoid)]
    public void Gradient_OddShape_MatchesDifferences(ActivationKind kind)
    {
        var x = GradientInput.Uniform("x", new Shape(3, 5, 7), -4, 4);
        for (int i = 0; i < x.Values.Length; i++)
            x.Values[i] += Math.Abs(x.Values[i]) < 0.01f ? 0.1f : 0; // away from relu's kink
        GradientCheck.Run([x], (tape, t) => Activation.Forward(tape, t[0], kind), v => Array.ConvertAll(v[0], Plain(kind)));
    }

    private static Converter<double, double> Plain(ActivationKind kind) => kind switch
    {
        ActivationKind.Relu => ActivationReference.Relu,
        ActivationKind.Gelu => ActivationReference.Gelu,
        ActivationKind.Tanh => Math.Tanh,
        _ => ActivationReference.Sigmoid,
    };
}
