using System.Text;
using VideoSim.Engine.Compilation;
using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;
using VideoSim.PtxMachine.Running;
using Kernel = VideoSim.Kernels.Contract.Kernel;

namespace VideoSim.PtxMachine.Counting;

/// <summary>The instructions of one launch.</summary>
/// <param name="Kernel">The kernel.</param>
/// <param name="Cost">FLOPs and bytes.</param>
/// <param name="Shape">Its grid and block on an H100.</param>
/// <param name="Code">Instructions in the kernel's machine code, each counted once.</param>
/// <param name="Cycles">Cycles of the units for all warps of the launch.</param>
public sealed record SampledLaunch(Kernel Kernel, KernelCost Cost, LaunchShape Shape, int Code, UnitCycles Cycles);

/// <summary>
/// Runs some blocks of some launches on the PTX machine, to count the instructions of all of them on an H100, and no
/// other launch. So the numbers are right for kernels whose ways do not depend on values that other kernels compute.
/// </summary>
/// <param name="compiler">A compiler with lines: <see cref="KernelCompiler.WithLines"/>.</param>
/// <param name="isWanted">Chooses the launches by kernel and cost.</param>
public sealed unsafe class SampledStream(KernelCompiler compiler, Func<Kernel, KernelCost, bool> isWanted) : ComputeStream
{
    private const string Portable = "compute_90", Machine = "sm_90"; // of an H100
    private const long Enough = 300_000; // instructions of warps for each launch

    private readonly List<SampledLaunch> _samples = [];

    /// <summary>What was counted, in the order of the launches.</summary>
    public IReadOnlyList<SampledLaunch> Samples => _samples;

    /// <summary>Memory that launches may access: bytes by address.</summary>
    internal SortedDictionary<ulong, ulong> Allocations { get; } = [];

    /// <inheritdoc/>
    /// <exception cref="FaultException">The kernel made a mistake.</exception>
    public override void Launch(Kernel kernel, void* args, int bytes)
    {
        if (kernel.Source is null || kernel.Items(args) == 0 || kernel.Cost(args) is var cost && !isWanted(kernel, cost))
            return;
        var unit = KernelUnit.Group([kernel])[0];
        var shape = kernel.Shape(args, CountingStream.Limits, Variant.Default);
        var translated = new PtxUnit(Encoding.UTF8.GetString(compiler.Compile(unit, Portable).Code)).Find(kernel.Entry);
        var memory = new DeviceMemory();
        memory.Update([.. Allocations.Select(static pair => (pair.Key, pair.Value))]);
        double[] executions = new Launch(translated, new ReadOnlySpan<byte>(args, bytes).ToArray(), new Extent(shape.GridX, shape.GridY, shape.GridZ), new Extent(shape.BlockX, 1, 1), shape.SharedBytes,
            memory, FirstBlock: 1, Order: 0, Perturbation: 0).RunSome(Enough);
        var code = MachineCode.Of(compiler.Compile(unit, Machine), kernel.Entry);
        _samples.Add(new SampledLaunch(kernel, cost, shape, code.Instructions.Count(), UnitCycles.Of(ExecutedCode.Of(code, translated.Text.Statements, executions))));
    }
}
