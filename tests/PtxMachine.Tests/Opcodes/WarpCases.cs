namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>What lanes do together: shuffles, votes and matrices.</summary>
internal static class WarpCases
{
    private const int Lanes = 32;

    /// <summary>
    /// %rd1 is the input of the thread and %rd2 its output, 8 bytes each; %rd3 is the distance of both from the first.
    /// </summary>
    public const string Begin = """
        mov.u32 %r1, %tid.x;
        ld.param.u64 %rd1, [input];
        ld.param.u64 %rd2, [output];
        mul.wide.u32 %rd3, %r1, 8;
        add.s64 %rd1, %rd1, %rd3;
        add.s64 %rd2, %rd2, %rd3;

        """;

    public static IEnumerable<OpcodeCase> All => [.. Shuffles, .. Votes, .. Matrices];

    private static IEnumerable<OpcodeCase> Shuffles => from mode in new[] { "up", "down", "bfly", "idx" } select new OpcodeCase($"shfl.sync.{mode}.b32", () => Shuffle(mode));

    // Segments of 32, 16, 8 and 2 lanes, clamps inside of them, and a different distance in each lane.
    private static IEnumerable<string> Shuffle(string mode)
    {
        uint[] clamps = [0x1f, 0, 0x101f, 0x1000, 0x180f, 0x1807, 0x1e1f, 0x1e00, 0x0c1f, 7, 0xffffffff];
        foreach (uint clamp in clamps)
        {
            foreach (uint distance in new uint[] { 0, 1, 2, 3, 7, 8, 16, 31, 32, 33, 0xffffffff })
            {
                foreach (uint step in new uint[] { 0, 5 })
                {
                    foreach (string predicate in new[] { "|%p1", "" })
                    {
                        uint[] distances = [.. Enumerable.Range(0, Lanes).Select(lane => distance + (step * (uint)lane))];
                        string body = Begin + "ld.global.v2.u32 {%r3, %r4}, [%rd1];\nadd.s32 %r2, %r1, 100;\nsetp.eq.u32 %p1, %r1, 99;\n"
                            + $"shfl.sync.{mode}.b32 %r2{predicate}, %r2, %r3, %r4, -1;\nselp.u32 %r3, 1, 0, %p1;\nst.global.v2.u32 [%rd2], " + "{%r2, %r3};\nret;";
                        uint[] output = SmallKernel.Run<uint, uint>(body, Lanes, null, [.. distances.SelectMany(x => new[] { x, clamp })], 2 * Lanes);
                        for (int lane = 0; lane < Lanes; lane++)
                        {
                            var (source, isWithin) = Source(mode, lane, (int)(distances[lane] & 31), clamp);
                            if (output[2 * lane] != 100 + source || output[(2 * lane) + 1] != (isWithin && predicate.Length > 0 ? 1u : 0))
                                yield return $"{mode} {distances[lane]:x} {clamp:x} in lane {lane} gives {(int)output[2 * lane] - 100} instead of {source}";
                        }
                    }
                }
            }
        }
    }

    private static (int Source, bool IsWithin) Source(string mode, int lane, int distance, uint clamp)
    {
        // Bits of the lane that a segment has in common; the others count inside of it.
        int common = (int)(clamp >> 8) & 31, begin = lane & common, last = begin + ((int)clamp & (31 - common));
        int source = mode switch
        {
            "up" => lane - distance,
            "down" => lane + distance,
            "bfly" => lane ^ distance,
            _ => begin + (distance & (31 - common)),
        };
        bool isWithin = mode == "up" ? source >= last : source <= last;
        return (isWithin ? source : lane, isWithin);
    }

    private static IEnumerable<OpcodeCase> Votes
    {
        get
        {
            uint[] patterns = [0, uint.MaxValue, 1, 0x80000000, 0x5a3c9671, 0x000fffff];
            yield return new("vote.sync.ballot.b32", () => patterns.SelectMany(static votes => Vote("vote.sync.ballot.b32 %r2, %p1, %r5;", votes, static (votes, lanes) => votes & lanes)));
            yield return new("vote.sync.any.pred", () => patterns.SelectMany(static votes => Vote("vote.sync.any.pred %p2, %p1, %r5;\nselp.u32 %r2, 1, 0, %p2;", votes, static (votes, lanes) => (votes & lanes) != 0 ? 1u : 0)));
            yield return new("vote.sync.all.pred", () => patterns.SelectMany(static votes => Vote("vote.sync.all.pred %p2, %p1, %r5;\nselp.u32 %r2, 1, 0, %p2;", votes, static (votes, lanes) => (votes & lanes) == lanes ? 1u : 0)));
            yield return new("activemask.b32", static () => Vote("activemask.b32 %r2;", 0, static (_, lanes) => lanes));
        }
    }

    // In a whole warp, in one with 20 lanes, and in two groups of lanes that took different ways.
    private static IEnumerable<string> Vote(string instruction, uint votes, Func<uint, uint, uint> expected)
    {
        foreach (int threads in new[] { Lanes, 20 })
        {
            uint all = uint.MaxValue >> (Lanes - threads);
            foreach (uint group in new[] { uint.MaxValue, 0x0f0f3301u })
            {
                string body = Begin + $"""
                    mov.u32 %r7, 1;
                    shl.b32 %r7, %r7, %r1;
                    and.b32 %r8, %r7, {votes};
                    setp.ne.u32 %p1, %r8, 0;
                    and.b32 %r8, %r7, {group};
                    setp.eq.u32 %p3, %r8, 0;
                    mov.u32 %r5, {group & all};
                    @%p3 bra $other;
                    {instruction}
                    bra $end;
                    $other:
                    mov.u32 %r5, {~group & all};
                    {instruction}
                    $end:
                    st.global.u32 [%rd2], %r2;
                    ret;
                    """;
                uint[] output = SmallKernel.Run<ulong, uint>(body, threads, null, [], 2 * threads);
                for (int lane = 0; lane < threads; lane++)
                {
                    uint lanes = (group >> lane & 1) != 0 ? group & all : ~group & all;
                    if (output[2 * lane] != expected(votes, lanes))
                        yield return $"{instruction} of {votes:x8} in lane {lane} of {lanes:x8} gives {output[2 * lane]:x}";
                }
            }
        }
    }

    private static IEnumerable<OpcodeCase> Matrices
    {
        get
        {
            foreach (int count in new[] { 1, 2, 4 })
            {
                foreach (string transposed in new[] { "", ".trans" })
                    yield return new($"ldmatrix.sync.aligned.m8n8.x{count}{transposed}.shared.b16", () => LoadMatrices($"ldmatrix.sync.aligned.m8n8.x{count}{transposed}.shared.b16", count, transposed.Length > 0));
            }
            yield return new("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", Multiply);
        }
    }

    // Row r of matrix m, 8 numbers, is at 16 * ((8 m + r) * 5 mod 32). Number n of the memory is n + 1.
    private static IEnumerable<string> LoadMatrices(string opcode, int count, bool isTransposed)
    {
        string body = $$"""
            mov.u32 %r1, %tid.x;
            ld.param.u64 %rd1, [input];
            ld.param.u64 %rd2, [output];
            mov.u64 %rd4, tile;
            mul.wide.u32 %rd3, %r1, 16;
            add.s64 %rd1, %rd1, %rd3;
            add.s64 %rd2, %rd2, %rd3;
            add.s64 %rd5, %rd4, %rd3;
            ld.global.v2.u64 {%rd8, %rd9}, [%rd1];
            st.shared.v2.u64 [%rd5+512], {%rd8, %rd9};
            bar.warp.sync -1;
            mul.lo.u32 %r2, %r1, 5;
            and.b32 %r2, %r2, 31;
            mul.wide.u32 %rd3, %r2, 16;
            add.s64 %rd5, %rd4, %rd3;
            {{opcode}} { {{string.Join(", ", Enumerable.Range(10, count).Select(static i => $"%r{i}"))}} }, [%rd5+512];
            {{string.Join('\n', Enumerable.Range(0, count).Select(static i => $"st.global.u32 [%rd2+{4 * i}], %r{10 + i};"))}}
            ret;
            """;
        ushort[] output = SmallKernel.Run<ushort, ushort>(body, Lanes, "tile[1024]", [.. Enumerable.Range(1, 256).Select(static i => (ushort)i)], Lanes * 8);
        for (int matrix = 0; matrix < count; matrix++)
        {
            for (int row = 0; row < 8; row++)
            {
                for (int column = 0; column < 8; column++)
                {
                    int number = (((matrix * 8) + row) * 5 % 32 * 8) + column + 1;
                    var (first, second) = isTransposed ? (column, row) : (row, column);
                    int lane = (first * 4) + (second / 2), result = output[(lane * 8) + (2 * matrix) + (second % 2)];
                    if (result != number)
                        yield return $"{opcode}: lane {lane} has {result} instead of {number}, row {row} and column {column} of matrix {matrix}";
                }
            }
        }
    }

    // Element (row, column) is in lane row % 8 * 4 + column % 8 / 2, as the figures of the manual show.
    private static IEnumerable<string> Multiply()
    {
        double[,] a = new double[16, 16], b = new double[16, 8], c = new double[16, 8];
        uint[] input = new uint[Lanes * 10]; // of each lane: 4 registers of a, 2 of b, 4 of c
        void Put(int lane, int register, int half, double value) => input[(lane * 10) + register] |= BitConverter.SingleToUInt32Bits((float)value) >> 16 << (16 * half);
        for (int row = 0; row < 16; row++)
        {
            for (int column = 0; column < 16; column++)
            {
                a[row, column] = (row * 16) + column - 100;
                Put((row % 8 * 4) + (column % 8 / 2), (row / 8) + (2 * (column / 8)), column % 2, a[row, column]);
                if (column >= 8)
                    continue;
                b[row, column] = (row * 8) + column - 50;
                Put((column * 4) + (row % 8 / 2), 4 + (row / 8), row % 2, b[row, column]);
                c[row, column] = (row * 1000) - column;
                input[(((row % 8 * 4) + (column / 2)) * 10) + 6 + (column % 2) + (2 * (row / 8))] = BitConverter.SingleToUInt32Bits((float)c[row, column]);
            }
        }
        string body = $$"""
            mov.u32 %r1, %tid.x;
            ld.param.u64 %rd1, [input];
            ld.param.u64 %rd2, [output];
            mul.wide.u32 %rd3, %r1, 40;
            add.s64 %rd1, %rd1, %rd3;
            mul.wide.u32 %rd3, %r1, 16;
            add.s64 %rd2, %rd2, %rd3;
            {{string.Join('\n', Enumerable.Range(0, 6).Select(static i => $"ld.global.u32 %r{2 + i}, [%rd1+{4 * i}];"))}}
            {{string.Join('\n', Enumerable.Range(0, 4).Select(static i => $"ld.global.f32 %f{1 + i}, [%rd1+{24 + (4 * i)}];"))}}
            mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f5, %f6, %f7, %f8}, {%r2, %r3, %r4, %r5}, {%r6, %r7}, {%f1, %f2, %f3, %f4};
            st.global.v4.f32 [%rd2], {%f5, %f6, %f7, %f8};
            ret;
            """;
        float[] output = SmallKernel.Run<uint, float>(body, Lanes, null, input, Lanes * 4);
        for (int row = 0; row < 16; row++)
        {
            for (int column = 0; column < 8; column++)
            {
                double right = c[row, column] + Enumerable.Range(0, 16).Sum(k => a[row, k] * b[k, column]);
                float result = output[(((row % 8 * 4) + (column / 2)) * 4) + (column % 2) + (2 * (row / 8))];
                if (result != right)
                    yield return $"mma: row {row}, column {column} is {result} instead of {right}";
            }
        }
    }
}
