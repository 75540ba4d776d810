using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Memory;
using VideoSim.Engine.Tensors;
using VideoSim.Kernels.Activation;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.Dropout;
using VideoSim.Kernels.LayerNorm;
using VideoSim.Kernels.Optimizers;
using VideoSim.Kernels.Random;

namespace VideoSim.Cpu.Bench;

/// <summary>
/// Kernels that should cost what their bytes cost: once on blocks that stay in L2, once on blocks far larger than all caches.
/// Rates count what the kernel has to read and write.
/// </summary>
internal sealed unsafe class Elementwise(CpuStream stream, Arena arena, Buffers buffers)
{
    private const int Width = 768; // of an encoder
    private const float DropProbability = 0.1f;
    private const int MostOperands = 4; // of [count] each, in one kernel

    private readonly StepScalars* _scalars = (StepScalars*)arena.Allocate(new Shape(sizeof(StepScalars) / sizeof(float))).Floats;

    public IEnumerable<Subject> All()
    {
        _scalars->Step = 1;
        _scalars->Rates[0] = 1e-3f;
        return
        [
            .. Of("in L2", stream.Threads * Ceilings.L2Bytes / sizeof(float) / MostOperands, Ceilings.L2),
            .. Of("in memory", Buffers.Elements, Ceilings.Memory),
        ];
    }

    private List<Subject> Of(string where, int count, string ceiling)
    {
        var subjects = new List<Subject>();
        foreach (var (name, kernels) in new[] { ("relu", Activations.Relu), ("gelu", Activations.Gelu), ("tanh", Activations.Tanh), ("sigmoid", Activations.Sigmoid) })
        {
            Add($"{name} forward", kernels.Forward[ElementType.Float32], new ActivationForwardArgs { X = buffers.A, Y = buffers.C, Rows = count / Width, C = Width });
            Add($"{name} backward", kernels.Backward[ElementType.Float32], new ActivationBackwardArgs { dY = buffers.A, Kept = buffers.B, dX = buffers.C, Rows = count / Width, C = Width });
        }
        Add("dropout", DropoutKernels.Apply[ElementType.Float32], new DropoutArgs { X = buffers.A, Y = buffers.C, Dropout = Site, Count = count });
        var (forward, backward) = Norms(count / Width);
        Add("layer norm", LayerNormKernels.Forward[ElementType.Float32], forward with { Residual = null, Dropout = default });
        Add("layer norm backward", LayerNormKernels.Backward[ElementType.Float32], backward with { Forward = backward.Forward with { Residual = null, Dropout = default }, dResidual = null });
        Add("residual, dropout, layer norm", LayerNormKernels.Forward[ElementType.Float32], forward);
        Add("the same backward", LayerNormKernels.Backward[ElementType.Float32], backward);
        Add("adam", AdamKernels.Update, Optimizer(count));
        return subjects;

        void Add<TArgs>(string name, Kernel<TArgs> kernel, TArgs args) where TArgs : unmanaged =>
            subjects.Add(Subject.OfBytes($"{name}, {where}", stream, kernel, args, ceiling));
    }

    private DropoutSite Site => new() { Scalars = _scalars, Seed = 1, Site = 1, DropProbability = DropProbability };

    private (LayerNormForwardArgs, LayerNormBackwardArgs) Norms(int rows)
    {
        int chunks = LayerNormKernels.Chunks(rows);
        float* weight = Constant(Width, 1), bias = Constant(Width, 0), mean = Constant(rows, 0), rstd = Constant(rows, 1), partial = Constant(3 * chunks * Width, 0);
        var forward = new LayerNormForwardArgs
        {
            X = buffers.A, Residual = buffers.B, Weight = weight, Bias = bias, Y = buffers.C, Mean = mean, Rstd = rstd,
            Dropout = Site, Rows = rows, C = Width, Epsilon = 1e-12f,
        };
        return (forward, new LayerNormBackwardArgs { Forward = forward, dY = buffers.B, dX = buffers.C, dResidual = buffers.D, Partial = partial, Chunks = chunks });
    }

    private AdamArgs Optimizer(int count)
    {
        int* end = (int*)Constant(1, 0);
        *end = count;
        int chunks = ParameterBlock.Chunks(count);
        ulong* notes = (ulong*)Constant(2 * chunks, 0);
        new Span<ulong>(notes, chunks).Fill(ParameterBlock.AllFinite);
        return new AdamArgs
        {
            FirstMoment = buffers.D, SecondMoment = buffers.Squares,
            Parameters = new() { Weights = buffers.C, Gradients = buffers.A, Scalars = _scalars, GroupEnds = end, FirstNonFinite = notes, Count = count, Groups = 1 },
            FirstShare = (float)(1 - AdamKernels.Beta1), SecondShare = (float)(1 - AdamKernels.Beta2), Epsilon = 1e-8f,
        };
    }

    private float* Constant(int count, float value)
    {
        float* data = arena.Allocate(new Shape(count)).Floats;
        MemoryMarshal.CreateSpan(ref *data, count).Fill(value);
        return data;
    }
}
