using System.Numerics;
using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>How one output of a check compares with its float64 reference.</summary>
/// <param name="Buffer">Name of the output.</param>
/// <param name="Error">Largest absolute difference to float64; NaN where an element was not written.</param>
/// <param name="PlainError">The same difference for the plain formulas, in the precision of the check.</param>
/// <param name="Bound">Largest difference allowed.</param>
/// <param name="Mismatch">What is wrong; null if the error is within the bound.</param>
public sealed record CheckResult(string Buffer, double Error, double PlainError, double Bound, Mismatch? Mismatch = null)
{
    /// <summary>Whether the error is within the bound.</summary>
    public bool Passed => Error <= Bound;
}

/// <summary>The elements of an output that are outside of its bound.</summary>
/// <param name="Count">How many.</param>
/// <param name="Elements">How many the output has.</param>
/// <param name="First">Index of the first one.</param>
/// <param name="Worst">Index of the one with the largest error; of a NaN if there is one.</param>
/// <param name="Got">The worst one's value.</param>
/// <param name="Expected">Its value in float64.</param>
public sealed record Mismatch(int Count, int Elements, int First, int Worst, float Got, double Expected);

/// <summary>
/// Runs the cases of kernel checks on a device. The error of a kernel may be at most <see cref="CheckCase.Factor"/>
/// times as much as the plain formulas in the same precision, plus one unit in the last place of the largest value,
/// plus <see cref="CheckCase.ErrorsOfSpecialFunctions"/> on a GPU.
/// </summary>
public static class CheckRunner
{
    /// <summary>
    /// Runs one case and returns the result of every compared buffer. CPU and emulator have exact functions.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="check">The case.</param>
    /// <param name="stream">A stream of the device; null for its own.</param>
    public static IReadOnlyList<CheckResult> Run(Device device, CheckCase check, ComputeStream? stream = null) =>
        Compare(device is CpuDevice || CudaEmulator.IsInPlace ? check.WithExactFunctions : check, Execute(device, check, stream ?? device.Stream));

    /// <summary>Compares the values that a device wrote to every compared buffer with float64.</summary>
    public static IReadOnlyList<CheckResult> Compare(CheckCase check, IReadOnlyDictionary<string, float[]> actual) => Comparison(check)(actual, 0);

    /// <summary>A function that compares values of a case with float64, which it computes once.</summary>
    /// <returns>
    /// A function of the values, and of what is added to the bound: a share of the largest value of a buffer.
    /// </returns>
    public static Func<IReadOnlyDictionary<string, float[]>, double, IReadOnlyList<CheckResult>> Comparison(CheckCase check)
    {
        var truth = Expected<double>(check);
        var plain = Expected<float>(check);
        var compared = check.Buffers.Where(IsCompared).Select(buffer => (Buffer: buffer, Special: check.ErrorsOfSpecialFunctions?.Invoke(buffer.Name) ?? 0)).ToList();
        return (actual, share) => [.. compared.Select(one => Compare(one.Buffer, actual[one.Buffer.Name], truth[one.Buffer.Name], plain[one.Buffer.Name], check.Factor, share, one.Special))];
    }

    /// <summary>Runs one case and returns the values that the device wrote to every compared buffer.</summary>
    public static IReadOnlyDictionary<string, float[]> Execute(Device device, CheckCase check) => Execute(device, check, device.Stream);

    /// <summary>The same through another stream, which may inspect, time or skip launches.</summary>
    public static IReadOnlyDictionary<string, float[]> Execute(Device device, CheckCase check, ComputeStream stream) => Execute(device, check, new Launcher(stream));

    /// <summary>The same with another way to launch.</summary>
    public static IReadOnlyDictionary<string, float[]> Execute(Device device, CheckCase check, ICheckLauncher launcher)
    {
        int allocated = 0;
        try
        {
            foreach (var buffer in check.Buffers)
            {
                buffer.Address = device.Allocate(Math.Max(1, buffer.Data.Length));
                allocated++;
                device.Upload(buffer.Data, buffer.Address);
            }
            check.Launch(launcher);
            var outputs = new Dictionary<string, float[]>();
            foreach (var buffer in check.Buffers.Where(IsCompared))
            {
                byte[] bytes = new byte[buffer.Data.Length];
                device.Download(buffer.Address, bytes);
                outputs.Add(buffer.Name, buffer.Decode(bytes));
            }
            return outputs;
        }
        finally
        {
            foreach (var buffer in check.Buffers.Take(allocated))
                device.Free(buffer.Address);
        }
    }

    /// <summary>The reference's values of every floating-point buffer.</summary>
    public static IReadOnlyDictionary<string, T[]> Expected<T>(CheckCase check) where T : struct, IBinaryFloatingPointIeee754<T>
    {
        var floats = new Dictionary<string, T[]>();
        var ints = new Dictionary<string, int[]>();
        foreach (var buffer in check.Buffers.Where(buffer => buffer.Role != BufferRole.Workspace))
        {
            if (buffer.Element == ElementType.Int32)
                ints[buffer.Name] = MemoryMarshal.Cast<byte, int>(buffer.Data).ToArray();
            else
                floats[buffer.Name] = Array.ConvertAll(buffer.Decode(buffer.Data), T.CreateChecked);
        }
        bool rounds = typeof(T) == typeof(float) && check.Buffers.Any(static buffer => buffer.Element == ElementType.BFloat16);
        var values = new CheckValues<T>(floats, ints, rounds);
        check.Reference.Compute(values);
        foreach (var buffer in check.Buffers.Where(IsCompared))
        {
            if (buffer.Element == ElementType.Int32)
                floats[buffer.Name] = Array.ConvertAll(ints[buffer.Name], T.CreateChecked);
            else if (buffer.Element == ElementType.BFloat16)
                values.Stored(floats[buffer.Name]);
        }
        return floats;
    }

    private static bool IsCompared(CheckBuffer buffer) => buffer.Role is BufferRole.Output or BufferRole.InOut;

    private static CheckResult Compare(CheckBuffer buffer, ReadOnlySpan<float> actual, double[] truth, float[] plain, double factor, double share, double special)
    {
        double error = 0, plainError = 0, largest = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            // Math.Max returns NaN if one argument is NaN, so a NaN cannot hide in the maximum.
            error = Math.Max(error, Math.Abs(actual[i] - truth[i]));
            plainError = Math.Max(plainError, Math.Abs(plain[i] - truth[i]));
            largest = Math.Max(largest, Math.Abs(truth[i]));
        }
        double unit = MathF.BitIncrement((float)largest) - (float)largest;
        if (buffer.Element == ElementType.BFloat16)
            unit *= 1 << 16;
        double bound = factor * plainError + unit + share * largest + special;
        return new CheckResult(buffer.Name, error, plainError, bound, error <= bound ? null : Describe(actual, truth, bound));
    }

    private static Mismatch Describe(ReadOnlySpan<float> actual, double[] truth, double bound)
    {
        int count = 0, first = -1, worst = 0;
        double most = -1;
        for (int i = 0; i < truth.Length; i++)
        {
            double error = Math.Abs(actual[i] - truth[i]);
            if (error <= bound)
                continue;
            if (count++ == 0)
                first = i;
            if (double.IsNaN(error) ? !double.IsNaN(most) : error > most)
                (worst, most) = (i, error);
        }
        return new Mismatch(count, truth.Length, first, worst, actual[worst], truth[worst]);
    }

    private sealed class Launcher(ComputeStream stream) : ICheckLauncher
    {
        public void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged => stream.Run(kernel, args);
    }
}
