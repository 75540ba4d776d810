using VideoSim.Engine.Autograd;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Elementwise;

namespace VideoSim.Engine.Operators;

/// <summary>y = a + b, element by element.</summary>
public static class Add
{
    private static readonly Elementwise Operator = new("added", ElementwiseKernels.Add, ElementwiseKernels.AddBackward, readsInputs: false);

    /// <summary>Adds two tensors of one shape and type; both may be the same one.</summary>
    /// <returns>Their shape and type.</returns>
    /// <exception cref="ArgumentException">The shapes or the types differ.</exception>
    public static Tensor Forward(Tape tape, in Tensor a, in Tensor b) => Operator.Forward(tape, a, b);
}
