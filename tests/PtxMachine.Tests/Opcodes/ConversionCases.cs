using System.Numerics;

namespace VideoSim.PtxMachine.Tests.Opcodes;

/// <summary>Conversions between types, also with registers that are wider than the types.</summary>
internal static class ConversionCases
{
    private static readonly string[] Roundings = ["rzi", "rmi", "rpi", "rni"];
    private static readonly IntegerType[] Integers = [.. IntegerCases.Types("u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64")];

    public static IEnumerable<OpcodeCase> All => [.. BetweenIntegers, .. OfIntegersAndFloats, .. BetweenFloats];

    // A register may be wider than the type: the manual cuts a source, and extends a result by the sign of its type.
    private static IEnumerable<OpcodeCase> BetweenIntegers
    {
        get
        {
            foreach (var from in Integers)
            {
                foreach (var to in Integers)
                {
                    foreach (string source in RegistersFor(from))
                    {
                        foreach (string target in RegistersFor(to))
                        {
                            ulong garbage = 0xa5a5a5a5a5a5a5a5 << (from.Bits % 64) & (from.Bits == 64 ? 0 : ulong.MaxValue);
                            yield return OpcodeCase.Of($"cvt.{to.Name}.{from.Name}", $"{target} {source}", [[.. from.Values.Select(value => value | garbage)]],
                                x => Extended(to.BitsOf(from.Of(x[0])), to, target));
                        }
                    }
                }
            }
        }
    }

    private static IEnumerable<OpcodeCase> OfIntegersAndFloats
    {
        get
        {
            foreach (var integer in Integers)
            {
                foreach (string name in new[] { "f32", "f64" })
                {
                    var format = Format.Of(name);
                    string kind = name == "f32" ? "f" : "fd";
                    foreach (string register in RegistersFor(integer))
                    {
                        yield return OpcodeCase.Of($"cvt.rn.{name}.{integer.Name}", $"{kind} {register}", [[.. integer.Values, .. Ties(integer, format)]],
                            x => format.Round(integer.Of(x[0]).Sign < 0, BigInteger.Abs(integer.Of(x[0])), 1, Rounding.Nearest), format);
                        foreach (string rounding in Roundings)
                        {
                            ulong[] values = [.. Values.OfFloat(format), .. AroundEnds(integer, format)];
                            yield return OpcodeCase.Of($"cvt.{rounding}.{integer.Name}.{name}", $"{register} {kind}", [values],
                                x => Extended(Rounded(integer, format, x[0], rounding), integer, register));
                        }
                    }
                }
            }
        }
    }

    private static IEnumerable<OpcodeCase> BetweenFloats
    {
        get
        {
            ulong[] values = [.. Values.OfFloat(Format.F32), .. AroundEnds(new IntegerType("s32"), Format.F32)];
            // Ties, and the ends, of the smaller formats.
            ulong[] beside = [0, 0x800, 0xfff, 0x1000, 0x1001, 0x7fff, 0x8000, 0x8001, 0x18000];
            ulong[] narrow = [.. values, .. from format in new[] { Format.F16, Format.BFloat16 }
                                            from value in Values.OfFloat(format)
                                            from more in beside
                                            select (format.To(Format.F32, value) + more) & uint.MaxValue];
            yield return OpcodeCase.Of("cvt.f64.f32", "fd f", [values], static x => Format.F32.To(Format.F64, x[0]), Format.F64);
            ulong[] wide = [.. Values.OfFloat(Format.F64), .. from value in values from more in new ulong[] { 0, 1 << 28, (1 << 28) + 1, 3 << 28 } select Format.F32.To(Format.F64, value) + more];
            yield return OpcodeCase.Of("cvt.rn.f32.f64", "f fd", [wide], static x => Format.F64.To(Format.F32, x[0]), Format.F32);
            yield return OpcodeCase.Of("cvt.rn.f16.f32", "rs f", [narrow], static x => Format.F32.To(Format.F16, x[0]), Format.F16);
            yield return OpcodeCase.Of("cvt.rn.bf16.f32", "rs f", [narrow], static x => Format.F32.To(Format.BFloat16, x[0]), Format.BFloat16);
            yield return OpcodeCase.Of("cvt.rn.bf16x2.f32", "r f f", [[.. narrow.Where(static (_, i) => i % 7 == 0)], [.. narrow.Where(static value => !Format.F32.IsNaN(value))]],
                static x => Format.F32.IsNaN(x[0]) ? null : Format.F32.To(Format.BFloat16, x[0]) << 16 | Format.F32.To(Format.BFloat16, x[1]));
            yield return OpcodeCase.Of("cvt.f32.f16", "f rs", [Values.OfFloat(Format.F16)], static x => Format.F16.To(Format.F32, x[0]), Format.F32);
            yield return OpcodeCase.Of("cvt.sat.f32.f32", "f f", [values], static x => Format.F32.IsNaN(x[0]) || Format.F32.IsNegative(x[0]) ? 0 : Math.Min(x[0], Format.F32.One));
            foreach (string rounding in Roundings)
            {
                yield return OpcodeCase.Of($"cvt.{rounding}.f32.f32", "f f", [values], x => Format.F32.IsNaN(x[0]) || Format.F32.IsInfinite(x[0]) ? x[0]
                    : Format.F32.Round(Format.F32.IsNegative(x[0]), BigInteger.Abs(Format.F32.Integer(x[0], rounding)), 1, Rounding.Nearest), Format.F32);
            }
        }
    }

    private static ulong Rounded(IntegerType integer, Format format, ulong value, string rounding)
    {
        if (format.IsNaN(value))
            return format == Format.F64 || integer.Bits == 64 ? 1UL << (integer.Bits - 1) : 0;
        if (format.IsInfinite(value))
            return integer.BitsOf(format.IsNegative(value) ? integer.Least : integer.Largest);
        return integer.BitsOf(BigInteger.Min(BigInteger.Max(format.Integer(value, rounding), integer.Least), integer.Largest));
    }

    private static string[] RegistersFor(IntegerType type) => type.Bits switch { 64 => ["rd"], 32 => ["r", "rd"], _ => ["rs", "r", "rd"] };

    // As wide as the register.
    private static ulong Extended(ulong bits, IntegerType type, string register)
    {
        var wide = new IntegerType(register switch { "rs" => "u16", "r" => "u32", _ => "u64" });
        return wide.BitsOf(type.Of(bits));
    }

    // Integers half-way between two numbers of a format, and beside them.
    private static IEnumerable<ulong> Ties(IntegerType integer, Format format)
    {
        if (integer.Bits <= format.Precision)
            return [];
        var middles = Enumerable.Range(0, 5).Select(i => ((((BigInteger.One << format.Precision) + i) << 1) + 1) << Math.Max(0, integer.Bits - format.Precision - 3))
            .Append(integer.Largest - (BigInteger.One << (integer.Bits - format.Precision - 1)));
        return middles.SelectMany(middle => Enumerable.Range(-1, 3).SelectMany(more => new[] { integer.BitsOf(middle + more), integer.BitsOf(-middle - more) }));
    }

    // Halves, and numbers beside the ends of an integer type.
    private static IEnumerable<ulong> AroundEnds(IntegerType integer, Format format)
    {
        ulong half = format.Divide(format.One, format.Add(format.One, format.One));
        foreach (var whole in new[] { integer.Least, integer.Largest, integer.Largest + 1, BigInteger.MinusOne, 0, 1, 2, 3 })
        {
            ulong value = format.Round(whole.Sign < 0, BigInteger.Abs(whole), 1, Rounding.Nearest);
            ulong[] around = [value, format.Add(value, half), format.Add(value, half | format.Sign), value + 1, value == 0 ? 0 : value - 1];
            foreach (ulong one in around)
                yield return one;
        }
    }
}
