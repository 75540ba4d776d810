using VideoSim.Engine.Compilation;
using VideoSim.Kernels.Contract;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>Occupancy and instructions; the expected numbers follow from NVIDIA's tables by hand.</summary>
public sealed class OccupancyTests
{
    // A warp with R registers takes R x 32, in steps of 256, of 65,536. A block takes 1 KiB of shared memory besides
    // its own, in steps of 128 bytes.
    [Theory]
    [InlineData("sm_90", 256, 32, 0, 0, 8, 64, "warps")]
    [InlineData("sm_86", 256, 40, 0, 0, 6, 48, "warps")]
    [InlineData("sm_80", 256, 40, 0, 0, 6, 48, "registers")] // 65,536 / (8 x 1,280)
    [InlineData("sm_90", 512, 128, 0, 101376, 1, 16, "registers")]
    [InlineData("sm_90", 128, 33, 1000, 48128, 4, 16, "shared memory")] // 233,472 / (49,128 + 1,024 = 50,176)
    [InlineData("sm_86", 128, 16, 0, 49152, 2, 8, "shared memory")]
    [InlineData("sm_90", 32, 16, 0, 0, 32, 32, "blocks")]
    [InlineData("sm_86", 20, 16, 0, 0, 16, 16, "blocks")] // a part of a warp is a warp
    [InlineData("sm_86", 128, 16, 0, 110000, 0, 0, "shared memory")]
    public void Of_Launch_HasTheBlocksOfTheScarcestResource(string architecture, int threads, int registers, int fixedShared, int shared, int blocks, int warps, string limiter)
    {
        var gpu = GpuModel.All.Single(gpu => gpu.Architecture == architecture);
        var occupancy = Occupancy.Of(gpu, new(registers, 0, 0, 0, fixedShared), new LaunchShape(1000, threads, SharedBytes: shared));
        Assert.Equal(new(blocks, warps, (double)warps / gpu.Warps, limiter), occupancy);
    }

    // 1,320 blocks of 8 warps on 132 multiprocessors with 4 schedulers: 20 warps each, of 99 instructions.
    [Fact]
    public void IssueSeconds_OfALaunch_AreItsInstructionsOverAllSchedulers() =>
        Assert.Equal(20 * 99 / 1.98e9, GpuModel.All.Single(static gpu => gpu.Architecture == "sm_90").IssueSeconds(99, new(132, 256, 10)), 1e-15);

    [Fact]
    public void Mix_OfOperations_CountsEachOnce()
    {
        string[] operations =
        [
            "HMMA.16816.F32.BF16", "LDSM.16.M88.4", "FADD", "FFMA.FTZ", "HADD2.BF16", "DADD", "FSETP.GT.AND", "MUFU.RCP", "IMAD.WIDE", "LOP3.LUT", "ISETP.GE.AND", "F2I.TRUNC", "FLO.U32", "LDG.E.128", "STG.E", "LDC.64",
            "LDGSTS.E", "LDS.128", "STS", "SHFL.BFLY", "BAR.SYNC", "MOV", "S2R", "BRA", "EXIT", "NOP",
        ];
        Assert.Equal(new(Tensor: 2, Float: 5, Special: 1, Integer: 5, Memory: 4, Shared: 4, Other: 5), InstructionMix.Of(operations));
        Assert.Equal(operations.Length, InstructionMix.Of(operations).Total);
    }
}
