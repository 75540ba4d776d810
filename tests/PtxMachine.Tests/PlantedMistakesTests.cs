using System.Text.RegularExpressions;
using Xunit;

namespace VideoSim.PtxMachine.Tests;

/// <summary>Mistakes in the PTX of right kernels: each is found.</summary>
[Collection(Emulated.Collection)]
public sealed partial class PlantedMistakesTests
{
    private const string Attention = "attention_forward_d32_s64_bf16";

    [Fact]
    public void LayoutOfA_WithTwoRegistersSwapped_GivesWrongValues() =>
        AssertFound("times the bound", Attention, text => Mma().Replace(text, "${begin}${d}, {${a0}, ${a2}, ${a1}, ${a3}}, {${b0}, ${b1}}, ${c}"));

    [Fact]
    public void LayoutOfB_WithTwoRegistersSwapped_GivesWrongValues() =>
        AssertFound("times the bound", Attention, text => Mma().Replace(text, "${begin}${d}, {${a0}, ${a1}, ${a2}, ${a3}}, {${b1}, ${b0}}, ${c}"));

    [Fact]
    public void LayoutOfD_WithTwoRegistersSwapped_GivesWrongValues() =>
        AssertFound("times the bound", Attention, text => MmaResult().Replace(text, "${begin}{${d0}, ${d2}, ${d1}, ${d3}}"));

    [Fact]
    public void Transposition_LeftOut_GivesWrongValues() => AssertFound("times the bound", Attention, text => text.Replace(".trans.shared", ".shared"));

    [Fact]
    public void WaitForCopies_LeftOut_IsNamed() => AssertFound("asynchronous copy that no wait covers", "attention_backward_d32_s64_bf16", text => Wait().Replace(text, ""));

    [Fact]
    public void MaskOfAShuffle_WithHalfOfTheLanes_IsNamed() =>
        AssertFound("the instruction names 0000ffff", "layer_norm_forward_f32", text => Shuffle().Replace(text, "${begin}65535;"));

    [Fact]
    public void Barrier_LeftOut_IsARace() => AssertFound("a race", "cross_entropy_f32", text => text.Replace("bar.sync", "// bar.sync"));

    [Fact]
    public void Rounding_InAnotherDirection_ChangesBits() => AssertFound("differs between g++ and PTX", "layer_norm_forward_f32", text => text.Replace("fma.rn.f32", "fma.rz.f32"));

    [Fact]
    public void Read_BehindTheMemory_IsOutOfBounds() => AssertFound("a read of 4 bytes at", "relu_forward_f32", text => Load().Replace(text, "${begin}+1073741824]"));

    [Fact]
    public void Blocks_ThatWriteTheSame_AreARace() => AssertFound("of another block was there before", "relu_forward_f32", text => BlockIndex().Replace(text, "${begin}0;"));

    [Fact]
    public void Vector_BesideItsAlignment_IsNamed() => AssertFound("is no multiple of 16", "relu_forward_f32", text => VectorLoad().Replace(text, "${begin}+4]"));

    // The second warp refills the memory while the first one may still read it.
    [Fact]
    public void CopyIntoMemory_ThatIsStillRead_IsARace()
    {
        const string Body = """
            mov.u32 %r1, %tid.x;
            mov.u64 %rd1, tile;
            ld.param.u64 %rd2, [input];
            setp.gt.u32 %p1, %r1, 31;
            @%p1 bra $refill;
            ld.shared.f32 %f1, [%rd1];
            ret;
            $refill:
            cp.async.cg.shared.global [%rd1], [%rd2], 16;
            cp.async.wait_all;
            ret;
            """;
        string problem = SmallKernel.ProblemOf(Body, threads: 64, shared: "tile[16]", new float[4]);
        Assert.Contains("a race, a write after a read, at byte 0 of shared memory", problem);
        Assert.Contains("(cp.async.cg.shared.global)", problem);
    }

    [Fact]
    public void Instruction_ThatTheMachineLacks_IsNamed() => AssertFound("the PTX machine has no fma.xx.f32", "layer_norm_forward_f32", text => text.Replace("fma.rn.f32", "fma.xx.f32"));

    private static void AssertFound(string expected, string entry, Func<string, string> edit)
    {
        var kernel = Emulated.Find(entry);
        string Planted(string text)
        {
            string edited = edit(text);
            Assert.NotEqual(text, edited);
            return edited;
        }

        string[] findings = Emulated.Check(kernel, Emulated.CasesOf(kernel), hasBitsOfEmulator: true, Planted);
        Assert.Contains(findings, finding => finding.Contains(expected, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"(?<begin>mma\.\S+ )(?<d>\{[^}]*\}), \{(?<a0>%\w+), (?<a1>%\w+), (?<a2>%\w+), (?<a3>%\w+)\}, \{(?<b0>%\w+), (?<b1>%\w+)\}, (?<c>\{[^}]*\})")]
    private static partial Regex Mma();

    [GeneratedRegex(@"(?<begin>mma\.\S+ )\{(?<d0>%\w+), (?<d1>%\w+), (?<d2>%\w+), (?<d3>%\w+)\}")]
    private static partial Regex MmaResult();

    [GeneratedRegex(@"cp\.async\.wait_group \d+;")]
    private static partial Regex Wait();

    [GeneratedRegex(@"(?<begin>shfl\.[^;]*, )%\w+;")]
    private static partial Regex Shuffle();

    [GeneratedRegex(@"(?<begin>ld\.global\.f32[^\]+]*)\]")]
    private static partial Regex Load();

    [GeneratedRegex(@"(?<begin>mov\.u32\s+%\w+, )%ctaid\.x;")]
    private static partial Regex BlockIndex();

    [GeneratedRegex(@"(?<begin>ld\.global\.v4\.f32[^\]+]*)\]")]
    private static partial Regex VectorLoad();
}
