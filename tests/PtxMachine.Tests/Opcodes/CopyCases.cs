namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>Asynchronous copies. Each arrives as late as it may: a read before its wait would be an error.</summary>
internal static class CopyCases
{
    public static IEnumerable<OpcodeCase> All
    {
        get
        {
            foreach (var (cache, size) in new[] { ("ca", 4), ("ca", 8), ("ca", 16), ("cg", 16) })
                yield return new($"cp.async.{cache}.shared.global", () => Sizes(cache, size));
            yield return new("cp.async.wait_all", () => Groups("cp.async.wait_all;", 1, 2, 3, 4));
            yield return new("cp.async.commit_group", () => Groups("cp.async.wait_group 0;", 1, 2, 3));
            yield return new("cp.async.wait_group", () => Groups("cp.async.wait_group 1;", 1, 2).Concat(Groups("cp.async.wait_group 2;", 1)).Concat(Groups("cp.async.wait_group 3;")));
        }
    }

    // All sizes of the source, as a constant and in a register. The rest is 0, and bytes behind the source are not
    // read.
    private static IEnumerable<string> Sizes(string cache, int size)
    {
        byte[] input = [.. Enumerable.Range(1, size).Select(static i => (byte)(i + 100))];
        for (int has = 0; has <= size; has++)
        {
            foreach (string operand in has == size ? ["", $", {has}", ", %r2"] : new[] { $", {has}", ", %r2" })
            {
                byte[] source = input[..has];
                string body = $$"""
                    ld.param.u64 %rd1, [input];
                    ld.param.u64 %rd2, [output];
                    mov.u64 %rd4, tile;
                    mov.u32 %r2, {{has}};
                    cp.async.{{cache}}.shared.global [%rd4+16], [%rd1], {{size}}{{operand}};
                    cp.async.wait_all;
                    ld.shared.v2.u64 {%rd5, %rd6}, [%rd4+16];
                    st.global.v2.u64 [%rd2], {%rd5, %rd6};
                    ret;
                    """;
                byte[] output = SmallKernel.Run<byte, byte>(body, 1, "tile[32]", source, 16);
                byte[] right = [.. source, .. new byte[size - has], .. Enumerable.Repeat((byte)0xff, 16 - size)];
                if (!output.SequenceEqual(right))
                    yield return $"cp.async.{cache} of {has} of {size} bytes gives {Convert.ToHexString(output)}";
            }
        }
    }

    // Three groups with a copy each, and a fourth copy in none. What a wait does not cover arrives with none of it:
    // the source changes after the wait, and a second wait brings the new value.
    private static IEnumerable<string> Groups(string wait, params int[] covered)
    {
        string body = $$"""
            ld.param.u64 %rd1, [input];
            ld.param.u64 %rd2, [output];
            mov.u64 %rd4, tile;
            cp.async.ca.shared.global [%rd4], [%rd1], 4;
            cp.async.commit_group;
            cp.async.ca.shared.global [%rd4+4], [%rd1+4], 4;
            cp.async.commit_group;
            cp.async.ca.shared.global [%rd4+8], [%rd1+8], 4;
            cp.async.commit_group;
            cp.async.ca.shared.global [%rd4+12], [%rd1+12], 4;
            {{wait}}
            st.global.u32 [%rd1], 11;
            st.global.u32 [%rd1+4], 12;
            st.global.u32 [%rd1+8], 13;
            st.global.u32 [%rd1+12], 14;
            cp.async.wait_all;
            ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [%rd4];
            st.global.v4.u32 [%rd2], {%r1, %r2, %r3, %r4};
            ret;
            """;
        uint[] output = SmallKernel.Run<uint, uint>(body, 1, "tile[16]", [1, 2, 3, 4], 4);
        uint[] right = [.. Enumerable.Range(1, 4).Select(i => (uint)(covered.Contains(i) ? i : i + 10))];
        return output.SequenceEqual(right) ? [] : [$"{wait} gives {string.Join(' ', output)} instead of {string.Join(' ', right)}"];
    }
}
