using VideoSim.PtxMachine.Counting;
using Xunit;

namespace VideoSim.PtxMachine.Tests.Counting;

/// <summary>The cycles for which an instruction occupies a unit.</summary>
public sealed class UnitCyclesTests
{
    [Theory]
    [InlineData("FFMA", 1, 0, 0, 0)]
    [InlineData("HFMA2.BF16_V2", 1, 0, 0, 0)]
    [InlineData("IMAD.WIDE.U32", 2, 0, 0, 0)]
    [InlineData("IADD3", 0, 2, 0, 0)]
    [InlineData("FSETP.GT.AND", 0, 2, 0, 0)]
    [InlineData("MUFU.EX2", 0, 0, 8, 0)]
    [InlineData("LDG.E", 0, 0, 0, 4)]
    [InlineData("STS.64", 0, 0, 0, 8)]
    [InlineData("LDG.E.128", 0, 0, 0, 16)]
    [InlineData("LDSM.16.M88.4", 0, 0, 0, 16)]
    [InlineData("SHFL.BFLY", 0, 0, 0, 4)]
    [InlineData("HMMA.16816.F32.BF16", 0, 0, 0, 0)]
    [InlineData("UIADD3", 0, 0, 0, 0)]
    [InlineData("BRA", 0, 0, 0, 0)]
    public void Of_OneOperation_OccupiesOneUnit(string operation, double onFloat, double onInteger, double special, double memory) =>
        Assert.Equal(new UnitCycles(3, 3 * onFloat, 3 * onInteger, 3 * special, 3 * memory), UnitCycles.Of([(operation, 3)]));

    [Fact]
    public void Longest_OfSeveralUnits_IsTheLargest()
    {
        var cycles = UnitCycles.Of([("FFMA", 10), ("MUFU.RCP", 2), ("LDG.E", 0.25)]);
        Assert.Equal(new UnitCycles(12.25, 10, 0, 16, 1), cycles);
        Assert.Equal(("special", 16), cycles.Longest);
        Assert.Equal(new UnitCycles(12, 10, 0, 16, 1), cycles.Rounded);
    }
}
