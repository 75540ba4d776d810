namespace VideoSim.Kernels.Contract;

/// <summary>
/// One kernel for tensors of either precision: two entries of one CUDA source, two instances of one template. Pointers
/// to such tensors are <c>void*</c> in the arguments. Pointers to statistics, vectors and gradients of parameters keep
/// their types.
/// </summary>
public sealed class KernelPair<TArgs> where TArgs : unmanaged
{
    private readonly Kernel<TArgs> _float32, _bfloat16;

    /// <summary>Makes both kernels.</summary>
    /// <param name="name">Name of the entries without their ending, such as <c>layer_norm_forward</c>.</param>
    /// <param name="make">Makes the kernel of an entry and a precision. Only the fp32 kernel has a twin.</param>
    public KernelPair(string name, Func<string, Precision, Kernel<TArgs>> make) =>
        (_float32, _bfloat16) = (make($"{name}_{Precision.Float32.Suffix()}", Precision.Float32), make($"{name}_{Precision.BFloat16.Suffix()}", Precision.BFloat16));

    /// <summary>The kernel for tensors of a precision.</summary>
    public Kernel<TArgs> this[Precision precision] => precision == Precision.Float32 ? _float32 : _bfloat16;
}
