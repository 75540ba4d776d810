using VideoSim.Engine.Compilation;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>The machine code of an entry in pieces, with lines of the PTX.</summary>
public sealed class MachineCodeTests
{
    // As nvdisasm prints it: an entry with a loop, its subroutine, and the next entry.
    private const string Text = """
        	.section	.text.first,"ax",@progbits
        .text.first:
        	//## File ".nv_debug_ptx_txt", line 30
                /*0000*/                   LDC R1, c[0x0][0x28] ;
                /*0010*/               @P0 EXIT ;
        	//## File ".nv_debug_ptx_txt", line 31
        .L_x_1:
                /*0020*/                   LDG.E.128 R4, desc[UR6][R2.64] ;
        	//## File ".nv_debug_ptx_txt", line 33
                /*0030*/              @!UP0 UIADD3 UR4, UR4, 0x1, URZ ;
                /*0040*/               @P1 BRA `(.L_x_1) ;
                /*0050*/                   CALL.REL.NOINC `($first$__slow) ;
                /*0060*/                   EXIT ;
        $first$__slow:
                /*0070*/                   MUFU.RCP R0, R0 ;
        .L_x_2:
                /*0080*/                   RET.REL.NODEC R2 `(first) ;
        	//--------------------- .text.second --------------------------
        	.section	.text.second,"ax",@progbits
        .text.second:
                /*0000*/                   EXIT ;
        """;

    [Fact]
    public void Parse_Entry_EndsPiecesAtLabelsAndBranches()
    {
        var code = MachineCode.Parse(Text, "first");
        Assert.Equal(
            [["LDC 30", "EXIT 30"], ["LDG.E.128 31", "UIADD3 33", "BRA 33"], ["CALL.REL.NOINC 33"], ["EXIT 33"]],
            code.Pieces.Select(static piece => piece.Select(static one => $"{one.Operation} {one.PtxLine}")));
        Assert.Equal(7, code.Instructions.Count());
    }

    [Fact]
    public void Parse_EntryThatIsNotThere_NamesIt() =>
        Assert.Equal("the machine code has no entry third", Assert.Throws<DataException>(static () => MachineCode.Parse(Text, "third")).Message);

    [Fact]
    public void Parse_CodeWithoutLines_IsRefused() =>
        Assert.Equal("the machine code of second has no lines of the PTX", Assert.Throws<DataException>(static () => MachineCode.Parse(Text, "second")).Message);
}
