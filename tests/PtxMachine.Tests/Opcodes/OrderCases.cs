namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>Barriers, branches, ends of threads, and addresses of all spaces.</summary>
internal static class OrderCases
{
    public static IEnumerable<OpcodeCase> All => [.. Order, .. Addresses];

    private static IEnumerable<OpcodeCase> Order
    {
        get
        {
            yield return new("bar.sync", static () => Reversed("bar.sync 0;", 100, [0, 1, 2, 7]));
            yield return new("bar.warp.sync", static () => Reversed("bar.warp.sync -1;", 32, [0, 1, 2]).Concat(Reversed("bar.warp.sync 0x3ff;", 10, [0])));
            foreach (string fence in new[] { "membar.cta", "membar.gl" })
                yield return new(fence, () => Reversed($"{fence};\nbar.sync 0;\n{fence};", 70, [0]));
            foreach (string branch in new[] { "bra", "bra.uni" })
                yield return new(branch, () => Loop(branch));
            foreach (string end in new[] { "ret", "exit" })
                yield return new(end, () => Ends(end));
        }
    }

    // Each thread reads what another thread wrote before the barrier, twice.
    private static IEnumerable<string> Reversed(string barrier, int threads, ulong[] orders)
    {
        string body = WarpCases.Begin + $"""
            mov.u64 %rd4, tile;
            add.s64 %rd4, %rd4, %rd3;
            sub.s32 %r2, {threads - 1}, %r1;
            mul.wide.u32 %rd5, %r2, 8;
            mov.u64 %rd6, tile;
            add.s64 %rd5, %rd5, %rd6;
            ld.global.u64 %rd7, [%rd1];
            st.shared.u64 [%rd4], %rd7;
            {barrier}
            ld.shared.u64 %rd7, [%rd5];
            {barrier}
            st.shared.u64 [%rd5], %rd7;
            add.s64 %rd7, %rd7, 1;
            {barrier}
            ld.shared.u64 %rd8, [%rd4];
            add.s64 %rd7, %rd7, %rd8;
            st.global.u64 [%rd2], %rd7;
            ret;
            """;
        ulong[] input = [.. Enumerable.Range(0, threads).Select(static i => (ulong)(i * i))];
        foreach (ulong order in orders)
        {
            ulong[] output = SmallKernel.Run<ulong, ulong>(body, threads, "tile[1024]", input, threads, order);
            ulong[] right = [.. input.Select((value, i) => input[threads - 1 - i] + 1 + value)];
            if (!output.SequenceEqual(right))
                yield return $"{barrier} in order {order}: {string.Join(' ', output)}";
        }
    }

    // Each lane adds its number of times, and skips odd steps.
    private static IEnumerable<string> Loop(string branch)
    {
        string body = WarpCases.Begin + $"""
            mov.u32 %r2, 0;
            mov.u32 %r3, 0;
            $loop:
            setp.ge.u32 %p1, %r2, %r1;
            @%p1 bra $end;
            and.b32 %r4, %r2, 1;
            add.s32 %r2, %r2, 1;
            setp.eq.u32 %p2, %r4, 1;
            @!%p2 bra $even;
            {branch} $loop;
            $even:
            add.s32 %r3, %r3, %r2;
            {branch} $loop;
            $end:
            st.global.u32 [%rd2], %r3;
            ret;
            """;
        uint[] output = SmallKernel.Run<ulong, uint>(body, 50, null, [], 100);
        return Enumerable.Range(0, 50).Where(i => output[2 * i] != Enumerable.Range(0, i).Where(static k => k % 2 == 0).Sum(static k => k + 1))
            .Select(i => $"{branch}: thread {i} gives {output[2 * i]}");
    }

    // Some lanes end, and a whole warp. The others go on, also through a barrier.
    private static IEnumerable<string> Ends(string end)
    {
        string body = WarpCases.Begin + $"""
            rem.u32 %r2, %r1, 3;
            setp.eq.u32 %p1, %r2, 0;
            setp.gt.u32 %p2, %r1, 63;
            st.global.u32 [%rd2], 1;
            @%p1 {end};
            @%p2 {end};
            bar.sync 0;
            st.global.u32 [%rd2], 2;
            {end};
            """;
        uint[] output = SmallKernel.Run<ulong, uint>(body, 96, null, [], 192);
        return Enumerable.Range(0, 96).Where(i => output[2 * i] != (i % 3 == 0 || i > 63 ? 1 : 2)).Select(i => $"{end}: thread {i} gives {output[2 * i]}");
    }

    // A value goes out at one address and comes back at the other.
    private static IEnumerable<OpcodeCase> Addresses
    {
        get
        {
            ulong[] values = [.. Enumerable.Range(0, 40).Select(static i => (ulong)i * 0x0123456789abcdef)];
            OpcodeCase Case(string opcode, string body) => OpcodeCase.WithBody(opcode, "ld.global.u64 %rd5, [%rd1];\n" + body + "\nst.global.u64 [%rd2], %rd6;", values, static x => x);
            const string OwnShared = "mov.u64 %rd4, tile;\nadd.s64 %rd4, %rd4, %rd3;\n";
            // Local memory of an odd size: the variables of all threads must be aligned.
            const string OwnLocal = ".local .align 16 .b8 depot[36];\nmov.u64 %rd4, depot;\n";
            yield return Case("cvta.shared.u64", OwnShared + "cvta.shared.u64 %rd7, %rd4;\nst.u64 [%rd7], %rd5;\nld.shared.u64 %rd6, [%rd4];");
            yield return Case("cvta.to.shared.u64", OwnShared + "cvta.shared.u64 %rd7, %rd4;\ncvta.to.shared.u64 %rd8, %rd7;\nst.shared.u64 [%rd8], %rd5;\nld.u64 %rd6, [%rd7];");
            yield return Case("cvta.local.u64", OwnLocal + "cvta.local.u64 %rd7, %rd4;\nst.v2.u64 [%rd7+16], {%rd5, %rd5};\nld.local.u64 %rd6, [%rd4+24];");
            yield return Case("cvta.local.u64", OwnLocal + "st.local.u64 [%rd4+8], %rd5;\ncvta.local.u64 %rd7, %rd4;\nld.v2.u64 {%rd8, %rd6}, [%rd7];");
            yield return Case("cvta.to.global.u64", "cvta.to.global.u64 %rd7, %rd1;\nld.global.u64 %rd6, [%rd7];");
            yield return Case("cvta.global.u64", "cvta.global.u64 %rd7, %rd1;\nld.u64 %rd6, [%rd7];");
            string first = $"{BitConverter.ToUInt64(SmallKernel.Pattern, 8)}";
            foreach (var (opcode, load) in new[] { ("cvta.const.u64", "ld.u64"), ("cvta.to.const.u64", "ld.const.u64") })
                yield return Case(opcode, $"mov.u64 %rd4, table;\n{opcode} %rd7, %rd4;\n{load} %rd6, [%rd7+8];\nsub.s64 %rd6, %rd6, {first};\nadd.s64 %rd6, %rd6, %rd5;");
            // A pointer in a register of 32 bits, and a negative offset.
            yield return Case("ld.shared.u64", OwnShared + "st.shared.u64 [%rd4], %rd5;\ncvt.u32.u64 %r2, %rd4;\nadd.s32 %r2, %r2, 8;\nld.shared.u64 %rd6, [%r2+-8];");
            yield return Case("ld.shared.u64", OwnShared + "st.shared.u64 [%rd4], %rd5;\ncvt.u32.u64 %r2, %rd4;\nsub.s32 %r2, %r2, 512;\nld.shared.u64 %rd6, [%r2+512];");
        }
    }
}
