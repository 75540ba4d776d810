namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>
/// Loads and stores in all spaces, of all types and vectors, with registers as wide as the type and wider.
/// </summary>
internal static class MemoryCases
{
    private const int Threads = 41, PatternBytes = 64;

    private static readonly string[] Types = ["b8", "u8", "s8", "b16", "u16", "s16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"];

    public static IEnumerable<OpcodeCase> All
    {
        get
        {
            foreach (string type in Types)
            {
                var integer = new IntegerType(type);
                foreach (int count in new[] { 1, 2, 4 }.Where(count => count * integer.Bits <= 128))
                {
                    string vector = count == 1 ? "" : $".v{count}";
                    foreach (string kind in KindsFor(type))
                    {
                        foreach (string space in new[] { "", ".global", ".shared", ".local", ".param", ".const", ".global.nc" })
                            yield return new($"ld{space}{vector}.{type}", () => Load($"ld{space}{vector}.{type}", space, integer, count, kind));
                        foreach (string space in new[] { "", ".global", ".shared", ".local" })
                            yield return new($"st{space}{vector}.{type}", () => Store($"st{space}{vector}.{type}", space, integer, count, kind));
                    }
                }
            }
        }
    }

    private static string[] KindsFor(string type) => type switch
    {
        "f32" => ["f"],
        "f64" => ["fd"],
        "b64" or "u64" or "s64" => ["rd"],
        "b32" => ["r", "rd", "f"],
        "u32" or "s32" => ["r", "rd"],
        _ => ["rs", "r", "rd"],
    };

    private static (int Bits, string Type) OfRegister(string kind) => kind switch { "rs" => (16, "u16"), "r" => (32, "u32"), "rd" => (64, "u64"), "f" => (32, "f32"), _ => (64, "f64") };

    // The start of all: %rd1 is the input, %rd2 the output of the thread, 32 bytes. %p1 is false in some lanes.
    private const string Begin = """
        mov.u32 %r1, %tid.x;
        ld.param.u64 %rd1, [input];
        ld.param.u64 %rd2, [output];
        mul.wide.u32 %rd3, %r1, 32;
        add.s64 %rd2, %rd2, %rd3;
        rem.u32 %r2, %r1, 3;
        setp.ne.u32 %p1, %r2, 1;
        setp.eq.u32 %p2, %r1, 0;

        """;

    private static string Each(int count, Func<int, string> line) => string.Join('\n', Enumerable.Range(0, count).Select(line)) + "\n";

    // Thread t loads from byte t * bytes of the pattern.
    private static IEnumerable<string> Load(string opcode, string space, IntegerType type, int count, string kind)
    {
        int bytes = type.Bits / 8 * count;
        var (registerBits, registerType) = OfRegister(kind);
        string body = Begin + space switch
        {
            ".shared" => "mov.u64 %rd4, tile;\n" + Each(PatternBytes / 8, static i => $"@%p2 ld.global.u64 %rd3, [%rd1+{8 * i}];\n@%p2 st.shared.u64 [%rd4+{8 * i}], %rd3;") + "bar.sync 0;\n",
            ".local" => ".local .align 16 .b8 depot[64];\nmov.u64 %rd4, depot;\n" + Each(PatternBytes / 8, static i => $"ld.global.u64 %rd3, [%rd1+{8 * i}];\nst.local.u64 [%rd4+{8 * i}], %rd3;"),
            ".param" => "mov.u64 %rd4, block;\n",
            ".const" => "mov.u64 %rd4, table;\n",
            _ => "mov.u64 %rd4, %rd1;\n",
        } + $"""
            mul.lo.u32 %r3, %r1, {bytes};
            and.b32 %r3, %r3, {PatternBytes - 1};
            cvt.u64.u32 %rd3, %r3;
            add.s64 %rd4, %rd4, %rd3;
            {Each(count, i => $"mov.{registerType} %{kind}{10 + i}, {i + 5};")}
            @%p1 {opcode} {List(kind, count)}, [%rd4];
            {Each(count, i => $"st.global.{registerType} [%rd2+{8 * i}], %{kind}{10 + i};")}
            ret;
            """;
        byte[] output = SmallKernel.Run<byte, byte>(body, Threads, "tile[64]", SmallKernel.Pattern, Threads * 32);
        for (int thread = 0; thread < Threads; thread++)
        {
            for (int i = 0; i < count; i++)
            {
                int at = (thread * bytes % PatternBytes) + (i * type.Bits / 8);
                ulong value = Bits(SmallKernel.Pattern, at, type.Bits / 8);
                ulong right = thread % 3 == 1 ? (ulong)i + 5 : new IntegerType($"u{registerBits}").BitsOf(type.Of(value));
                ulong result = Bits(output, (thread * 32) + (8 * i), 8);
                if (result != right)
                    yield return $"{opcode} of %{kind}{10 + i} in thread {thread} gives {result:x} instead of {right:x}";
            }
        }
    }

    // Each thread stores into its own 32 bytes, the first element at byte 16, or 0 for a vector of 32 bytes.
    private static IEnumerable<string> Store(string opcode, string space, IntegerType type, int count, string kind)
    {
        var (registerBits, registerType) = OfRegister(kind);
        string direct = space.Length == 0 ? ".global" : space;
        string body = Begin + space switch
        {
            ".shared" => "mov.u64 %rd4, tile;\nmul.wide.u32 %rd3, %r1, 32;\nadd.s64 %rd4, %rd4, %rd3;\n",
            ".local" => ".local .align 16 .b8 depot[36];\nmov.u64 %rd4, depot;\n",
            _ => "mov.u64 %rd4, %rd2;\n",
        } + $"""
            {Each(4, i => $"st{direct}.u64 [%rd4+{8 * i}], {i + 1};")}
            {Each(count, i => $"ld.global.{registerType} %{kind}{10 + i}, [%rd1+{8 * i}];")}
            @%p1 {opcode} [%rd4+16], {List(kind, count)};
            {Each(4, i => $"ld{direct}.u64 %rd{5 + i}, [%rd4+{8 * i}];")}
            {Each(4, i => $"st.global.u64 [%rd2+{8 * i}], %rd{5 + i};")}
            ret;
            """;
        byte[] output = SmallKernel.Run<byte, byte>(body, Threads, $"tile[{32 * Threads}]", SmallKernel.Pattern, Threads * 32);
        byte[] right = new byte[32];
        for (int thread = 0; thread < Threads; thread++)
        {
            for (int i = 0; i < 4; i++)
                BitConverter.TryWriteBytes(right.AsSpan(8 * i), i + 1L);
            for (int i = 0; i < count && thread % 3 != 1; i++)
                SmallKernel.Pattern.AsSpan(8 * i, type.Bits / 8).CopyTo(right.AsSpan(16 + (i * type.Bits / 8)));
            byte[] result = output[(thread * 32)..((thread + 1) * 32)];
            if (!result.SequenceEqual(right))
                yield return $"{opcode} of %{kind}10 ({registerBits} bits) in thread {thread} gives {Convert.ToHexString(result)} instead of {Convert.ToHexString(right)}";
        }
    }

    private static string List(string kind, int count) => count == 1 ? $"%{kind}10" : $"{{{string.Join(", ", Enumerable.Range(10, count).Select(i => $"%{kind}{i}"))}}}";

    private static ulong Bits(byte[] bytes, int at, int count) => Enumerable.Range(0, count).Aggregate(0UL, (value, i) => value | (ulong)bytes[at + i] << (8 * i));
}
