using VideoSim.Engine.Devices;
using VideoSim.Kernels.Contract;

namespace VideoSim.Engine.Checks;

/// <summary>
/// Whether the launches of a kernel use what their shapes give them, and move the bytes that their cost says. A grid that is too small leaves results
/// unwritten, which the results show; one that is too large has blocks that write nothing.
/// </summary>
/// <param name="emulator">Looks at every access while cases run.</param>
/// <param name="kernel">The kernel to judge; launches of others, which a case may need as well, are not.</param>
internal sealed class UseGate(CudaEmulator emulator, Kernel kernel)
{
    // Scalars and tables of a few words that launches read are in no cost.
    private const double UncountedBytes = 64, UncountedShare = 0.005;

    // Padding at the end, and what one of two directions with the same layout needs alone.
    private const double UnusedShared = 1.0 / 32;

    private const int Warp = 32;
    private const long FewBytes = 512; // in which a wrong cost may hide

    private readonly Dictionary<long, long> _usedThreads = []; // by threads of a block: the most that were used
    private long _mostBlocks, _mostBytes;                      // of a launch where all blocks have to write, and where the cost has to be right
    private bool _hasFullBlocks; // whether a launch has work for the last warp of every block
    private bool _statesSpareBlocks, _hasSpareBlocks, _statesOtherBytes, _hasOtherBytes;

    /// <summary>Runs a case; what its launches did not use, or moved beside their cost, is added to <paramref name="findings"/>.</summary>
    public IReadOnlyDictionary<string, float[]> Execute(Device device, CheckCase check, List<GateFinding> findings)
    {
        var seen = new Watch(device.Stream, emulator, kernel);
        var outputs = CheckRunner.Execute(device, check, seen);
        foreach (var (use, cost) in seen.Launches)
            findings.AddRange(Judge(check, use, cost).Select(message => new GateFinding(check.Name, message)));
        return outputs;
    }

    /// <summary>What is wrong in all cases together.</summary>
    public IEnumerable<GateFinding> Finish()
    {
        const string Where = "all cases";
        foreach (var (threads, used) in _usedThreads.Where(static pair => pair.Value <= pair.Key - Warp))
            yield return new GateFinding(Where, $"blocks have {threads} threads, of which the first {used} access memory");
        if (_mostBlocks < 2)
            yield return new GateFinding(Where, "none has several blocks that all have to write, so that a grid that is too large would not show");
        if (!_hasFullBlocks)
            yield return new GateFinding(Where, "none fills its last block, so that a grid that is one too large at such sizes would not show");
        if (_mostBytes < FewBytes)
            yield return new GateFinding(Where, $"none moves {FewBytes} bytes that the cost has to count, so that a wrong cost would not show");
        if (_statesSpareBlocks && !_hasSpareBlocks)
            yield return new GateFinding(Where, $"all blocks write; {nameof(CheckCase.SpareBlocks)} is not needed");
        if (_statesOtherBytes && !_hasOtherBytes)
            yield return new GateFinding(Where, $"the cost is right; {nameof(CheckCase.OtherBytes)} is not needed");
    }

    private IEnumerable<string> Judge(CheckCase check, LaunchUse use, KernelCost cost)
    {
        _usedThreads[use.BlockThreads] = Math.Max(_usedThreads.GetValueOrDefault(use.BlockThreads), use.MostThreads);
        if (use.UsedSharedBytes < (1 - UnusedShared) * use.SharedBytes)
            yield return $"{use.UsedSharedBytes} of {use.SharedBytes} bytes of dynamic shared memory are used";

        bool isSpare = use.WritingBlocks < use.Blocks;
        if (check.SpareBlocks is not null)
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
        if (check.OtherBytes is not null)
        {
            (_statesOtherBytes, _hasOtherBytes) = (true, _hasOtherBytes || isOther);
        }
        else
        {
            _mostBytes = Math.Max(_mostBytes, use.MovedBytes);
            if (isOther)
                yield return $"{use.MovedBytes} bytes are moved, {use.ReadBytes} read and {use.WrittenBytes} written; the cost says {cost.MovedBytes}";
        }
    }

    private sealed unsafe class Watch(ComputeStream stream, CudaEmulator emulator, Kernel wanted) : ComputeStream
    {
        public List<(LaunchUse Use, KernelCost Cost)> Launches { get; } = [];

        public override void Launch(Kernel kernel, void* args, int bytes)
        {
            emulator.TakeUse(); // of earlier launches
            stream.Launch(kernel, args, bytes);
            if (kernel == wanted && emulator.TakeUse() is { } use)
                Launches.Add((use, kernel.Cost(args)));
        }
    }
}
