using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Elementwise;

namespace VideoSim.Engine.Operators;

/// <summary>y = u * sigmoid(s), element by element.</summary>
public static class SigmoidGate
{
    private static readonly Elementwise Operator = new("gated", ElementwiseKernels.Gate, ElementwiseKernels.GateBackward, readsInputs: true);

    /// <summary>Gates a tensor by another of its shape and type; both may be the same one.</summary>
    /// <returns>Their shape and type.</returns>
    /// <exception cref="ArgumentException">The shapes or the types differ.</exception>
    public static Tensor Forward(Tape tape, in Tensor u, in Tensor s) => Operator.Forward(tape, u, s);
}
