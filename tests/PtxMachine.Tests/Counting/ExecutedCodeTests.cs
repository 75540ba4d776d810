using VideoSim.Engine.Compilation;
using VideoSim.PtxMachine.Counting;
using VideoSim.PtxMachine.Text;
using Xunit;

namespace VideoSim.PtxMachine.Tests.Counting;

/// <summary>How often pieces of machine code run, from how often the PTX runs.</summary>
public sealed class ExecutedCodeTests
{
    // A loop of 64 rounds: lines 10 to 13. Before it line 5, behind it line 20.
    private static readonly Statement[] Ptx =
    [
        Line(5, "mov.u32"), Line(10, "ld.global.f32"), Line(11, "fma.rn.f32"), Line(12, "add.s64"), Line(13, "bra"), Line(20, "st.global.f32"),
    ];

    private static readonly double[] Executions = [1, 64, 64, 64, 64, 1];

    [Fact]
    public void Of_LoopAsItIs_RunsEachInstructionAsOftenAsItsLine() => Assert.Equal(
        [("S2R", 1), ("LDG.E", 64), ("FFMA", 64), ("IADD3", 64), ("IMAD.X", 64), ("BRA", 64), ("STG.E", 1)],
        Counted(["S2R 5"], ["LDG.E 10", "FFMA 11", "IADD3 12", "IMAD.X 12", "BRA 13"], ["STG.E 20"]));

    // 4 rounds at once, and a loop for the rest: the loads together run 64 times.
    [Fact]
    public void Of_LoopThatIsUnrolled_SharesTheRoundsAmongTheCopies()
    {
        var code = Counted(["S2R 5"], ["LDG.E 10", "LDG.E 10", "LDG.E 10", "LDG.E 10", "FFMA 11", "FFMA 11", "FFMA 11", "FFMA 11", "IADD3 12", "BRA 13"], ["LDG.E 10", "FFMA 11", "IADD3 12", "BRA 13"], ["STG.E 20"]);
        Assert.Equal(64, code.Where(static one => one.Operation == "LDG.E").Sum(static one => one.Count), 9);
        Assert.Equal(64, code.Where(static one => one.Operation == "FFMA").Sum(static one => one.Count), 9);
        Assert.Equal(2 * 12.8, code.Where(static one => one.Operation == "IADD3").Sum(static one => one.Count), 9);
    }

    // A subtraction of the loop's counter became something else, and it has no load: its lines tell.
    [Fact]
    public void Of_PieceWithoutLoads_RunsAsOftenAsItsLines() =>
        Assert.Equal([("IADD3", 64), ("LOP3.LUT", 64), ("BRA", 64), ("NOP", 0)], Counted(["IADD3 12", "LOP3.LUT 12", "BRA 13"], ["NOP 0"]));

    private static (string Operation, double Count)[] Counted(params string[][] pieces) =>
        [.. ExecutedCode.Of(new MachineCode([.. pieces.Select(static piece => piece.Select(Instruction).ToArray())]), Ptx, Executions)];

    private static MachineInstruction Instruction(string text) => new(text.Split(' ')[0], int.Parse(text.Split(' ')[1]));

    private static Statement Line(int line, string opcode) => new(opcode, [], null, false, line, "");
}
