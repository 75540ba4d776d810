using VideoSim.PtxMachine.Opcodes;
using Xunit;

namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>
/// Every opcode of the machine, over values that matter, against what the PTX manual says. The tests compute that with
/// integers of any length, and use nothing of the machine.
/// </summary>
public sealed class OpcodeTests
{
    private static readonly OpcodeCase[] Cases =
        [.. IntegerCases.All, .. FloatCases.All, .. ApproximationCases.All, .. ConversionCases.All, .. MemoryCases.All, .. AtomicCases.All, .. WarpCases.All, .. OrderCases.All, .. CopyCases.All];

    public static TheoryData<string> Groups => [.. Cases.Select(static one => GroupOf(one.Opcode)).Distinct()];

    [Theory]
    [MemberData(nameof(Groups))]
    public void Opcode_OverValuesThatMatter_GivesWhatTheManualSays(string group)
    {
        string[] problems = [.. Cases.Where(one => GroupOf(one.Opcode) == group).SelectMany(ProblemsOf).Take(30)];
        Assert.True(problems.Length == 0, string.Join('\n', problems));
    }

    // A new opcode needs a case.
    [Fact]
    public void Cases_OfAllOpcodes_AreThere() =>
        Assert.Equal(string.Join('\n', OpcodeTable.Names), string.Join('\n', Cases.Select(static one => one.Opcode).Distinct().Order(StringComparer.Ordinal)));

    private static IEnumerable<string> ProblemsOf(OpcodeCase one)
    {
        try
        {
            return [.. one.Check().Take(3)];
        }
        catch (Exception e) when (e is PtxException or FaultException)
        {
            return [$"{one.Opcode}: {e.Message}"];
        }
    }

    private static string GroupOf(string opcode) => opcode.Split('.')[0];
}
