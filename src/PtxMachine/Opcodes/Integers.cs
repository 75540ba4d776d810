using System.Numerics;
using System.Runtime.Intrinsics;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Integers, bits, predicates and moves.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private void AddIntegers()
    {
        Integers<short, int>("s16", static (a, b) => a * b);
        Integers<ushort, uint>("u16", static (a, b) => (uint)a * b);
        Integers<int, long>("s32", static (a, b) => (long)a * b);
        Integers<uint, ulong>("u32", static (a, b) => (ulong)a * b);
        Integers<long, Int128>("s64", static (a, b) => (Int128)a * b);
        Integers<ulong, UInt128>("u64", static (a, b) => (UInt128)a * b);
        Bits<ushort>("b16");
        Bits<uint>("b32");
        Bits<ulong>("b64");
        // Shifts that bring the highest bit to the top; -1 if no bit is set.
        EachOne<uint, uint>("bfind.shiftamt.u32", static value => value == 0 ? uint.MaxValue : uint.LeadingZeroCount(value));
        Moves<uint>("b16", "u16", "b32", "u32", "s32", "f32");
        Moves<ulong>("b64", "u64", "s64", "f64");
        Predicates("mov.pred", 1, static (a, _) => a);
        Predicates("not.pred", 1, static (a, _) => ~a);
        Predicates("and.pred", 2, static (a, b) => a & b);
        Predicates("or.pred", 2, static (a, b) => a | b);
        Predicates("xor.pred", 2, static (a, b) => a ^ b);
    }

    // A product has twice the bits.
    private void Integers<T, TWide>(string type, Func<T, T, TWide> product)
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T> where TWide : unmanaged, IBinaryInteger<TWide>
    {
        Two<T>($"add.{type}", static (a, b) => a + b);
        Two<T>($"sub.{type}", static (a, b) => a - b);
        Two<T>($"mul.lo.{type}", static (a, b) => a * b);
        Two<T>($"min.{type}", Vector256.Min);
        Two<T>($"max.{type}", Vector256.Max);
        Compare<T>(type, "lt", "ge", Vector256.LessThan);
        Compare<T>(type, "gt", "le", Vector256.GreaterThan);
        Compare<T>(type, "eq", "ne", Vector256.Equals);
        Shift<T>($"shr.{type}", static (a, count) => a >> count, ShiftRight);
        if (sizeof(T) < sizeof(long))
            EachTwo($"mul.wide.{type}", product);
        if (sizeof(T) == sizeof(short))
            return;
        EachTwo<T, T>($"mul.hi.{type}", (a, b) => T.CreateTruncating(product(a, b) >> (8 * sizeof(T))));
        Three<T>($"mad.lo.{type}", static (a, b, c) => (a * b) + c);
        // The manual leaves a division by zero open. The least number divided by -1 is itself.
        EachTwo<T, T>($"div.{type}", static (a, b) => T.IsZero(b) ? T.AllBitsSet : IsMinusOne(b) ? T.Zero - a : a / b);
        EachTwo<T, T>($"rem.{type}", static (a, b) => T.IsZero(b) ? a : IsMinusOne(b) ? T.Zero : a % b);
        if (T.MinValue < T.Zero)
        {
            One<T>($"neg.{type}", static a => -a);
            One<T>($"abs.{type}", Vector256.Abs);
        }
    }

    private static bool IsMinusOne<T>(T value) where T : IBinaryInteger<T> => T.IsNegative(value) && T.IsZero(value + T.One);

    private void Bits<T>(string type) where T : unmanaged, IBinaryInteger<T>
    {
        Two<T>($"and.{type}", static (a, b) => a & b);
        Two<T>($"or.{type}", static (a, b) => a | b);
        Two<T>($"xor.{type}", static (a, b) => a ^ b);
        One<T>($"not.{type}", static a => ~a);
        Compare<T>(type, "eq", "ne", Vector256.Equals);
        Shift<T>($"shl.{type}", static (a, count) => a << count, ShiftLeft);
        if (sizeof(T) == sizeof(ushort))
            return;
        Shift<T>($"shr.{type}", static (a, count) => a >> count, ShiftRight);
        EachOne<T, int>($"popc.{type}", static value => int.CreateTruncating(T.PopCount(value)));
        EachOne<T, int>($"clz.{type}", static value => int.CreateTruncating(T.LeadingZeroCount(value)));
        EachOne<T, T>($"brev.{type}", Reverse);
        Each($"bfi.{type}", InsertBits<T>);
    }

    private static T Reverse<T>(T value) where T : unmanaged, IBinaryInteger<T>
    {
        var result = T.Zero;
        for (int i = 0; i < 8 * sizeof(T); i++)
            result = (result << 1) | (value >> i & T.One);
        return result;
    }

    // d = b with `length` bits of a from bit `position` on.
    private static LaneStep InsertBits<T>(Operands operands) where T : unmanaged, IBinaryInteger<T>
    {
        Slot to = operands.At<T>(0), a = operands.At<T>(1), b = operands.At<T>(2), position = operands.At<uint>(3), length = operands.At<uint>(4);
        return (warp, lane) =>
        {
            byte from = *warp.At<byte>(position, lane), count = *warp.At<byte>(length, lane);
            var mask = ShiftLeft(~ShiftLeft(T.AllBitsSet, count), from);
            *warp.At<T>(to, lane) = (*warp.At<T>(b, lane) & ~mask) | (ShiftLeft(*warp.At<T>(a, lane), from) & mask);
        };
    }

    // From the width of the type on, all bits are shifted out.
    private static T ShiftLeft<T>(T a, uint count) where T : unmanaged, IBinaryInteger<T> => count < 8 * sizeof(T) ? a << (int)count : T.Zero;

    private static T ShiftRight<T>(T a, uint count) where T : unmanaged, IBinaryInteger<T> =>
        count < 8 * sizeof(T) ? a >> (int)count : T.IsNegative(a) ? T.AllBitsSet : T.Zero;

    // The count has 32 bits. Most counts are constants, the same in all lanes, and below the width.
    private void Shift<T>(string opcode, Func<Vector256<T>, int, Vector256<T>> all, Func<T, uint, T> each) where T : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At<T>(0), a = operands.At<T>(1), count = operands.At<uint>(2);
        return operands.NumberOrNull(2) is { } constant && constant < (ulong)(8 * sizeof(T))
            ? Vectors<T>(to, (warp, i) => all(Load<T>(warp, a, i), (int)constant))
            : Lanewise((warp, lane) => *warp.At<T>(to, lane) = each(*warp.At<T>(a, lane), *warp.At<uint>(count, lane)));
    });

    private void Moves<T>(params string[] types) where T : unmanaged
    {
        foreach (string type in types)
        {
            _table.Add($"mov.{type}", type[0] == 'b' ? MoveBits<T> : Move<T>);
            Vectors<T>($"selp.{type}", static operands =>
            {
                Slot a = operands.At<T>(1), b = operands.At<T>(2), predicate = operands.At(3, 1);
                return (warp, i) => Vector256.ConditionalSelect(VectorOf<T>(warp.Predicate(predicate) >> i), Load<T>(warp, a, i), Load<T>(warp, b, i));
            });
        }
    }

    private static Step Move<T>(Operands operands) where T : unmanaged
    {
        Slot to = operands.At<T>(0), from = operands.At<T>(1);
        return Vectors<T>(to, (warp, i) => Load<T>(warp, from, i));
    }

    // Also of several registers into one, the first in the lowest bits, and the other way round.
    private static Step MoveBits<T>(Operands operands) where T : unmanaged
    {
        int bits = Warp.BitsOf<T>(), targets = operands.Names(0).Length, sources = operands.Names(1).Length, parts = Math.Max(targets, sources);
        if (parts == 1)
            return Move<T>(operands);
        if (bits / parts is not (8 or 16 or 32))
            throw operands.Bad($"{parts} registers cannot have {bits} bits");
        int fromBits = sources == 1 ? bits : bits / parts, toBits = sources == 1 ? bits / parts : bits;
        Slot[] to = operands.List(0, Math.Max(32, toBits), bits / toBits), from = operands.List(1, Math.Max(32, fromBits), bits / fromBits);
        return Lanewise((warp, lane) =>
        {
            ulong value = 0;
            for (int i = 0; i < from.Length; i++)
                value |= Lowest(warp.Get(from[i], lane), fromBits) << (i * fromBits);
            for (int i = 0; i < to.Length; i++)
                warp.Set(to[i], lane, Lowest(value >> (i * toBits), toBits));
        });
    }

    private static ulong Lowest(ulong value, int bits) => value & ulong.MaxValue >> (64 - bits);
}
