using System.Text;
using VideoSim.Engine.Checks;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Engine.Interop;
using VideoSim.Kernels.Contract;

namespace VideoSim.PtxMachine;

/// <summary>
/// Runs the cases of a kernel's checks with the kernel on the PTX machine, and with g++'s code of all others that a
/// case launches.
/// </summary>
/// <param name="emulator">The emulator that is the driver of this process.</param>
/// <param name="device">A device of it.</param>
/// <param name="images">Images of PTX, see <see cref="PtxImages"/>.</param>
/// <param name="kernels">All kernels that the cases launch.</param>
/// <param name="variant">Values of macros.</param>
/// <param name="set">Name of the set of sources, see <see cref="KernelUnit.With"/>.</param>
public sealed class PtxGate(CudaEmulator emulator, CudaDevice device, IKernelImages images, IReadOnlyList<Kernel> kernels, Variant variant, string set = "")
{
    /// <summary>
    /// What approximate instructions add to the bound of a value, as a share of the largest one: 2 units in the last
    /// place of a number just above a power of two. docs/adr/0027-a-second-machine-for-ptx.md derives it.
    /// </summary>
    public const double PerturbedShare = 2.0 / (1 << 23);

    // 1: results of approximate instructions are too large by as much as the manual allows. 2: too small. 3: either.
    private static readonly ulong[] Seeds = [1, 2, 3];

    private readonly KernelUnit[] _units = [.. KernelUnit.Group(kernels).Select(unit => unit.With(variant, set))];
    private readonly VariantStream _plain = device.StreamOf(CudaEmulator.Images, kernels, variant, set), _ptx = device.StreamOf(images, kernels, variant, set);

    /// <summary>
    /// Compares a kernel with float64, and two orders of its warps. If it has approximate instructions, once more with
    /// errors as large as the PTX manual allows, three times.
    /// </summary>
    /// <param name="kernel">The kernel.</param>
    /// <param name="cases">The cases.</param>
    /// <param name="hasBitsOfEmulator">
    /// Whether the values must have the bits that g++'s code gives. Compilers may choose which products they fuse with
    /// sums, and have other functions of mathematics.
    /// </param>
    /// <returns>The problems.</returns>
    public IEnumerable<GateFinding> Check(Kernel kernel, IEnumerable<CheckCase> cases, bool hasBitsOfEmulator = false)
    {
        bool approximates = IsApproximate(kernel);
        foreach (var check in cases)
        {
            var compare = CheckRunner.Comparison(check.WithExactFunctions);
            var compareWithErrors = approximates ? CheckRunner.Comparison(check) : compare;
            var values = Run(kernel, check, order: 0, perturbation: 0);
            var findings = KernelGates.Wrong(check, compare(values, 0)).ToList();
            if (hasBitsOfEmulator && !approximates)
                findings.AddRange(KernelGates.Differences(check, CheckRunner.Execute(device, check, _plain), values, "g++", "PTX"));
            findings.AddRange(KernelGates.Differences(check, values, Run(kernel, check, order: 2, perturbation: 0), "PTX", "PTX with another order of warps"));
            foreach (ulong seed in approximates ? Seeds : [])
            {
                findings.AddRange(KernelGates.Wrong(check, compareWithErrors(Run(kernel, check, order: seed, seed), PerturbedShare))
                    .Select(finding => finding with { Message = $"with errors of approximate instructions, seed {seed}: {finding.Message}" }));
            }
            foreach (var finding in findings)
                yield return finding;
        }
    }

    /// <summary>
    /// Whether an error says that a kernel has an instruction that the machine does not have, such as a call of
    /// printf. The kernel may be right.
    /// </summary>
    public static bool IsLimit(CudaException error) => error.Message.Contains(Opcodes.OpcodeTable.Lacks, StringComparison.Ordinal);

    /// <summary>Whether a kernel's PTX has instructions whose results may have an error.</summary>
    public bool IsApproximate(Kernel kernel)
    {
        var unit = _units.First(unit => unit.Kernels.Contains(kernel));
        string text = Encoding.UTF8.GetString(images.Compile(unit, KernelResourceTable.Portable).Code);
        int begin = text.IndexOf($".entry {unit.SymbolOf(kernel)}(", StringComparison.Ordinal), end = text.IndexOf("\n}", begin, StringComparison.Ordinal);
        var body = text.AsSpan(begin, end - begin);
        return body.Contains(".approx.", StringComparison.Ordinal) || body.Contains(".full.", StringComparison.Ordinal);
    }

    private IReadOnlyDictionary<string, float[]> Run(Kernel kernel, CheckCase check, ulong order, ulong perturbation)
    {
        Machine.Perturbation = perturbation;
        emulator.Configure(order, false);
        try
        {
            return CheckRunner.Execute(device, check, new Launcher(kernel, _plain, _ptx));
        }
        finally
        {
            Machine.Perturbation = 0;
            emulator.Configure(0, false);
            Machine.Attach(false);
        }
    }

    private sealed class Launcher(Kernel target, ComputeStream plain, ComputeStream ptx) : ICheckLauncher
    {
        public void Run<TArgs>(Kernel<TArgs> kernel, in TArgs args) where TArgs : unmanaged
        {
            bool isTarget = ReferenceEquals(kernel, target);
            Machine.Attach(isTarget); // a unit is loaded at its first launch
            var stream = isTarget ? ptx : plain;
            stream.Run(kernel, args);
            stream.Synchronize();
        }
    }
}
