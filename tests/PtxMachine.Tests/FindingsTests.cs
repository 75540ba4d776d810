using VideoSim.PtxMachine.Running;
using Xunit;

namespace VideoSim.PtxMachine.Tests;

/// <summary>Every mistake that the machine finds, in a kernel that makes it and in one that is right.</summary>
public sealed class FindingsTests
{
    // %rd4 is the tile, 256 bytes of shared memory, and %rd5 the place of the thread in it, 4 bytes. %rd1 is the
    // input.
    private const string Begin = """
        mov.u32 %r1, %tid.x;
        ld.param.u64 %rd1, [input];
        ld.param.u64 %rd2, [output];
        mul.wide.u32 %rd3, %r1, 4;
        mov.u64 %rd4, tile;
        add.s64 %rd5, %rd4, %rd3;
        and.b32 %r2, %r1, 31;
        setp.lt.u32 %p1, %r2, 16;
        setp.eq.u32 %p2, %r2, 0;
        setp.lt.u32 %p3, %r1, 32;

        """;

    /// <summary>What is wrong, the kernel, and the right one. A line of both ends at a semicolon.</summary>
    public static TheoryData<string, string, string> Diverged => new()
    {
        { "a barrier in code that only some threads of a warp reach", "@%p1 bar.sync 0;", "@%p3 bar.sync 0;" },
        { "a barrier in code that only some threads of a warp reach", "@%p1 bra $skip; bar.sync 0; $skip:", "@%p3 bra $skip; bar.sync 0; $skip:" },
        { "a barrier in code that only some threads of a warp reach", "@%p1 bra $skip; bar.sync 0; $skip:", "@%p1 bra $skip; ret; $skip: bar.sync 0;" },
        { "the instruction names ffffffff", "@%p1 shfl.sync.idx.b32 %r3, %r1, 0, 31, -1;", "@%p1 shfl.sync.idx.b32 %r3, %r1, 0, 31, 0xffff;" },
        { "the instruction names 0000ffff", "shfl.sync.idx.b32 %r3, %r1, 0, 31, 0xffff;", "shfl.sync.idx.b32 %r3, %r1, 0, 31, -1;" },
        { "lane 16, whose value the shuffle takes, is not here", "@%p1 shfl.sync.down.b32 %r3, %r1, 1, 31, 0xffff;", "@%p1 shfl.sync.down.b32 %r3, %r1, 1, 0x100f, 0xffff;" },
        { "lane 16, whose value the shuffle takes, is not here", "@!%p1 ret; shfl.sync.bfly.b32 %r3, %r1, 16, 31, -1;", "@!%p1 ret; shfl.sync.bfly.b32 %r3, %r1, 8, 31, -1;" },
        { "the instruction names ffffffff", "@%p1 vote.sync.any.pred %p4, %p1, -1;", "@!%p1 ret; vote.sync.any.pred %p4, %p1, -1;" },
        { "the instruction names ffffffff", "@%p1 vote.sync.ballot.b32 %r3, %p1, -1;", "@%p1 vote.sync.ballot.b32 %r3, %p1, 65535;" },
        { "the instruction names ffffffff", "@%p1 bar.warp.sync -1;", "@%p1 bar.warp.sync 0xffff;" },
        { "the instruction needs all", "@%p1 ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r3}, [%rd4];", "@%p3 ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r3}, [%rd4];" },
        {
            "the instruction needs all", "@%p1 mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1, %f1, %f1, %f1}, {%r1, %r1, %r1, %r1}, {%r1, %r1}, {%f1, %f1, %f1, %f1};",
            "@%p3 mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1, %f1, %f1, %f1}, {%r1, %r1, %r1, %r1}, {%r1, %r1}, {%f1, %f1, %f1, %f1};"
        },
    };

    public static TheoryData<string, string, string> Addresses => new()
    {
        { "that is no multiple of 4", "ld.global.u32 %r3, [%rd1+2];", "ld.global.u32 %r3, [%rd1+4];" },
        { "that is no multiple of 16", "ld.shared.v4.u32 {%r3, %r4, %r5, %r6}, [%rd4+8];", "ld.shared.v4.u32 {%r3, %r4, %r5, %r6}, [%rd4+16];" },
        { "that is no multiple of 8", "st.local.u64 [depot+4], %rd1;", "st.local.u64 [depot+8], %rd1;" },
        { "that is no multiple of 8", "ld.param.v2.u32 {%r3, %r4}, [block+4];", "ld.param.v2.u32 {%r3, %r4}, [block+8];" },
        { "that is no multiple of 8", "atom.global.add.u64 %rd6, [%rd1+4], 1;", "atom.global.add.u64 %rd6, [%rd1+8], 1;" },
        { "that is no multiple of 16", "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r3}, [%rd4+8];", "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r3}, [%rd4+32];" },
        { "that is no multiple of 16", "@%p2 cp.async.cg.shared.global [%rd4+8], [%rd1], 16;", "@%p2 cp.async.cg.shared.global [%rd4+16], [%rd1], 16;" },
        { "a copy of 16 bytes from an address that is no multiple of 16", "@%p2 cp.async.cg.shared.global [%rd4], [%rd1+8], 16;", "@%p2 cp.async.cg.shared.global [%rd4], [%rd1+16], 16;" },
        { "a copy of 8 bytes into 4", "@%p2 cp.async.ca.shared.global [%rd4], [%rd1], 4, 8;", "@%p2 cp.async.ca.shared.global [%rd4], [%rd1], 8, 8;" },
        { "at byte 256 of device memory of 256 bytes", "ld.global.u32 %r3, [%rd1+256];", "ld.global.u32 %r3, [%rd1+252];" },
        { "at byte 256 of device memory of 256 bytes", "ld.u8 %r3, [%rd1+256];", "ld.u8 %r3, [%rd1+255];" },
        { "a read of 8 bytes at byte 32 of local memory of 36 bytes", "ld.local.u64 %rd6, [depot+32];", "ld.local.u64 %rd6, [depot+24];" },
        { "where no memory is", "mov.u64 %rd6, 16; ld.global.u32 %r3, [%rd6];", "ld.global.u32 %r3, [%rd1];" },
        { "a read of 4 bytes at", "mov.u64 %rd6, -4; ld.global.u32 %r3, [%rd6];", "ld.global.u32 %r3, [%rd1];" },
        { "a read of 4 bytes at", "mov.u64 %rd6, -4; ld.u32 %r3, [%rd6];", "ld.u32 %r3, [%rd1];" },
        { "an atomic change of 4 bytes at", "red.global.add.u32 [%rd1+-256], 1;", "red.global.add.u32 [%rd1], 1;" },
        { "at byte 256 of shared memory of 256 bytes", "ld.shared.u32 %r3, [%rd4+256];", "ld.shared.u32 %r3, [%rd4+252];" },
        { "at byte -4 of shared memory of 256 bytes", "ld.shared.u32 %r3, [%rd4+-4];", "add.s64 %rd6, %rd4, 8; ld.shared.u32 %r3, [%rd6+-4];" },
        { "at byte 4294967296 of shared memory", "mov.u64 %rd6, 4294967296; ld.shared.u32 %r3, [%rd6];", "mov.u64 %rd6, 0; ld.shared.u32 %r3, [%rd6];" },
        { "a read of 4 bytes at", "cvta.shared.u64 %rd6, %rd4; ld.u32 %r3, [%rd6+256];", "cvta.shared.u64 %rd6, %rd4; ld.u32 %r3, [%rd6+252];" },
        { "at byte 36 of local memory of 36 bytes", "ld.local.u32 %r3, [depot+36];", "ld.local.u32 %r3, [depot+32];" },
        { "a write of 4 bytes at", "mov.u64 %rd6, depot; cvta.local.u64 %rd6, %rd6; st.u32 [%rd6+128], 0;", "mov.u64 %rd6, depot; cvta.local.u64 %rd6, %rd6; st.u32 [%rd6+32], 0;" },
        { "at byte 80 of the parameters of 80 bytes", "ld.param.u32 %r3, [block+64];", "ld.param.u32 %r3, [block+60];" },
        { "a read of 4 bytes at", "ld.const.u32 %r3, [table+64];", "ld.const.u32 %r3, [table+60];" },
        { "a read of 4 bytes at", "ld.const.u32 %r3, [%rd1];", "mov.u64 %rd6, table; ld.u32 %r3, [%rd6];" },
        { "a write of 4 bytes at", "mov.u64 %rd6, table; st.global.u32 [%rd6], 0;", "@%p2 st.global.u32 [%rd1], 0;" },
        { "at byte 8 of device memory of 8 bytes", "@%p2 cp.async.ca.shared.global [%rd4], [%rd2+8], 8;", "@%p2 cp.async.ca.shared.global [%rd4], [%rd2], 8;" },
        { "at byte 8 of device memory of 8 bytes", "@%p2 cp.async.ca.shared.global [%rd4], [%rd2+8], 8, 1;", "@%p2 cp.async.ca.shared.global [%rd4], [%rd2+8], 8, 0;" },
        { "at byte 256 of shared memory of 256 bytes", "@%p2 cp.async.ca.shared.global [%rd4+256], [%rd1], 8;", "@%p2 cp.async.ca.shared.global [%rd4+248], [%rd1], 8;" },
    };

    [Theory]
    [MemberData(nameof(Diverged))]
    [MemberData(nameof(Addresses))]
    public void Mistake_InOneWarp_IsNamedAndTheRightKernelRuns(string problem, string wrong, string right)
    {
        string found = ProblemOf(wrong, 32);
        Assert.Contains(problem, found, StringComparison.Ordinal);
        Assert.Matches(@", in thread \(\d+, 0, 0\) of block \(0, 0, 0\) at line \d+ of the PTX \([a-z][a-z0-9.]+\)$", found);
        Assert.Equal("", ProblemOf(right, 32));
    }

    /// <summary>What is wrong, the kernel and the right one, with two warps in each of two blocks.</summary>
    public static TheoryData<string, string, string> Races => new()
    {
        // Lanes in one instruction, and lanes of one warp.
        { "a race, a write after a write, at byte 0 of shared", "@%p3 st.shared.u32 [%rd4], 1;", "@%p2 st.shared.u32 [%rd5], 1;" },
        { "a race, a read after a write, at byte 4 of shared", "st.shared.u32 [%rd5], 1; xor.b32 %r3, %r2, 1; @%p3 ld.shared.u32 %r3, [%rd4+4];", "st.shared.u32 [%rd5], 1; bar.warp.sync -1; @%p3 ld.shared.u32 %r3, [%rd4+4];" },
        { "a race, a write after a read, at byte 0 of shared", "@%p3 ld.shared.u32 %r3, [%rd4]; st.shared.u32 [%rd5], 1;", "@%p3 ld.shared.u32 %r3, [%rd4]; bar.warp.sync -1; st.shared.u32 [%rd5], 1;" },
        { "a race, a read after a write", "@%p3 st.shared.u32 [%rd5], 1; @%p1 bar.warp.sync 0xffff; @%p3 ld.shared.u32 %r3, [%rd4];", "@%p3 st.shared.u32 [%rd5], 1; bar.warp.sync -1; @%p3 ld.shared.u32 %r3, [%rd4];" },
        { "a race, a write after a write", "@%p3 st.shared.u16 [%rd4+2], 1;", "add.s64 %rd6, %rd4, %rd8; st.shared.u8 [%rd6], 1;" },
        { "a race, a read after a write, at byte 1 of shared", "add.s64 %rd6, %rd4, %rd8; st.shared.u8 [%rd6], 1; @%p2 ld.shared.u8 %r3, [%rd4+1];", "add.s64 %rd6, %rd4, %rd8; st.shared.u8 [%rd6], 1; ld.shared.u8 %r3, [%rd6];" },
        { "a race, a write after a read, at byte 1 of shared", "add.s64 %rd6, %rd4, %rd8; ld.shared.u8 %r3, [%rd4+1]; @%p2 st.shared.u8 [%rd4+1], 1;", "add.s64 %rd6, %rd4, %rd8; ld.shared.u8 %r3, [%rd6]; st.shared.u8 [%rd6], 1;" },
        // Warps: __syncwarp orders nothing here, and a barrier orders all.
        { "a race, a read after a write, at byte 0 of shared", "st.shared.u32 [%rd5], 1; bar.warp.sync -1; @!%p3 ld.shared.u32 %r3, [%rd4];", "st.shared.u32 [%rd5], 1; bar.sync 0; @!%p3 ld.shared.u32 %r3, [%rd4];" },
        { "a race, a write after a read", "@%p3 ld.shared.u32 %r3, [%rd5+128]; bar.warp.sync -1; @!%p3 st.shared.u32 [%rd5], 1;", "@%p3 ld.shared.u32 %r3, [%rd5+128]; bar.sync 0; @!%p3 st.shared.u32 [%rd5], 1;" },
        // Atomic changes do not race with each other, but with others they do.
        { "a race, a read after a write", "red.shared.add.u32 [%rd4], 1; @%p2 ld.shared.u32 %r3, [%rd4];", "red.shared.add.u32 [%rd4], 1; atom.shared.min.u32 %r3, [%rd4], 1;" },
        { "a race, a write after a write", "@%p3 st.shared.u32 [%rd5], 1; @!%p3 red.shared.add.u32 [%rd4], 1;", "@%p3 st.shared.u32 [%rd5], 1; bar.sync 0; @!%p3 red.shared.add.u32 [%rd4], 1;" },
        { "of another block was there before", "setp.eq.u32 %p4, %r1, 0; @%p4 st.global.u32 [%rd1], 1;", "red.global.add.u32 [%rd1], 1;" },
        { "of another block was there before", "setp.eq.u32 %p4, %r1, 0; @%p4 red.global.add.u32 [%rd1], 1; bar.sync 0; @%p2 ld.global.u32 %r3, [%rd1];", "setp.eq.u32 %p4, %r1, 0; @%p4 st.global.u32 [%rd9], 1;" },
        { "of another block was there before", "setp.eq.u32 %p4, %r1, 0; @%p4 ld.global.u32 %r3, [%rd1]; setp.eq.u32 %p5, %r9, 1; and.pred %p4, %p4, %p5; @%p4 st.global.u32 [%rd1], 1;", "ld.global.u32 %r3, [%rd1]; ld.shared.u32 %r3, [%rd4]; bar.sync 0; @%p2 st.shared.u32 [%rd5], 1;" },
        // Asynchronous copies.
        { "a read of an asynchronous copy that no wait covers", Copy + "@%p4 ld.shared.u32 %r3, [%rd4];", Copy + "cp.async.wait_all; @%p4 ld.shared.u32 %r3, [%rd4];" },
        { "a write to an asynchronous copy that no wait covers", Copy + "@%p4 st.shared.u32 [%rd4+12], 1;", Copy + "cp.async.wait_all; @%p4 st.shared.u32 [%rd4+12], 1;" },
        { "a write to an asynchronous copy that no wait covers", Copy + "@%p4 cp.async.ca.shared.global [%rd4], [%rd1], 4;", Copy + "@%p4 cp.async.ca.shared.global [%rd4+16], [%rd1], 4;" },
        { "a read of an asynchronous copy that no wait covers", Copy + "cp.async.wait_group 0; @%p4 ld.shared.u32 %r3, [%rd4];", Copy + "cp.async.commit_group; cp.async.wait_group 0; @%p4 ld.shared.u32 %r3, [%rd4];" },
        { "a read of an asynchronous copy that no wait covers", Copy + "cp.async.commit_group; cp.async.wait_group 1; @%p4 ld.shared.u32 %r3, [%rd4];", Copy + "cp.async.commit_group; cp.async.commit_group; cp.async.wait_group 1; @%p4 ld.shared.u32 %r3, [%rd4];" },
        { "a read of an asynchronous copy that no wait covers", Copy + "bar.sync 0; @!%p3 ld.shared.u32 %r3, [%rd4];", Copy + "cp.async.wait_all; bar.sync 0; @!%p3 ld.shared.u32 %r3, [%rd4];" },
        { "a race, a read after a write", Copy + "cp.async.wait_all; @!%p3 ld.shared.u32 %r3, [%rd4];", Copy + "cp.async.wait_all; bar.sync 0; @!%p3 ld.shared.u32 %r3, [%rd4];" },
    };

    private const string Copy = "setp.eq.u32 %p4, %r1, 0; @%p4 cp.async.cg.shared.global [%rd4], [%rd1], 16; ";

    [Theory]
    [MemberData(nameof(Races))]
    public void Race_OfThreads_IsNamedAndTheRightKernelRuns(string problem, string wrong, string right)
    {
        string found = ProblemOf(wrong, 64);
        Assert.Contains(problem, found, StringComparison.Ordinal);
        Assert.Matches(@" thread \(\d+, 0, 0\) of (the same|another) block was there before, .* at line \d+ of the PTX \([a-z0-9._]+\), in thread \(\d+, 0, 0\) of block \(\d, 0, 0\) at line \d+ of the PTX \([a-z0-9._]+\)$", found);
        Assert.Equal("", ProblemOf(right, 64));
    }

    // Blocks of two launches have an order, and so has what one thread does.
    [Fact]
    public void Threads_OfTwoBlocksThatTouchTheirOwn_DoNotRace() =>
        Assert.Equal("", ProblemOf("ld.global.u32 %r3, [%rd9]; st.shared.u32 [%rd5], %r3; ld.shared.u32 %r4, [%rd5]; st.global.u32 [%rd9], %r4; ld.global.u32 %r3, [%rd9];", 64));

    [Fact]
    public void Kernel_WithMoreThreadsThanItIsCompiledFor_IsNamed() =>
        Assert.Contains("launched with 1025 threads a block, and compiled for 1024 at most", ProblemOf("", 1025), StringComparison.Ordinal);

    // The message has the place in the source, with the calls that NVRTC put into their callers. The kernel's last
    // brace closes the section.
    [Fact]
    public void Message_WithLinesOfTheSource_NamesThem() => Assert.Matches(
        @"in thread \(0, 0, 0\) of block \(0, 0, 0\) at b\.cuh:7 called from a\.cu:3, line \d+ of the PTX \(ld\.param\.u64\)$", SmallKernel.ProblemOf<byte>("""
            .loc 2 7 1, function_name $info, inlined_at 1 3 5
            ld.param.u64 %rd1, [input+4];
            ret;
            }
            .file 1 "x/a.cu"
            .file 2 "b.cuh"
            .section .debug
            {
            """, 1, null, []));

    // Warps read the same in turns. The last reads of the first warp must not hide those of the second one.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Write_AfterReadsOfItsOwnWarp_RacesWithThoseOfAnother(bool doesAnotherRead)
    {
        var region = new Region("memory", 0, 64);
        string? Note(int thread, int syncs, Access access) => region.Note(0, 2, access, new Touch(1, thread, 0, syncs, access, 3), 0, 1, out _, out _);
        foreach (int thread in doesAnotherRead ? [0, 1, 32, 33, 2, 3] : new[] { 0, 1, 2, 3 })
            Assert.Null(Note(thread, 0, Access.Read));
        Assert.Equal(doesAnotherRead ? "a race, a write after a read" : null, Note(5, 1, Access.Write));
    }

    // Registers that nobody wrote are NaN, and so is memory of a block.
    [Fact]
    public void Values_ThatNobodyWrote_AreNaN()
    {
        float[] output = SmallKernel.Run<float, float>("ld.param.u64 %rd2, [output];\nld.shared.f32 %f2, [tile];\nst.global.v2.f32 [%rd2], {%f1, %f2};\nret;", 1, "tile[4]", [], 2);
        Assert.All(output, static value => Assert.True(float.IsNaN(value)));
    }

    [Fact]
    public void BuiltIns_InThreeDimensions_CountXFirst()
    {
        string[] names = ["%tid.x", "%tid.y", "%tid.z", "%ntid.x", "%ntid.y", "%ntid.z", "%ctaid.x", "%ctaid.y", "%ctaid.z", "%nctaid.x", "%nctaid.y", "%nctaid.z", "%laneid", "%warpid"];
        string body = "ld.param.u64 %rd2, [output];\nld.param.u64 %rd1, [input];\natom.global.add.u32 %r1, [%rd1], 56;\ncvt.u64.u32 %rd3, %r1;\nadd.s64 %rd2, %rd2, %rd3;\n"
            + string.Join('\n', names.Select(static (name, i) => $"mov.u32 %r2, {name};\nst.global.u32 [%rd2+{4 * i}], %r2;")) + "\nret;";
        uint[] output = SmallKernel.Run<uint, uint>(body, 0, null, [0], 2 * 3 * 2 * 60 * 14, grid: new(2, 3, 2), block: new(5, 4, 3));
        var expected = from cz in Enumerable.Range(0, 2)
                       from cy in Enumerable.Range(0, 3)
                       from cx in Enumerable.Range(0, 2)
                       from z in Enumerable.Range(0, 3)
                       from y in Enumerable.Range(0, 4)
                       from x in Enumerable.Range(0, 5)
                       let thread = (((z * 4) + y) * 5) + x
                       select string.Join(' ', x, y, z, 5, 4, 3, cx, cy, cz, 2, 3, 2, thread % 32, thread / 32);
        Assert.Equal(expected.Order(), output.Chunk(14).Select(static one => string.Join(' ', one)).Order());
    }

    private static string ProblemOf(string lines, int threads)
    {
        // %rd8 is the number of the thread, and %rd9 its own place in the input.
        const string More = "cvt.u64.u32 %rd8, %r1; mov.u32 %r9, %ctaid.x; mul.wide.u32 %rd9, %r9, 256; add.s64 %rd9, %rd9, %rd1; add.s64 %rd9, %rd9, %rd3; ";
        string body = ".local .align 16 .b8 depot[36];\n" + Begin + string.Join(";\n", (More + lines + " ret;").Split("; ")).Replace(": ", ":\n", StringComparison.Ordinal);
        return SmallKernel.ProblemOf(body, threads, "tile[256]", new byte[threads == 64 ? 512 : 256], 8, threads == 64 ? new(2, 1, 1) : null);
    }
}
