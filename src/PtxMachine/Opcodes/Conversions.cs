using System.Numerics;
using System.Runtime.Intrinsics;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Conversions between types.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private void AddConversions()
    {
        Widen<byte>("u8");
        Widen<sbyte>("s8");
        Widen<ushort>("u16");
        Widen<short>("s16");
        Widen<uint>("u32");
        Widen<int>("s32");
        Widen<ulong>("u64");
        Widen<long>("s64");
        EachOne<float, double>("cvt.f64.f32", static x => x);
        EachOne<double, float>("cvt.rn.f32.f64", static x => (float)x);
        One<float>("cvt.sat.f32.f32", static x => Vector256.MinNumber(Vector256.MaxNumber(x, Vector256<float>.Zero), Vector256<float>.One)); // NaN becomes 0
        One<float>("cvt.rzi.f32.f32", Vector256.Truncate);
        One<float>("cvt.rmi.f32.f32", Vector256.Floor);
        One<float>("cvt.rpi.f32.f32", Vector256.Ceiling);
        One<float>("cvt.rni.f32.f32", static x => Vector256.Round(x));
        EachOne<float, ushort>("cvt.rn.bf16.f32", ToBFloat16);
        EachTwo<float, uint>("cvt.rn.bf16x2.f32", static (high, low) => (uint)ToBFloat16(high) << 16 | ToBFloat16(low));
        EachOne<float, Half>("cvt.rn.f16.f32", static x => (Half)x);
        EachOne<Half, float>("cvt.f32.f16", static x => (float)x);
    }

    // From an integer type to all others, and to and from floating-point numbers.
    private void Widen<T>(string type) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        Convert<T, byte>($"cvt.u8.{type}", byte.CreateTruncating);
        Convert<T, sbyte>($"cvt.s8.{type}", sbyte.CreateTruncating);
        Convert<T, ushort>($"cvt.u16.{type}", ushort.CreateTruncating);
        Convert<T, short>($"cvt.s16.{type}", short.CreateTruncating);
        Convert<T, uint>($"cvt.u32.{type}", uint.CreateTruncating);
        Convert<T, int>($"cvt.s32.{type}", int.CreateTruncating);
        Convert<T, ulong>($"cvt.u64.{type}", ulong.CreateTruncating);
        Convert<T, long>($"cvt.s64.{type}", long.CreateTruncating);
        Convert<T, uint>($"cvt.rn.f32.{type}", static value => BitConverter.SingleToUInt32Bits(float.CreateTruncating(value)));
        Convert<T, ulong>($"cvt.rn.f64.{type}", static value => BitConverter.DoubleToUInt64Bits(double.CreateTruncating(value)));
        Round<T>($"cvt.rzi.{type}", Math.Truncate);
        Round<T>($"cvt.rmi.{type}", Math.Floor);
        Round<T>($"cvt.rpi.{type}", Math.Ceiling);
        Round<T>($"cvt.rni.{type}", static x => Math.Round(x, MidpointRounding.ToEven));
    }

    // Values outside of the type become its least or its largest one. NaN becomes 0, or a 1 in the top bit with 64
    // bits.
    private void Round<T>(string opcode, Func<double, double> round) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        var top = T.One << ((8 * sizeof(T)) - 1);
        Convert<float, T>($"{opcode}.f32", x => float.IsNaN(x) && sizeof(T) == 8 ? top : T.CreateSaturating(round(x)));
        Convert<double, T>($"{opcode}.f64", x => double.IsNaN(x) ? top : T.CreateSaturating(round(x)));
    }

    // The registers of integers may be wider than their types.
    private void Convert<T, TResult>(string opcode, Func<T, TResult> function) where T : unmanaged where TResult : unmanaged, IBinaryInteger<TResult> => _table.Add(opcode, operands =>
    {
        Slot to = operands.Wide(0, BitsOf<TResult>()), a = operands.Wide(1, BitsOf<T>());
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
                SetWide(warp, to, lane, function(GetWide<T>(warp, a, lane)));
        };
    });

    // To the nearest, to the even one of two.
    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)0x7fff : (ushort)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}
