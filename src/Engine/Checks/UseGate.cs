using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>
/// Checks that the launches of a kernel use all of their launch shape, and move the bytes of their cost. A grid that
/// is too small leaves results unwritten, which the comparison of results finds. A grid that is too large has blocks
/// that write nothing.
/// </summary>
/// <param name="emulator">Checks every access while cases run.</param>
/// <param name="check">
/// The kernel to judge, and its cases. Launches of other kernels in the same case are not judged.
/// </param>
internal sealed class UseGate(CudaEmulator emulator, KernelCheck check)
{
    // Costs do not count scalars and tables of a few words.
    private const double UncountedBytes = 64, UncountedShare = 0.005;

    // Unused shared memory that is allowed: padding at the end, and memory that only one of two directions with the
    // same layout needs.
    private const double UnusedShared = 1.0 / 32;

    private const int Warp = 32;
    private const long FewBytes = 512; // a wrong cost of fewer bytes may go unnoticed

    private readonly Dictionary<long, long> _usedThreads = []; // by threads of a block: the most that any launch used
    private long _mostBlocks; // of a launch in which all blocks must write
    private long _mostBytes; // of a launch of which the cost must be right
    private bool _hasFullBlocks; // whether a launch has work for the last warp of every block
    private bool _statesSpareBlocks, _hasSpareBlocks, _statesOtherBytes, _hasOtherBytes;

    /// <summary>
    /// Runs a case. Unused resources, and bytes that differ from the cost, are added to <paramref name="findings"/>.
    /// </summary>
    public IReadOnlyDictionary<string, float[]> Execute(Device device, ComputeStream stream, CheckCase run, List<GateFinding> findings)
    {
        var seen = new Watch(stream, emulator, check.Kernel);
        var outputs = CheckRunner.Execute(device, run, seen);
        foreach (var (use, cost) in seen.Launches)
            findings.AddRange(Judge(run, use, cost).Select(message => new GateFinding(run.Name, message)));
        return outputs;
    }

    /// <summary>Returns the problems that only all cases together show.</summary>
    public IEnumerable<GateFinding> Finish()
    {
        const string Where = "all cases";
        foreach (var (threads, used) in _usedThreads.Where(static pair => pair.Value <= pair.Key - Warp))
            yield return new GateFinding(Where, $"blocks have {threads} threads, but only the first {used} access memory");
        if (_mostBlocks < 2 && !check.OneBlock)
            yield return new GateFinding(Where, "none has several blocks that must all write; a grid that is too large would go unnoticed");
        if (!_hasFullBlocks)
            yield return new GateFinding(Where, "none fills its last block; a grid that is one block too large would go unnoticed");
        if (_mostBytes < FewBytes)
            yield return new GateFinding(Where, $"none moves {FewBytes} bytes that the cost must count; a wrong cost would go unnoticed");
        if (_statesSpareBlocks && !_hasSpareBlocks)
            yield return new GateFinding(Where, $"all blocks write; {nameof(CheckCase.SpareBlocks)} is not needed");
        if (_statesOtherBytes && !_hasOtherBytes)
            yield return new GateFinding(Where, $"the cost is right; {nameof(CheckCase.OtherBytes)} is not needed");
    }

    private IEnumerable<string> Judge(CheckCase run, LaunchUse use, KernelCost cost)
    {
        if (check.OneBlock && use.Blocks != 1)
            yield return $"the launch has {use.Blocks} blocks, although the kernel is said to have one";
        _usedThreads[use.BlockThreads] = Math.Max(_usedThreads.GetValueOrDefault(use.BlockThreads), use.MostThreads);
        if (use.UsedSharedBytes < (1 - UnusedShared) * use.SharedBytes)
            yield return $"only {use.UsedSharedBytes} of {use.SharedBytes} bytes of dynamic shared memory are used";

        bool isSpare = use.WritingBlocks < use.Blocks;
        if (run.SpareBlocks is not null)
        {
            (_statesSpareBlocks, _hasSpareBlocks) = (true, _hasSpareBlocks || isSpare);
        }
        else
        {
            (_mostBlocks, _hasFullBlocks) = (Math.Max(_mostBlocks, use.Blocks), _hasFullBlocks || isSpare || use.FewestThreads > use.BlockThreads - Warp);
            if (isSpare)
                yield return $"{use.Blocks - use.WritingBlocks} of {use.Blocks} blocks write nothing";
        }

        bool isOther = Math.Abs(use.MovedBytes - cost.MovedBytes) > Math.Max(UncountedBytes, UncountedShare * use.MovedBytes);
        if (run.OtherBytes is not null)
        {
            (_statesOtherBytes, _hasOtherBytes) = (true, _hasOtherBytes || isOther);
        }
        else
        {
            _mostBytes = Math.Max(_mostBytes, use.MovedBytes);
            if (isOther)
                yield return $"{use.MovedBytes} bytes are moved ({use.ReadBytes} read, {use.WrittenBytes} written), but the cost is {cost.MovedBytes}";
        }
    }

    private sealed unsafe class Watch(ComputeStream stream, CudaEmulator emulator, Kernel wanted) : ComputeStream
    {
        public List<(LaunchUse Use, KernelCost Cost)> Launches { get; } = [];

        public override void Launch(Kernel kernel, void* args, int bytes)
        {
            emulator.TakeUse(); // discards the result of earlier launches
            stream.Launch(kernel, args, bytes);
            if (kernel == wanted && emulator.TakeUse() is { } use)
                Launches.Add((use, kernel.Cost(args)));
        }
    }
}
