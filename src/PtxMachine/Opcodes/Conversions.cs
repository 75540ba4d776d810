using VideoSim.PtxMachine.Running;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Conversions between types.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private void AddConversions()
    {
        PtxType single = PtxType.All["f32"], wide = PtxType.All["f64"];
        PtxType[] integers = [.. PtxType.All.Values.Where(static type => type.Name[0] is 'u' or 's')];
        foreach (var type in integers)
        {
            foreach (var from in integers)
                Convert("", type, from, static value => value);
            Convert(".rn", single, type, value => BitConverter.SingleToUInt32Bits(type.IsSigned ? (long)value : (float)value));
            Convert(".rn", wide, type, value => BitConverter.DoubleToUInt64Bits(type.IsSigned ? (long)value : (double)value));
        }
        (string, Func<double, double>)[] roundings = [(".rzi", Math.Truncate), (".rmi", Math.Floor), (".rpi", Math.Ceiling), (".rni", Math.Round)];
        foreach (var (name, round) in roundings)
        {
            foreach (var type in integers)
            {
                // NaN becomes 0, or a 1 in the top bit with 64 bits.
                ulong top = 1ul << (type.Bits - 1);
                Convert(name, type, single, bits => ToInteger(type, round(BitConverter.UInt32BitsToSingle((uint)bits)), type.Bits == 64 ? top : 0));
                Convert(name, type, wide, bits => ToInteger(type, round(BitConverter.UInt64BitsToDouble(bits)), top));
            }
            EachOne<float, float>($"cvt{name}.f32.f32", x => (float)round(x));
        }
        EachOne<float, double>("cvt.f64.f32", static x => x);
        EachOne<double, float>("cvt.rn.f32.f64", static x => (float)x);
        EachOne<float, float>("cvt.sat.f32.f32", static x => float.MinNumber(float.MaxNumber(x, 0), 1)); // NaN becomes 0
        EachOne<float, ushort>("cvt.rn.bf16.f32", ToBFloat16);
        EachTwo<float, uint>("cvt.rn.bf16x2.f32", static (high, low) => (uint)ToBFloat16(high) << 16 | ToBFloat16(low));
        EachOne<float, Half>("cvt.rn.f16.f32", static x => (Half)x);
        EachOne<Half, float>("cvt.f32.f16", static x => (float)x);
    }

    // The registers may be wider than the types.
    private void Convert(string rounding, PtxType to, PtxType from, Func<ulong, ulong> function) => Each($"cvt{rounding}.{to.Name}.{from.Name}", operands =>
    {
        Slot target = operands.Wide(0, to), source = operands.Wide(1, from);
        return (warp, lane) => warp.Set(target, lane, to.Extend(function(from.Extend(warp.Get(source, lane)))));
    });

    // A value outside of the type becomes its least or its largest one.
    private static ulong ToInteger(PtxType type, double value, ulong ofNaN)
    {
        int unused = 64 - type.Bits;
        return double.IsNaN(value) ? ofNaN
            : type.IsSigned ? (ulong)Math.Clamp(long.CreateSaturating(value), long.MinValue >> unused, long.MaxValue >> unused)
            : Math.Min(ulong.CreateSaturating(value), ulong.MaxValue >> unused);
    }

    // To the nearest, to the even one of two.
    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)0x7fff : (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}
