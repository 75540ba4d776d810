using System.Text;
using Xunit;

namespace VideoSim.PtxMachine.Tests;

/// <summary>
/// Texts that are not PTX, or not PTX as NVRTC writes it: each gives one clear error that names a line.
/// </summary>
public sealed class ReaderTests
{
    public static TheoryData<string, string, string> Edits => new()
    {
        // What is replaced, what is there then, and the error.
        { ".address_size 64", ".adress_size 64", "line 3 of the PTX: '.adress_size 64' is not understood" },
        { ".address_size 64", ".shared .align 4 .b7 x[4];", "line 3 of the PTX: type .b7 is unknown" },
        { ".address_size 64", ".shared .align 0 .b8 x[4];", "line 3 of the PTX: an alignment of 0" },
        { ".address_size 64", ".shared .align 12 .b8 x[4];", "line 3 of the PTX: an alignment of 12" },
        { ".address_size 64", ".shared .align 4096 .b8 x[4];", "line 3 of the PTX: 4096 is more than 128" },
        { ".address_size 64", ".const .align 4 .b8 x[99999999999999999999];", "line 3 of the PTX: 99999999999999999999 is more than" },
        { ".address_size 64", ".const .align 4 .b64 x[2147483647];", "line 3 of the PTX: 2147483647 is more than" },
        { ".address_size 64", ".const .align 4 .u32 x = 0xzz;", "line 3 of the PTX: '0xzz' is no value of x" },
        { ".address_size 64", ".const .align 4 .u32 x[2] = {1, 2, 3};", "line 3 of the PTX: '3' is no value of x" },
        { ".address_size 64", ".const .align 4 .f32 x = 0f12;", "line 3 of the PTX: '0f12' is no value of x" },
        { ".address_size 64", ".extern .global .align 4 .u32 x;", "line 3 of the PTX: the variable x cannot be there" },
        { ".address_size 64", ".local .align 4 .u32 x;", "line 3 of the PTX: the variable x cannot be there" },
        { ".address_size 64", ".const .align 4 .u32 table;", "the variable table cannot be there" },
        { ".param .u64 input", ".param .q64 input", "line 6 of the PTX: type .q64 is unknown" },
        { ".param .u64 input", ".param .u64 output", "line 7 of the PTX: output is there twice" },
        { "block[64]", "block[40000]", "line 8 of the PTX: block ends behind the 32764 bytes that there are" },
        { ")\n{", ")\n.maxntid 99999999999, 1, 1\n{", "line 10 of the PTX: 99999999999 is more than 1024" },
        { ")\n{", ")\n.reqntid 32\n{", "line 10 of the PTX: '.reqntid 32' is not understood" },
        { ")\n{", ")\n", "is not understood" },
        { ".reg .b64 %rd<20>", ".reg .b63 %rd<20>", "line 14 of the PTX: type .b63 is unknown" },
        { ".reg .b64 %rd<20>", ".reg .b64 %rd<99999999999>", "line 14 of the PTX: 99999999999 is more than" },
        { ".reg .b64 %rd<20>", ".reg .b64 %r<20>", "line 14 of the PTX: %r is there twice" },
        { "BODY", ".shared .align 4 .b8 x[300000];", "line 18 of the PTX: x ends behind the 232448 bytes that there are" },
        { "BODY", ".local .align 4 .b8 x[600000];", "line 18 of the PTX: x ends behind the 524288 bytes that there are" },
        { "BODY", ".global .align 4 .b8 x[4];", "line 18 of the PTX: '.global .align 4 .b8 x[4];' is not understood" },
        { "BODY", "$a:\n$a:", "line 19 of the PTX: the label $a: is there twice" },
        { "BODY", ".loc 9 1 1", "line 18 of the PTX: there is no file 9" },
        { "BODY", ".loc 1", "line 18 of the PTX: '.loc 1 ret;" },
        { "BODY", "add.s32 %r1, %r2", "small: %r2 ret is unknown, at line 18 of the PTX (add.s32)" },
        { "BODY", "add.s32 %r1, %r2, %r20;", "small: %r20 is unknown, at line 18 of the PTX (add.s32)" },
        { "BODY", "add.s32 %r1, %r2, %r;", "small: %r is unknown, at line 18" },
        { "BODY", "add.s32 %r1, %r2, %q1;", "small: %q1 is unknown, at line 18" },
        { "BODY", "add.s32 %r1, %r2, 0x;", "small: 0x is unknown, at line 18" },
        { "BODY", "add.s32 %r1, %r2, 089;", "small: 089 is unknown, at line 18" },
        { "BODY", "add.s32 %r1, %r2, 99999999999999999999;", "small: 99999999999999999999 is unknown, at line 18" },
        { "BODY", "add.s32 %r1, %r2, 0x11112222333344445;", "small: 0x11112222333344445 is unknown, at line 18" },
        { "BODY", "add.s32 %r1, %r2;", "small: operand 3 is missing, at line 18" },
        { "BODY", "add.s32 %r1, %r2, %r3, %r4;", "small: the instruction has no operand %r4, at line 18" },
        { "BODY", "add.s32 %r1, %r2, %rd3;", "small: %rd3 has 64 bits instead of 32, at line 18" },
        { "BODY", "add.s64 %rd1, %rd2, %r3;", "small: %r3 has 32 bits instead of 64, at line 18" },
        { "BODY", "add.s32 %r1, %r2, %p3;", "small: %p3 has 1 bits instead of 32, at line 18" },
        { "BODY", "@%r1 ret;", "small: %r1 is no predicate, at line 18" },
        { "BODY", "@%p99 ret;", "small: %p99 is no predicate, at line 18" },
        { "BODY", "bra $nowhere;", "small: there is no label $nowhere before an instruction, at line 18" },
        { "BODY", "bra;", "small: operand 1 is missing, at line 18" },
        { "BODY", "frobnicate.s32 %r1, %r2;", "small: the PTX machine has no frobnicate.s32, at line 18" },
        { "BODY", "ret %r1;", "small: the instruction has no operand %r1, at line 18" },
        { "BODY", "bar.sync 1;", "small: the PTX machine has no barrier but 0, at line 18" },
        { "BODY", "bar.sync 0, 64;", "small: the instruction has no operand 64, at line 18" },
        { "BODY", "bar.sync %r1;", "small: %r1 is no number, at line 18" },
        { "BODY", "ld.global.v4.u32 {%r1, %r2}, [%rd1];", "small: {%r1, %r2} has 2 registers instead of 4, at line 18" },
        { "BODY", "ld.global.u32 %r1, [%rd1+99999999999999999999];", "small: [%rd1+99999999999999999999] is no address, at line 18" },
        { "BODY", "ld.global.u32 %r1, %rd1;", "small: %rd1 is no address, at line 18" },
        { "BODY", "ld.global.u32 %r1, [%p1];", "small: %p1 has 1 bits instead of 32, at line 18" },
        { "BODY", "ld.global.u64 %r1, [%rd1];", "small: %r1 has 32 bits instead of 64, at line 18" },
        { "BODY", "mov.b64 {%r1, %r2}, {%r3, %r4};", "small: {%r1, %r2} has 2 registers instead of 1, at line 18" },
        { "BODY", "mov.b64 %rd1, {%r1, %r2, %r3};", "small: 3 registers cannot have 64 bits, at line 18" },
        { "BODY", "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1}, {%r1}, {%r1}, {%f1};", "small: {%f1} has 1 registers instead of 4, at line 18" },
        { "BODY", "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r1, %r2}, [%r3];", "small: {%r1, %r2} has 2 registers instead of 4, at line 18" },
        { "BODY", "cp.async.ca.shared.global [%rd1], [%rd2], 5;", "small: a copy has 4, 8 or 16 bytes, at line 18" },
        { "BODY", "cp.async.wait_group %r1;", "small: %r1 is no number, at line 18" },
        { "BODY", "shfl.sync.idx.b32 %r1|%p1|%p2, %r1, %r1, %r1, -1;", "small: %r1|%p1|%p2 is no result, at line 18" },
        { "ret;", "add.s32 %r1, %r1, 1;", "small does not end with ret, at line 19 of the PTX (add.s32)" },
        { "ret;", "$end:\nbra $end;\n$last:\nbra $last2;\n$last2:", "small: there is no label $last2 before an instruction" },
        { "ret;", "", "line 20 of the PTX: small has no instruction" },
        { "ret;\n}", "ret;\n{\n}", "of the PTX: the text ends in the middle" },
        { "ret;\n}", "ret;\n}\n}", "line 21 of the PTX: '}' is not understood" },
        { "ret;\n}", "ret;\n}\n.section .x\n{", "of the PTX: the text ends in the middle" },
        { "ret;\n}", "ret;\n}\n.visible .entry small(\n)\n{\nret;\n}", "line 21 of the PTX: small is there twice" },
    };

    [Theory]
    [MemberData(nameof(Edits))]
    public void Text_ThatIsWrong_IsNamedWithItsLine(string before, string after, string problem)
    {
        string text = SmallKernel.TextOf("BODY\nret;");
        Assert.Contains(before, text, StringComparison.Ordinal);
        Assert.Contains(problem, ErrorOf(text.Replace(before, after, StringComparison.Ordinal).Replace("BODY", "", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_ThatIsRight_HasNoError() => Assert.Equal("", ErrorOf(SmallKernel.TextOf("ret;")));

    // Every text that ends early, at any byte.
    [Fact]
    public void Text_ThatEndsEarly_IsAnError()
    {
        string text = SmallKernel.TextOf("mov.u32 %r1, 5;\n$end:\nret;", "tile[16]").TrimEnd();
        for (int i = text.IndexOf(".entry", StringComparison.Ordinal); i < text.Length; i++)
            Assert.NotEqual("", ErrorOf(text[..i]));
    }

    // Bytes that are replaced, left out or doubled give an error or a kernel, and no other exception.
    [Fact]
    public void Text_WithRandomChanges_GivesNoOtherException()
    {
        string text = SmallKernel.TextOf("""
            .local .align 16 .b8 depot[36];
            .loc 1 5 2, function_name $info, inlined_at 1 3 5
            ld.param.u64 %rd1, [input];
            @!%p1 bra $end;
            mov.b64 %rd2, {%r1, %r2};
            ld.global.v4.f32 {%f1, %f2, %f3, %f4}, [%rd1+-16];
            cp.async.cg.shared.global [%rd3], [%rd1], 16, %r3;
            shfl.sync.bfly.b32 %r1|%p2, %r2, 16, 31, -1;
            fma.rn.f32 %f1, %f2, 0f3F800000, %f3;
            selp.f32 %f5, %f1, %f2, %p2;
            $end:
            bar.sync 0;
            ret;
            """, "tile[16]").Replace(".target", ".file 1 \"a.cu\"\n.target", StringComparison.Ordinal);
        Assert.Equal("", ErrorOf(text));
        var random = new Random(5);
        const string Pieces = "0123456789-+%$@!,;:.{}[]()<>= \n\trdfpx";
        for (int i = 0; i < 4000; i++)
        {
            var edited = new StringBuilder(text);
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                int at = random.Next(edited.Length);
                if (random.Next(3) is var kind && kind == 0)
                    edited[at] = Pieces[random.Next(Pieces.Length)];
                else if (kind == 1)
                    edited.Remove(at, Math.Min(edited.Length - at, random.Next(1, 5)));
                else
                    edited.Insert(at, edited.ToString(at, Math.Min(edited.Length - at, random.Next(1, 20))));
            }
            ErrorOf(edited.ToString());
        }
    }

    /// <summary>Texts that are long, and that a careless reader would need hours or all memory for.</summary>
    public static TheoryData<string> Long => new(["lines", "semicolon", "calls", "shared", "braces", "spaces", "variables"]);

    [Theory]
    [MemberData(nameof(Long))]
    public void Text_ThatIsLong_IsReadAtOnce(string kind)
    {
        const int Many = 20000;
        string Repeat(string text) => string.Concat(Enumerable.Repeat(text, Many));
        string Numbered(Func<int, string> line) => string.Concat(Enumerable.Range(1, Many).Select(line));
        string text = kind switch
        {
            "lines" => Repeat("\n\n\n") + SmallKernel.TextOf("ret;"),
            "semicolon" => SmallKernel.TextOf(Repeat("add.s32 %r1, %r2\n")),
            "calls" => ".file 1 \"a.cu\"\n" + SmallKernel.TextOf(Numbered(static i => $".loc 1 {i} 1, function_name $x, inlined_at 1 {i - 1} 1\n") + "ret;"),
            "shared" => Numbered(static i => $".shared .align 1 .b8 x{i}[1];\n") + SmallKernel.TextOf("ret;"),
            "braces" => SmallKernel.TextOf(Repeat("{\n")),
            "spaces" => SmallKernel.TextOf("mov.u32 " + Repeat("  ") + "%r1, " + Repeat("\t") + "5 5;"),
            _ => Numbered(static i => $".global .align 4 .b8 x{i}[1000000];\n"),
        };
        long before = GC.GetTotalAllocatedBytes();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal(kind is "lines" or "calls", ErrorOf(text).Length == 0);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10); // a second even on a busy machine
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 1L << 30);
    }

    // What is wrong with a text, or with its kernel; empty if nothing is.
    // As NVRTC calls printf. The instructions around a call are unknown, too, but it explains them.
    [Fact]
    public void Call_OfAFunction_IsRefusedByItsName()
    {
        const string Body = """
            {
            .reg .b32 temp_param_reg;
            .param .b64 param0;
            st.param.b64 [param0+0], %rd1;
            .param .b32 retval0;
            call.uni (retval0),
            vprintf,
            (
            param0
            );
            ld.param.b32 %r1, [retval0+0];
            }
            ret;
            """;
        Assert.Contains("the PTX machine has no call.uni, at line 23 of the PTX (call.uni)", ErrorOf(SmallKernel.TextOf(Body)), StringComparison.Ordinal);
    }

    private static string ErrorOf(string text)
    {
        try
        {
            new PtxUnit(text).Find("small");
            return "";
        }
        catch (PtxException e)
        {
            return e.Message;
        }
    }
}
