using System.Globalization;
using System.Numerics;

namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>An integer type of PTX, or bits.</summary>
internal sealed record IntegerType(string Name)
{
    public int Bits { get; } = int.Parse(Name.AsSpan(1), CultureInfo.InvariantCulture);

    public bool IsSigned => Name[0] == 's';

    /// <summary>The registers that hold it.</summary>
    public string Kind => Bits == 64 ? "rd" : Bits == 32 ? "r" : "rs";

    public ulong[] Values => Opcodes.Values.OfInteger(Bits);

    public BigInteger Of(ulong bits)
    {
        bits &= ulong.MaxValue >> (64 - Bits);
        return IsSigned && (bits >> (Bits - 1) & 1) != 0 ? bits - (BigInteger.One << Bits) : bits;
    }

    /// <summary>The low bits of a number.</summary>
    public ulong BitsOf(BigInteger value) => (ulong)(value & ((BigInteger.One << Bits) - 1));

    public BigInteger Least => IsSigned ? -(BigInteger.One << (Bits - 1)) : 0;

    public BigInteger Largest => (BigInteger.One << (IsSigned ? Bits - 1 : Bits)) - 1;
}

/// <summary>Integers, bits, shifts, predicates and moves.</summary>
internal static class IntegerCases
{
    private static readonly string[] Comparisons = ["eq", "ne", "lt", "le", "gt", "ge"];

    public static IEnumerable<OpcodeCase> All => [.. Arithmetic, .. Products, .. Bits, .. Shifts, .. Moves, .. Predicates];

    private static IEnumerable<OpcodeCase> Arithmetic
    {
        get
        {
            foreach (var type in Types("s16", "u16", "s32", "u32", "s64", "u64"))
            {
                yield return Two("add", type, static (a, b) => a + b);
                yield return Two("sub", type, static (a, b) => a - b);
                yield return Two("mul.lo", type, static (a, b) => a * b);
                yield return Two("min", type, static (a, b) => BigInteger.Min(a, b));
                yield return Two("max", type, static (a, b) => BigInteger.Max(a, b));
                foreach (string comparison in Comparisons)
                    yield return Comparison(comparison, type);
                if (type.Bits == 16)
                    continue;
                yield return OpcodeCase.Of($"mad.lo.{type.Name}", $"{type.Kind} {type.Kind} {type.Kind} {type.Kind}", [type.Values, type.Values, type.Values],
                    x => type.BitsOf((type.Of(x[0]) * type.Of(x[1])) + type.Of(x[2])));
                // The manual leaves a division by zero open. The quotient is rounded towards zero.
                yield return Two("div", type, static (a, b) => b.IsZero ? null : BigInteger.Divide(a, b));
                yield return Two("rem", type, static (a, b) => b.IsZero ? null : BigInteger.Remainder(a, b));
                if (!type.IsSigned)
                    continue;
                yield return One("neg", type, type, static a => -a);
                yield return One("abs", type, type, BigInteger.Abs);
            }
            foreach (var type in Types("b16", "b32", "b64"))
            {
                yield return Comparison("eq", type);
                yield return Comparison("ne", type);
            }
        }
    }

    private static IEnumerable<OpcodeCase> Products
    {
        get
        {
            foreach (var type in Types("s16", "u16", "s32", "u32"))
            {
                var wide = new IntegerType($"{type.Name[0]}{2 * type.Bits}");
                yield return OpcodeCase.Of($"mul.wide.{type.Name}", $"{wide.Kind} {type.Kind} {type.Kind}", [type.Values, type.Values],
                    x => wide.BitsOf(type.Of(x[0]) * type.Of(x[1])));
            }
            foreach (var type in Types("s32", "u32", "s64", "u64"))
                yield return Two("mul.hi", type, (a, b) => a * b >> type.Bits);
        }
    }

    private static IEnumerable<OpcodeCase> Bits
    {
        get
        {
            var u32 = new IntegerType("u32");
            foreach (var type in Types("b16", "b32", "b64"))
            {
                yield return Two("and", type, static (a, b) => a & b);
                yield return Two("or", type, static (a, b) => a | b);
                yield return Two("xor", type, static (a, b) => a ^ b);
                yield return One("not", type, type, static a => -a - 1);
                if (type.Bits == 16)
                    continue;
                string Text(BigInteger value) => new([.. Enumerable.Range(1, type.Bits).Select(i => (value >> (type.Bits - i)).IsEven ? '0' : '1')]);
                yield return One("popc", type, u32, value => Text(value).Count(static bit => bit == '1'));
                yield return One("clz", type, u32, value => Text(value).TakeWhile(static bit => bit == '0').Count());
                yield return One("brev", type, type, value => Text(value).Select(static (bit, i) => bit == '1' ? BigInteger.One << i : 0).Aggregate(BigInteger.Add));
                ulong[] places = [0, 1, 5, 31, 32, 33, 63, 64, 255, 256 + 3];
                yield return OpcodeCase.Of($"bfi.{type.Name}", $"{type.Kind} {type.Kind} {type.Kind} r r", [[0, ulong.MaxValue, 0x5a3c9671e8d20fb4], [0, ulong.MaxValue], places, places],
                    x => Inserted(x[0], x[1], (int)(x[2] & 255), (int)(x[3] & 255), type));
            }
            yield return One("bfind.shiftamt", u32, u32, static value => value.IsZero ? -1 : 32 - value.GetBitLength());
        }
    }

    // Bit by bit, as the manual has it.
    private static ulong Inserted(ulong a, ulong b, int position, int length, IntegerType type)
    {
        for (int i = 0; i < length && position + i < type.Bits; i++)
            b = (b & ~(1UL << (position + i))) | (a >> i & 1) << (position + i);
        return type.BitsOf(b);
    }

    // Counts at the width and above move all bits out. The counts of constants are part of the text.
    private static IEnumerable<OpcodeCase> Shifts
    {
        get
        {
            ulong[] counts = [0, 1, 4, 15, 16, 17, 31, 32, 33, 63, 64, 65, 256, 0x80000000, uint.MaxValue];
            foreach (string opcode in new[] { "shl.b16", "shl.b32", "shl.b64", "shr.u16", "shr.s16", "shr.u32", "shr.s32", "shr.b32", "shr.u64", "shr.s64", "shr.b64" })
            {
                var type = new IntegerType(opcode[4..]);
                ulong Shifted(ulong value, ulong count) => type.BitsOf(opcode[2] == 'l' ? type.Of(value) << (int)Math.Min(count, 64) : type.Of(value) >> (int)Math.Min(count, 64));
                yield return OpcodeCase.Of(opcode, $"{type.Kind} {type.Kind} r", [type.Values, counts], x => Shifted(x[0], x[1]));
                foreach (ulong count in counts)
                    yield return OpcodeCase.Of(opcode, $"{type.Kind} {type.Kind} n{count}", [type.Values], x => Shifted(x[0], count));
            }
        }
    }

    private static IEnumerable<OpcodeCase> Moves
    {
        get
        {
            foreach (string name in new[] { "b16", "u16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64" })
            {
                var type = new IntegerType(name);
                string kind = name[0] == 'f' ? type.Bits == 32 ? "f" : "fd" : type.Kind;
                yield return OpcodeCase.Of($"mov.{name}", $"{kind} {kind}", [type.Values], x => type.BitsOf(x[0]));
                yield return OpcodeCase.Of($"selp.{name}", $"{kind} {kind} {kind} p", [type.Values, type.Values, [0, 1]], x => type.BitsOf(x[2] != 0 ? x[0] : x[1]));
            }
            foreach (var (number, bits) in new[] { ("-1", uint.MaxValue), ("0x7fFFffff", 0x7fffffffUL), ("017", 15UL), ("0b101", 5UL), ("12U", 12UL), ("0f3F800000", 0x3f800000UL) })
                yield return OpcodeCase.Of("mov.b32", $"r n{number}", [], _ => bits);
            foreach (var (number, bits) in new[] { ("-1", ulong.MaxValue), ("-9223372036854775808", 1UL << 63), ("18446744073709551615", ulong.MaxValue), ("0d3FF0000000000000", 0x3ff0000000000000UL) })
                yield return OpcodeCase.Of("mov.b64", $"rd n{number}", [], _ => bits);
            yield return OpcodeCase.WithBody("mov.b32", Split("b32", "rs", 2, "r"), [0x5a3c9671, 0x80017fff], static x => x & uint.MaxValue);
            yield return OpcodeCase.WithBody("mov.b64", Split("b64", "r", 2, "rd"), [0x5a3c9671e8d20fb4, 0x80000001ffffffff], static x => x);
            yield return OpcodeCase.WithBody("mov.b64", Split("b64", "rs", 4, "rd"), [0x5a3c9671e8d20fb4, 0x8001ffff7fff0001], static x => x);
        }
    }

    // Splits a register into parts, inverts them twice, which sets unused bits, and joins them. The first has the low
    // bits.
    private static string Split(string type, string part, int count, string whole)
    {
        string[] parts = [.. Enumerable.Range(1, count).Select(i => $"%{part}{i}")];
        string list = $"{{{string.Join(", ", parts)}}}";
        string bits = part == "r" ? "b32" : "b16";
        return $"""
            ld.global.{type} %{whole}10, [%rd1];
            mov.{type} {list}, %{whole}10;
            {string.Join('\n', parts.Select(register => $"not.{bits} {register}, {register};"))}
            mov.{type} %{whole}11, {list};
            not.{type} %{whole}11, %{whole}11;
            st.global.{type} [%rd2], %{whole}11;
            """;
    }

    private static IEnumerable<OpcodeCase> Predicates
    {
        get
        {
            ulong[] bits = [0, 1];
            yield return OpcodeCase.Of("mov.pred", "p p", [bits], static x => x[0]);
            yield return OpcodeCase.Of("mov.pred", "p n0", [], static _ => 0);
            yield return OpcodeCase.Of("mov.pred", "p n-1", [], static _ => 1);
            yield return OpcodeCase.Of("not.pred", "p p", [bits], static x => 1 - x[0]);
            yield return OpcodeCase.Of("and.pred", "p p p", [bits, bits], static x => x[0] & x[1]);
            yield return OpcodeCase.Of("or.pred", "p p p", [bits, bits], static x => x[0] | x[1]);
            yield return OpcodeCase.Of("xor.pred", "p p p", [bits, bits], static x => x[0] ^ x[1]);
        }
    }

    public static IEnumerable<IntegerType> Types(params string[] names) => names.Select(static name => new IntegerType(name));

    private static OpcodeCase One(string name, IntegerType type, IntegerType result, Func<BigInteger, BigInteger> function) =>
        OpcodeCase.Of($"{name}.{type.Name}", $"{result.Kind} {type.Kind}", [type.Values], x => result.BitsOf(function(type.Of(x[0]))));

    private static OpcodeCase Two(string name, IntegerType type, Func<BigInteger, BigInteger, BigInteger?> function) =>
        OpcodeCase.Of($"{name}.{type.Name}", $"{type.Kind} {type.Kind} {type.Kind}", [type.Values, type.Values],
            x => function(type.Of(x[0]), type.Of(x[1])) is { } value ? type.BitsOf(value) : null);

    private static OpcodeCase Comparison(string name, IntegerType type) =>
        OpcodeCase.Of($"setp.{name}.{type.Name}", $"p {type.Kind} {type.Kind}", [type.Values, type.Values], x => Holds(name, type.Of(x[0]).CompareTo(type.Of(x[1]))) ? 1UL : 0);

    public static bool Holds(string comparison, int order) => comparison switch
    {
        "eq" => order == 0,
        "ne" => order != 0,
        "lt" => order < 0,
        "le" => order <= 0,
        "gt" => order > 0,
        _ => order >= 0,
    };
}
