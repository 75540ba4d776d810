using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>The result of one case of a kernel's checks on a device.</summary>
/// <param name="Entry">The kernel.</param>
/// <param name="Case">Shapes and switches.</param>
/// <param name="Buffer">
/// The output with the largest error over its bound; empty if the case did not run to its end.
/// </param>
/// <param name="Error">
/// Largest absolute difference of that output to float64; NaN if an element was not written, or nothing ran.
/// </param>
/// <param name="Bound">Largest difference allowed.</param>
/// <param name="BitsEqual">Whether all repeats gave the same bits in every output.</param>
/// <param name="Verdict">
/// One of <see cref="DeviceCheck.Right"/>, <see cref="DeviceCheck.Look"/> and <see cref="DeviceCheck.Failed"/>.
/// </param>
/// <param name="Failure">The error that stopped the case; null if it ran to its end.</param>
public sealed record CheckedCase(string Entry, string Case, string Buffer,
    [property: JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)] double Error, double Bound, bool BitsEqual, string Verdict, string? Failure = null)
{
    /// <summary>Error divided by bound; at most 1 if the output is right.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
    public double ErrorOverBound => Error / Bound;
}

/// <summary>
/// Runs cases of kernel checks on a device, each several times, with the bounds of <see cref="CheckRunner"/>. A GPU's
/// exp, erf and tanh differ from the host's by a few units in the last place, and the bounds do not allow for that.
/// Therefore, on a GPU, an error between one and two bounds gets the verdict <see cref="Look"/>. It is not a failure.
/// </summary>
/// <param name="device">Device that runs the kernels.</param>
/// <param name="isReal">Whether the device is a real GPU, with its own exp, erf and tanh.</param>
public sealed class DeviceCheck(Device device, bool isReal)
{
    /// <summary>Verdicts on a case.</summary>
    public const string Right = "right", Look = "look", Failed = "FAILED";

    private const int Repeats = 3;
    private const double MostToLook = 2; // error over bound

    /// <summary>
    /// Runs one case. An error of CUDA or a lack of memory becomes part of the result. <see cref="Device.IsLost"/>
    /// then tells whether the device still works.
    /// </summary>
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
            return Judge(kernel.Entry, check.Name, CheckRunner.Compare(isReal ? check : check.WithExactFunctions, first), equal);
        }
        catch (Exception e) when (e is CudaException or InsufficientMemoryException)
        {
            return new CheckedCase(kernel.Entry, check.Name, "", double.NaN, 0, BitsEqual: false, Failed, e.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>
    /// Sorts cases by verdict: failed, look, right. Within a verdict the largest error over bound comes first.
    /// </summary>
    public static IReadOnlyList<CheckedCase> WorstFirst(IEnumerable<CheckedCase> cases) =>
        [.. cases.OrderBy(static one => one.Verdict == Failed ? 0 : one.Verdict == Look ? 1 : 2).ThenByDescending(static one => Rank(one.ErrorOverBound))];

    /// <summary>Computes the verdict of a case.</summary>
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

    // NaN counts as worse than any number.
    private static double Rank(double ratio) => double.IsNaN(ratio) ? double.PositiveInfinity : ratio;

    // Compares bytes: as numbers, NaN is not equal to itself, and 0 equals -0.
    private static bool HaveSameBits(IReadOnlyDictionary<string, float[]> first, IReadOnlyDictionary<string, float[]> again) =>
        first.All(output => MemoryMarshal.AsBytes(output.Value.AsSpan()).SequenceEqual(MemoryMarshal.AsBytes(again[output.Key].AsSpan())));
}
