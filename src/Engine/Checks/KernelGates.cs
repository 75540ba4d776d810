using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>One problem of a kernel, in one line that names the case and the buffer.</summary>
/// <param name="Case">Shapes and switches.</param>
/// <param name="Message">The problem.</param>
/// <param name="IsNote">Whether the kernel may have it, but its author should know.</param>
public sealed record GateFinding(string Case, string Message, bool IsNote = false)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Case}: {Message}";
}

/// <summary>
/// The gates that every kernel must pass on every device. Each gate runs all cases and returns the problems that it
/// finds.
/// </summary>
public static class KernelGates
{
    // Orders of threads, the one that finds most first: descending, random, ascending (as in the check build), two
    // more random ones.
    private static readonly ulong[] Orders = [1, 2, 0, 3, 4];

    /// <summary>The most orders of threads that <see cref="Order"/> can try.</summary>
    public static int MostOrders => Orders.Length;

    /// <summary>Compares the results with float64, within the bounds of <see cref="CheckRunner"/>.</summary>
    /// <param name="device">The device.</param>
    /// <param name="cases">The cases.</param>
    /// <param name="build">Launches another build of the kernels than the device's own; null for its own.</param>
    public static IEnumerable<GateFinding> Accuracy(Device device, IEnumerable<CheckCase> cases, VariantStream? build = null) =>
        cases.SelectMany(check => Wrong(check, CheckRunner.Run(device, check, build)));

    /// <summary>The outputs of a case that are outside of their bounds.</summary>
    public static IEnumerable<GateFinding> Wrong(CheckCase check, IEnumerable<CheckResult> results) =>
        results.Where(static result => !result.Passed).Select(result => new GateFinding(check.Name, Describe(result, result.Mismatch!)));

    /// <summary>
    /// Runs the check build, which checks every memory access, then several orders of threads. Launches must use all
    /// of their launch shape and move the bytes of their cost. Bank conflicts must be those that the check states. The
    /// results must have the same bits in every order.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="emulator">
    /// The emulator that runs the device. Null on a GPU: there the order of threads cannot be chosen, and accesses
    /// cannot be observed.
    /// </param>
    /// <param name="check">The kernel, its cases, and the number of ways of its bank conflicts.</param>
    /// <param name="orders">How many orders of threads to try, 1 to <see cref="MostOrders"/>.</param>
    /// <param name="build">Launches another build of the kernels than the device's own; null for its own.</param>
    public static IEnumerable<GateFinding> Order(Device device, CudaEmulator? emulator, KernelCheck check, int orders, VariantStream? build = null)
    {
        string entry = build?.SymbolOf(check.Kernel) ?? check.Kernel.Entry;
        var stream = build ?? device.Stream;
        int most = 1;
        string? floatSum = null;
        var use = emulator is null ? null : new UseGate(emulator, check);
        foreach (var run in check.Cases())
        {
            // The check build runs first: in another build a kernel that writes out of bounds could end the process.
            emulator?.Configure(0, true);
            emulator?.TakeBankConflict(entry); // discards the results of earlier launches
            emulator?.TakeFloatSum();
            var findings = new List<GateFinding>();
            var expected = use?.Execute(device, stream, run, findings) ?? CheckRunner.Execute(device, run, stream);
            foreach (var finding in findings)
                yield return finding;
            var (ways, place) = emulator?.TakeBankConflict(entry) ?? default;
            most = Math.Max(most, ways);
            floatSum ??= emulator?.TakeFloatSum();
            if (ways > check.BankWays)
                yield return new GateFinding(run.Name, $"{ways}-way bank conflict at {place}, {check.BankWays} allowed");
            foreach (ulong schedule in Orders[..orders])
            {
                emulator?.Configure(schedule, false);
                foreach (var finding in Differences(run, expected, CheckRunner.Execute(device, run, stream), "the check build", $"schedule {schedule}"))
                    yield return finding;
            }
            emulator?.Configure(0, false);
        }
        if (emulator is not null && most < check.BankWays)
            yield return new GateFinding("all cases", $"the worst bank conflict has {most} ways, but {check.BankWays} are allowed: state {most}");
        foreach (var finding in use?.Finish() ?? [])
            yield return finding;
        if (floatSum is not null)
            yield return new GateFinding("all cases", $"atomicAdd of floats at {floatSum}: the order of the sum is that of the threads, so a GPU may give other bits in every run", IsNote: true);
    }

    private static string Describe(CheckResult result, Mismatch wrong) => FormattableString.Invariant(
        $"{result.Buffer}[{wrong.Worst}] is {wrong.Got:G9}, expected {wrong.Expected:G9}: error {result.Error:E2}, {result.Error / result.Bound:G3} times the bound {result.Bound:E2} (plain formulas: {result.PlainError:E2}); {wrong.Count} of {wrong.Elements} elements are wrong, the first is [{wrong.First}]");

    /// <summary>The outputs of a case whose bits differ between two runs.</summary>
    /// <param name="check">The case.</param>
    /// <param name="expected">Values of the first run.</param>
    /// <param name="actual">Values of the second one.</param>
    /// <param name="first">What the first run was.</param>
    /// <param name="second">What the second one was.</param>
    public static IEnumerable<GateFinding> Differences(
        CheckCase check, IReadOnlyDictionary<string, float[]> expected, IReadOnlyDictionary<string, float[]> actual, string first, string second)
    {
        foreach (var (name, values) in actual)
        {
            int[] different = [.. Enumerable.Range(0, values.Length).Where(i => BitConverter.SingleToInt32Bits(values[i]) != BitConverter.SingleToInt32Bits(expected[name][i]))];
            if (different.Length > 0)
            {
                yield return new GateFinding(check.Name, FormattableString.Invariant(
                    $"{name} differs between {first} and {second}: {different.Length} of {values.Length} elements, the first is [{different[0]}], {expected[name][different[0]]:G9} and {values[different[0]]:G9}"));
            }
        }
    }
}
