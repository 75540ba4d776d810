using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>What is wrong with a kernel: one line, naming the case and the buffer.</summary>
/// <param name="Case">Shapes and switches.</param>
/// <param name="Message">What differs from what.</param>
public sealed record GateFinding(string Case, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Case}: {Message}";
}

/// <summary>What every kernel has to pass wherever it runs. Each gate goes through all cases and yields what it finds wrong.</summary>
public static class KernelGates
{
    // Orders of threads, by what they find: descending, at random, ascending (as while every access is looked at), two more at random.
    private static readonly ulong[] Orders = [1, 2, 0, 3, 4];

    /// <summary>The most orders of threads that <see cref="Order"/> can try.</summary>
    public static int MostOrders => Orders.Length;

    /// <summary>The results are as close to float64 as an honest version in the same precision.</summary>
    public static IEnumerable<GateFinding> Accuracy(Device device, IEnumerable<CheckCase> cases) =>
        from check in cases
        from result in CheckRunner.Run(device, check)
        where !result.Passed
        select new GateFinding(check.Name, $"{result.Buffer}: error {result.Error:E2}, bound {result.Bound:E2} (plain formulas: {result.PlainError:E2})");

    /// <summary>
    /// Nothing improper is seen while every access to memory is looked at, launches use what they are given and move what their cost says, bank
    /// conflicts are those that the check states, and the results have the same bits in every order of threads.
    /// </summary>
    /// <param name="device">The device.</param>
    /// <param name="emulator">The emulator behind the device; null on a GPU, which has its own order of threads and shows no accesses.</param>
    /// <param name="check">The kernel, its cases, and the number of ways of its bank conflicts.</param>
    /// <param name="orders">How many orders of threads to try, 1 to <see cref="MostOrders"/>.</param>
    public static IEnumerable<GateFinding> Order(Device device, CudaEmulator? emulator, KernelCheck check, int orders)
    {
        string entry = check.Kernel.Entry;
        int most = 1;
        var use = emulator is null ? null : new UseGate(emulator, check.Kernel);
        foreach (var run in check.Cases())
        {
            // First of all, as a kernel that writes where it should not would otherwise end the process.
            emulator?.Configure(0, true);
            emulator?.TakeBankConflict(entry); // of earlier launches
            var findings = new List<GateFinding>();
            var expected = use?.Execute(device, run, findings) ?? CheckRunner.Execute(device, run);
            foreach (var finding in findings)
                yield return finding;
            var (ways, place) = emulator?.TakeBankConflict(entry) ?? default;
            most = Math.Max(most, ways);
            if (ways > check.BankWays)
                yield return new GateFinding(run.Name, $"{ways}-way bank conflict at {place}, {check.BankWays} allowed");
            foreach (ulong schedule in Orders[..orders])
            {
                emulator?.Configure(schedule, false);
                foreach (var finding in Differences(run, expected, CheckRunner.Execute(device, run), $"schedule {schedule}"))
                    yield return finding;
            }
            emulator?.Configure(0, false);
        }
        if (emulator is not null && most < check.BankWays)
            yield return new GateFinding("all cases", $"no bank conflict is of more than {most} ways, {check.BankWays} allowed: state {most}");
        foreach (var finding in use?.Finish() ?? [])
            yield return finding;
    }

    private static IEnumerable<GateFinding> Differences(CheckCase check, IReadOnlyDictionary<string, float[]> expected, IReadOnlyDictionary<string, float[]> actual, string where) =>
        from pair in actual
        where !pair.Value.AsSpan().SequenceEqual(expected[pair.Key])
        select new GateFinding(check.Name, $"{pair.Key} differs between the check build and {where}");
}
