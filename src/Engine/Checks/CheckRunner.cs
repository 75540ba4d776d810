using System.Numerics;
using System.Runtime.InteropServices;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>How one output of a check compares with its float64 reference.</summary>
/// <param name="Buffer">Name of the output.</param>
/// <param name="Error">Largest absolute difference to float64; NaN where an element was not written.</param>
/// <param name="PlainError">The same of the plain formulas in the precision of the check.</param>
/// <param name="Bound">Largest difference allowed.</param>
public sealed record CheckResult(string Buffer, double Error, double PlainError, double Bound)
{
    /// <summary>Whether the output is as good as it must be.</summary>
    public bool Passed => Error <= Bound;
}

/// <summary>
/// Runs the cases of kernel checks on a device. A kernel may err at most <see cref="CheckCase.Factor"/> times as much as
/// the plain formulas in the same precision, plus one unit in the last place of the largest value.
/// </summary>
public static class CheckRunner
{
    /// <summary>Runs one case; the result of every compared buffer.</summary>
    public static IReadOnlyList<CheckResult> Run(Device device, CheckCase check) => Compare(check, Execute(device, check));

    /// <summary>Compares what a device left in every compared buffer with float64.</summary>
    public static IReadOnlyList<CheckResult> Compare(CheckCase check, IReadOnlyDictionary<string, float[]> actual)
    {
        var truth = Expected<double>(check);
        var plain = Expected<float>(check);
        return [.. check.Buffers.Where(IsCompared).Select(buffer => Compare(buffer, actual[buffer.Name], truth[buffer.Name], plain[buffer.Name], check.Factor))];
    }

    /// <summary>Runs one case without judging it; the values that the device left in every compared buffer.</summary>
    public static IReadOnlyDictionary<string, float[]> Execute(Device device, CheckCase check) => Execute(device, check, device.Stream);

    /// <summary>The same by way of a stream that may look at the launches, time them or leave some out.</summary>
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

    private static CheckResult Compare(CheckBuffer buffer, ReadOnlySpan<float> actual, double[] truth, float[] plain, double factor)
    {
        double error = 0, plainError = 0, largest = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            // NaN must not hide in a maximum: Math.Max passes it on.
            error = Math.Max(error, Math.Abs(actual[i] - truth[i]));
            plainError = Math.Max(plainError, Math.Abs(plain[i] - truth[i]));
            largest = Math.Max(largest, Math.Abs(truth[i]));
        }
        double unit = MathF.BitIncrement((float)largest) - (float)largest;
        if (buffer.Element == ElementType.BFloat16)
            unit *= 1 << 16;
        return new CheckResult(buffer.Name, error, plainError, factor * plainError + unit);
    }

    private sealed class Launcher(ComputeStream stream) : ICheckLauncher
    {
        public void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged => stream.Run(kernel, args);
    }
}
