using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>How one case of a kernel's checks came out on a device.</summary>
/// <param name="Entry">The kernel.</param>
/// <param name="Case">Shapes and switches.</param>
/// <param name="Buffer">The output with the largest error over its bound; empty if the case did not run to its end.</param>
/// <param name="Error">That output's largest absolute difference to float64; NaN where an element was not written, or nothing ran.</param>
/// <param name="Bound">Largest difference allowed.</param>
/// <param name="BitsEqual">Whether all repeats gave the same bits in every output.</param>
/// <param name="Verdict">One of <see cref="DeviceCheck.Right"/>, <see cref="DeviceCheck.Look"/> and <see cref="DeviceCheck.Failed"/>.</param>
/// <param name="Failure">The error that stopped the case; null if it ran to its end.</param>
public sealed record CheckedCase(string Entry, string Case, string Buffer,
    [property: JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)] double Error, double Bound, bool BitsEqual, string Verdict, string? Failure = null)
{
    /// <summary>Error over bound: at most 1 where the output is as good as it must be.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double ErrorOverBound => Error / Bound;
}

/// <summary>
/// Runs the cases of kernel checks on a device as it is: each several times, with the bounds of <see cref="CheckRunner"/>. A GPU's exp, erf and
/// tanh differ from the host's by a few units in the last place, for which the bounds leave no room. On a GPU an error of up to twice its
/// bound is therefore to be looked at; it is no failure.
/// </summary>
/// <param name="device">Where the kernels run.</param>
/// <param name="isReal">Whether the device has its own functions: a GPU, neither the emulator nor the CPU.</param>
public sealed class DeviceCheck(Device device, bool isReal)
{
    /// <summary>Verdicts on a case.</summary>
    public const string Right = "right", Look = "look", Failed = "FAILED";

    private const int Repeats = 3;
    private const double MostToLook = 2; // error over bound

    /// <summary>Runs one case. An error of CUDA and memory that runs out are part of the result; whether the device still works afterwards is told by <see cref="Device.IsLost"/>.</summary>
    /// <param name="kernel">The kernel that the case checks.</param>
    /// <param name="check">The case.</param>
    public CheckedCase Run(Kernel kernel, CheckCase check)
    {
        try
        {
            var first = CheckRunner.Execute(device, check);
            bool equal = true;
            for (int i = 1; i < Repeats; i++)
                equal &= HaveSameBits(first, CheckRunner.Execute(device, check));
            return Judge(kernel.Entry, check.Name, CheckRunner.Compare(check, first), equal);
        }
        catch (Exception e) when (e is CudaException or InsufficientMemoryException)
        {
            return new CheckedCase(kernel.Entry, check.Name, "", double.NaN, 0, BitsEqual: false, Failed, e.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>Cases in order: failures first, then those to be looked at; within each the largest error over bound first.</summary>
    public static IReadOnlyList<CheckedCase> WorstFirst(IEnumerable<CheckedCase> cases) =>
        [.. cases.OrderBy(static one => one.Verdict == Failed ? 0 : one.Verdict == Look ? 1 : 2).ThenByDescending(static one => Rank(one.ErrorOverBound))];

    /// <summary>The verdict on what a case gave.</summary>
    /// <param name="entry">The kernel.</param>
    /// <param name="name">The case.</param>
    /// <param name="outputs">Every compared output; at least one.</param>
    /// <param name="bitsEqual">Whether all repeats gave the same bits.</param>
    internal CheckedCase Judge(string entry, string name, IReadOnlyList<CheckResult> outputs, bool bitsEqual)
    {
        var worst = outputs.MaxBy(static output => Rank(output.Error / output.Bound))!;
        string verdict = !bitsEqual ? Failed : worst.Passed ? Right : isReal && worst.Error <= MostToLook * worst.Bound ? Look : Failed;
        return new CheckedCase(entry, name, worst.Buffer, worst.Error, worst.Bound, bitsEqual, verdict);
    }

    // NaN is worse than any number.
    private static double Rank(double ratio) => double.IsNaN(ratio) ? double.PositiveInfinity : ratio;

    // As bytes: as numbers NaN differs from itself, and 0 equals -0.
    private static bool HaveSameBits(IReadOnlyDictionary<string, float[]> first, IReadOnlyDictionary<string, float[]> again) =>
        first.All(output => MemoryMarshal.AsBytes(output.Value.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(again[output.Key].AsSpan())));
}
