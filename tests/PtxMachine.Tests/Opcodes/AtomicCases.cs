using System.Numerics;

namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>Atomic changes in global and shared memory, and at generic addresses of both.</summary>
internal static class AtomicCases
{
    public static IEnumerable<OpcodeCase> All
    {
        get
        {
            foreach (var type in IntegerCases.Types("u32", "s32", "u64", "s64"))
            {
                foreach (var one in OfInteger("add", type, static (a, b) => a + b).Concat(OfInteger("min", type, BigInteger.Min)).Concat(OfInteger("max", type, BigInteger.Max)))
                    yield return one;
            }
            foreach (var type in IntegerCases.Types("b32", "b64"))
            {
                foreach (var one in OfInteger("and", type, static (a, b) => a & b).Concat(OfInteger("or", type, static (a, b) => a | b)).Concat(OfInteger("xor", type, static (a, b) => a ^ b)))
                    yield return one;
                foreach (string space in Spaces)
                {
                    yield return Case($"atom{space}.exch.{type.Name}", type.Kind, [type.Values, type.Values, [0]], static x => x[1]);
                    yield return Case($"atom{space}.cas.{type.Name}", type.Kind, [type.Values, type.Values, [5]], static x => x[0] == x[1] ? x[2] : x[0]);
                }
            }
            foreach (string space in Spaces)
            {
                // The manual: in global memory, sums of f32 have no subnormal numbers.
                ulong Flushed(ulong value) => space != ".shared" && (value & Format.F32.Infinity) == 0 ? value & Format.F32.Sign : value;
                ulong[] values = Values.OfFloat(Format.F32), wide = Values.OfFloat(Format.F64);
                foreach (string name in new[] { "atom", "red" })
                {
                    yield return Case($"{name}{space}.add.f32", "f", [values, values, [0]], x => Flushed(Format.F32.Add(Flushed(x[0]), Flushed(x[1]))), Format.F32);
                    yield return Case($"{name}{space}.add.f64", "fd", [wide, wide, [0]], static x => Format.F64.Add(x[0], x[1]), Format.F64);
                }
            }
        }
    }

    private static readonly string[] Spaces = ["", ".global", ".shared"];

    private static IEnumerable<OpcodeCase> OfInteger(string operation, IntegerType type, Func<BigInteger, BigInteger, BigInteger> function) =>
        from name in new[] { "atom", "red" }
        from space in Spaces
        select Case($"{name}{space}.{operation}.{type.Name}", type.Kind, [type.Values, type.Values, [0]], x => type.BitsOf(function(type.Of(x[0]), type.Of(x[1]))));

    // Each thread changes its own value, at first x[0], with the operands x[1] and x[2].
    private static OpcodeCase Case(string opcode, string kind, ulong[][] operands, Func<ulong[], ulong> expected, Format? format = null) => new(opcode, () => Run(opcode, kind, operands, expected, format));

    private static IEnumerable<string> Run(string opcode, string kind, ulong[][] operands, Func<ulong[], ulong> expected, Format? format)
    {
        var (type, bytes) = kind switch { "r" => ("u32", 4), "f" => ("f32", 4), "rd" => ("u64", 8), _ => ("f64", 8) };
        bool isShared = opcode.Contains(".shared", StringComparison.Ordinal), returns = opcode.StartsWith("atom", StringComparison.Ordinal);
        string space = isShared ? "shared" : "global", third = opcode.Contains(".cas.", StringComparison.Ordinal) ? $", %{kind}12" : "";
        string body = $"""
            mov.u32 %r1, %tid.x;
            ld.param.u64 %rd1, [input];
            ld.param.u64 %rd2, [output];
            mul.wide.u32 %rd3, %r1, 24;
            add.s64 %rd1, %rd1, %rd3;
            mul.wide.u32 %rd3, %r1, 16;
            add.s64 %rd2, %rd2, %rd3;
            mov.u64 %rd4, {(isShared ? "tile" : "%rd1")};
            {(isShared ? $"mul.wide.u32 %rd3, %r1, 8;\nadd.s64 %rd4, %rd4, %rd3;" : "")}
            ld.global.{type} %{kind}10, [%rd1];
            ld.global.{type} %{kind}11, [%rd1+8];
            ld.global.{type} %{kind}12, [%rd1+16];
            st.{space}.{type} [%rd4], %{kind}10;
            mov.{type} %{kind}13, %{kind}10;
            rem.u32 %r2, %r1, 5;
            setp.ne.u32 %p1, %r2, 3;
            {(returns ? $"mov.{type} %{kind}13, %{kind}12;" : "")}
            @%p1 {opcode} {(returns ? $"%{kind}13, " : "")}[%rd4], %{kind}11{third};
            ld.{space}.{type} %{kind}14, [%rd4];
            st.global.{type} [%rd2], %{kind}13;
            st.global.{type} [%rd2+8], %{kind}14;
            ret;
            """;
        ulong[][] all = [.. from a in operands[0] from b in operands[1] from c in operands[2] select new[] { a, b, c }];
        foreach (ulong[][] some in all.Chunk(500))
        {
            ulong[] output = SmallKernel.Run<ulong, ulong>(body, some.Length, "tile[4096]", [.. some.SelectMany(static x => x)], 2 * some.Length);
            for (int thread = 0; thread < some.Length; thread++)
            {
                bool runs = thread % 5 != 3;
                ulong mask = ulong.MaxValue >> (64 - (8 * bytes)), right = (runs ? expected(some[thread]) : some[thread][0]) & mask, old = (runs || !returns ? some[thread][0] : some[thread][2]) & mask;
                ulong result = output[(2 * thread) + 1], returned = output[2 * thread];
                if (returned != old || (result != right && !(format?.IsNaN(right) == true && format.IsNaN(result))))
                    yield return $"{opcode} {string.Join(", ", some[thread].Select(static value => $"{value:x}"))} gives {returned:x} and {result:x} instead of {old:x} and {right:x}";
            }
        }
    }
}
