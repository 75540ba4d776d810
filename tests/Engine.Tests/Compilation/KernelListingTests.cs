using VideoSim.Engine.Compilation;
using Xunit;

namespace VideoSim.Engine.Tests.Compilation;

/// <summary>Code with the lines of the source between.</summary>
public sealed class KernelListingTests
{
    private static readonly KernelListing Listing = new(new KernelSources([new("One.cu", "// first\n  float x = 1;\nstore(x);\n"), new("Two.cuh", "void store();\n")]));

    [Fact]
    public void OfPtx_Entry_HasItsLines()
    {
        const string Ptx = """
            .version 8.4
            .visible .entry other(
            {
            	.loc	1 1 0
            	ret;
            }
            .visible .entry one(
            	.param .u64 p
            )
            {
            	.loc	1 2 0

            	mov.u32 	%r1, 1;
            	.loc	1 2 5
            	add.u32 	%r1, %r1, 1;
            	.loc	2 1 9, function_name $L__info_string0, inlined_at 1 3 5
            	st.global.u32 	[%rd1], %r1;
            	.loc	1 0 5
            	ret;

            }
            	.file	1 "/tmp/One.cu"
            	.file	2 "/tmp/Two.cuh"
            """;
        Assert.Equal("""
            .visible .entry one(
            	.param .u64 p
            )
            {
            // One.cu:2  float x = 1;
            	mov.u32 	%r1, 1;
            	add.u32 	%r1, %r1, 1;
            // Two.cuh:1  void store();
            	st.global.u32 	[%rd1], %r1;
            	ret;
            }

            """, Listing.OfPtx(Ptx, "one"));
        Assert.Contains("has no entry on", Assert.Throws<DataException>(() => Listing.OfPtx(Ptx, "on")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OfMachineCode_Entry_HasItsLines()
    {
        const string Sass = """
            //--------------------- .text.one --------------------------
            	.section	.text.one,"ax",@progbits
            one:
            .text.one:
            	//## File "/tmp/One.cu", line 3
                    /*0000*/                   MOV R1, c[0x0][0x28] ;
            .L_x_0:
            	//## File "/tmp/Other.cuh", line 3
                    /*0010*/                   EXIT ;
            //--------------------- .text.two --------------------------
            .text.two:
                    /*0000*/                   NOP ;
            """;
        Assert.Equal("""
            // One.cu:3  store(x);
                    /*0000*/                   MOV R1, c[0x0][0x28] ;
            .L_x_0:
                    /*0010*/                   EXIT ;

            """, Listing.OfMachineCode(Sass, "one"));
        Assert.Throws<DataException>(() => Listing.OfMachineCode(Sass, "three"));
    }
}
