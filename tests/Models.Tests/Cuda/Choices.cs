using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Activation;
using VideoSim.Kernels.Contract;
using VideoSim.Kernels.MaxPosition;

namespace VideoSim.Models.Tests.Cuda;

/// <summary>
/// What a training chose, launch by launch: the elements that each ReLU let through, and the position of each maximum. Where two
/// trainings choose differently, by a last bit, their gradients differ by whole elements; a training that is told the choices of
/// another differs from it by rounding alone.
/// </summary>
internal sealed unsafe class Choices
{
    private readonly Queue<bool[]> _open = [];
    private readonly Queue<int[]> _positions = [];

    /// <summary>Choices noted and not yet taken.</summary>
    public int Count => _open.Count + _positions.Count;

    /// <summary>A device whose steps, run eagerly, note what they choose.</summary>
    public Device Note(Device device) => new Redirected(device, new Noting(device, this));

    /// <summary>The host, whose steps choose what was noted, in the same order.</summary>
    public Device Take(CpuDevice device) => new Redirected(device, new Taking(device.Stream, this));

    private sealed class Noting(Device device, Choices choices) : ComputeStream
    {
        public override void Launch(Kernel kernel, void* args, int bytes)
        {
            device.Stream.Launch(kernel, args, bytes);
            foreach (var precision in ElementTypes.Precisions)
            {
                if (kernel == Activations.Relu.Forward[precision])
                    Note(in *(ActivationForwardArgs*)args, precision);
                else if (kernel == MaxPositionKernels.Forward[precision])
                    Note(in *(MaxPositionArgs*)args);
            }
        }

        public override void Synchronize() => device.Stream.Synchronize();

        private void Note(in ActivationForwardArgs a, ElementType precision)
        {
            byte[] y = Read<byte>(a.Y, a.Rows * a.C * precision.Size());
            choices._open.Enqueue([.. y.Chunk(precision.Size()).Select(static value => value.Any(static part => part != 0))]);
        }

        private void Note(in MaxPositionArgs a) => choices._positions.Enqueue(Read<int>(a.Position, a.B * a.C));

        private T[] Read<T>(void* source, int count) where T : unmanaged
        {
            var values = new T[count];
            device.Download((nint)source, MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }
    }

    private sealed class Taking(ComputeStream stream, Choices choices) : ComputeStream
    {
        // What an element is that another let through and that would be 0 or less here: as good as 0, but open.
        private const float Ajar = 1e-30f;

        public override void Launch(Kernel kernel, void* args, int bytes)
        {
            stream.Launch(kernel, args, bytes);
            if (kernel == Activations.Relu.Forward[ElementType.Float32])
                Take(ref *(ActivationForwardArgs*)args, choices._open.Dequeue());
            else if (kernel == MaxPositionKernels.Forward[ElementType.Float32])
                Take(ref *(MaxPositionArgs*)args, choices._positions.Dequeue());
        }

        private static void Take(ref ActivationForwardArgs a, bool[] open)
        {
            float* y = (float*)a.Y;
            for (int i = 0; i < open.Length; i++)
                y[i] = open[i] ? Math.Max(y[i], Ajar) : 0;
        }

        private static void Take(ref MaxPositionArgs a, int[] positions)
        {
            for (int i = 0; i < positions.Length; i++)
            {
                a.Position[i] = positions[i];
                a.Y[i] = ((float*)a.X)[((long)(i / a.C) * a.S + positions[i]) * a.C + i % a.C];
            }
        }
    }
}
