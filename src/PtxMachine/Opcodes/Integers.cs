using System.Numerics;
using System.Runtime.Intrinsics;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Integers, bits, predicates and moves.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private void AddIntegers()
    {
        Integers<int>("s32");
        Integers<uint>("u32");
        Integers<long>("s64");
        Integers<ulong>("u64");
        Shorts("s16", static value => (value << 16) >> 16);
        Shorts("u16", static value => value & Vector256.Create(0xffff));
        EachTwo<int, long>("mul.wide.s32", static (a, b) => (long)a * b);
        EachTwo<uint, ulong>("mul.wide.u32", static (a, b) => (ulong)a * b);
        EachTwo<short, int>("mul.wide.s16", static (a, b) => a * b);
        EachTwo<ushort, uint>("mul.wide.u16", static (a, b) => (uint)a * b);
        EachTwo<int, int>("mul.hi.s32", static (a, b) => (int)((long)a * b >> 32));
        EachTwo<uint, uint>("mul.hi.u32", static (a, b) => (uint)((ulong)a * b >> 32));
        EachTwo<long, long>("mul.hi.s64", static (a, b) => Math.BigMul(a, b, out _));
        EachTwo<ulong, ulong>("mul.hi.u64", static (a, b) => Math.BigMul(a, b, out _));
        AddBits();
        AddShifts();
        AddMoves();
        AddPredicates();
    }

    private void Integers<T>(string type) where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        Two<T>($"add.{type}", static (a, b) => a + b);
        Two<T>($"sub.{type}", static (a, b) => a - b);
        Two<T>($"mul.lo.{type}", static (a, b) => a * b);
        Three<T>($"mad.lo.{type}", static (a, b, c) => (a * b) + c);
        Two<T>($"min.{type}", Vector256.Min);
        Two<T>($"max.{type}", Vector256.Max);
        // The manual leaves a division by zero open. The least number divided by -1 is itself.
        EachTwo<T, T>($"div.{type}", static (a, b) => T.IsZero(b) ? T.Zero - T.One : IsMinusOne(b) ? T.Zero - a : a / b);
        EachTwo<T, T>($"rem.{type}", static (a, b) => T.IsZero(b) ? a : IsMinusOne(b) ? T.Zero : a % b);
        if (T.MinValue < T.Zero)
        {
            One<T>($"neg.{type}", static a => -a);
            One<T>($"abs.{type}", Vector256.Abs);
        }
        Compare<T>($"setp.lt.{type}", Vector256.LessThan);
        Compare<T>($"setp.le.{type}", Vector256.LessThanOrEqual);
        Compare<T>($"setp.gt.{type}", Vector256.GreaterThan);
        Compare<T>($"setp.ge.{type}", Vector256.GreaterThanOrEqual);
        Compare<T>($"setp.eq.{type}", Vector256.Equals);
        Compare<T>($"setp.ne.{type}", static (a, b) => ~Vector256.Equals(a, b));
    }

    private static bool IsMinusOne<T>(T value) where T : IBinaryInteger<T> => T.IsNegative(value) && T.IsZero(value + T.One);

    // Numbers of 16 bits have slots of 32, whose other half does not count.
    private void Shorts(string type, Func<Vector256<int>, Vector256<int>> extend)
    {
        Two<int>($"add.{type}", (a, b) => (a + b) & Vector256.Create(0xffff));
        Two<int>($"sub.{type}", (a, b) => (a - b) & Vector256.Create(0xffff));
        Two<int>($"mul.lo.{type}", (a, b) => (a * b) & Vector256.Create(0xffff));
        Two<int>($"min.{type}", (a, b) => Vector256.Min(extend(a), extend(b)) & Vector256.Create(0xffff));
        Two<int>($"max.{type}", (a, b) => Vector256.Max(extend(a), extend(b)) & Vector256.Create(0xffff));
        Compare<int>($"setp.lt.{type}", (a, b) => Vector256.LessThan(extend(a), extend(b)));
        Compare<int>($"setp.le.{type}", (a, b) => Vector256.LessThanOrEqual(extend(a), extend(b)));
        Compare<int>($"setp.gt.{type}", (a, b) => Vector256.GreaterThan(extend(a), extend(b)));
        Compare<int>($"setp.ge.{type}", (a, b) => Vector256.GreaterThanOrEqual(extend(a), extend(b)));
        Compare<int>($"setp.eq.{type}", (a, b) => Vector256.Equals(extend(a), extend(b)));
        Compare<int>($"setp.ne.{type}", (a, b) => ~Vector256.Equals(extend(a), extend(b)));
    }

    private void AddBits()
    {
        Bitwise<uint>("b16");
        Bitwise<uint>("b32");
        Bitwise<ulong>("b64");
        Compare<int>("setp.eq.b16", static (a, b) => Vector256.Equals(a << 16, b << 16));
        Compare<int>("setp.ne.b16", static (a, b) => ~Vector256.Equals(a << 16, b << 16));
        EachOne<uint, int>("popc.b32", BitOperations.PopCount);
        EachOne<ulong, int>("popc.b64", BitOperations.PopCount);
        EachOne<uint, int>("clz.b32", BitOperations.LeadingZeroCount);
        EachOne<ulong, int>("clz.b64", BitOperations.LeadingZeroCount);
        EachOne<uint, uint>("brev.b32", Reverse);
        EachOne<ulong, ulong>("brev.b64", static value => (ulong)Reverse((uint)value) << 32 | Reverse((uint)(value >> 32)));
        // Shifts that bring the highest bit to the top; -1 if no bit is set.
        EachOne<uint, uint>("bfind.shiftamt.u32", static value => value == 0 ? uint.MaxValue : (uint)BitOperations.LeadingZeroCount(value));
        Insert<uint>("bfi.b32");
        Insert<ulong>("bfi.b64");
    }

    private static uint Reverse(uint value)
    {
        uint result = 0;
        for (int i = 0; i < 32; i++)
            result |= (value >> i & 1) << (31 - i);
        return result;
    }

    private void Bitwise<T>(string type) where T : unmanaged, IBinaryInteger<T>
    {
        Two<T>($"and.{type}", static (a, b) => a & b);
        Two<T>($"or.{type}", static (a, b) => a | b);
        Two<T>($"xor.{type}", static (a, b) => a ^ b);
        One<T>($"not.{type}", static a => ~a);
        if (type == "b16")
            return;
        Compare<T>($"setp.eq.{type}", Vector256.Equals);
        Compare<T>($"setp.ne.{type}", static (a, b) => ~Vector256.Equals(a, b));
    }

    // d = b with `length` bits of a from bit `position` on.
    private void Insert<T>(string opcode) where T : unmanaged, IBinaryInteger<T> => _table.Add(opcode, operands =>
    {
        int bits = BitsOf<T>();
        Slot to = operands.At(0, bits), a = operands.At(1, bits), b = operands.At(2, bits), position = operands.At(3, 32), length = operands.At(4, 32);
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
            {
                int from = (byte)Get<uint>(warp, position, lane), count = (byte)Get<uint>(warp, length, lane);
                T ones = count >= bits ? T.Zero - T.One : (T.One << count) - T.One, mask = from >= bits ? T.Zero : ones << from;
                Set(warp, to, lane, (Get<T>(warp, b, lane) & ~mask) | (from >= bits ? T.Zero : (Get<T>(warp, a, lane) << from) & mask));
            }
        };
    });

    // The second operand always has 32 bits. From the width of the type on, all bits are shifted out.
    private void AddShifts()
    {
        Shift<uint>("shl.b32", Vector256.ShiftLeft, static (a, count) => count > 31 ? 0 : a << (int)count);
        Shift<uint>("shl.b16", static (a, count) => Vector256.ShiftLeft(a, count) & Vector256.Create(0xffffu), static (a, count) => count > 15 ? 0 : a << (int)count & 0xffff);
        Shift<ulong>("shl.b64", Vector256.ShiftLeft, static (a, count) => count > 63 ? 0 : a << (int)count);
        foreach (string type in new[] { "u32", "b32" })
            Shift<uint>($"shr.{type}", Vector256.ShiftRightLogical, static (a, count) => count > 31 ? 0 : a >> (int)count);
        Shift<uint>("shr.u16", static (a, count) => Vector256.ShiftRightLogical(a & Vector256.Create(0xffffu), count), static (a, count) => count > 15 ? 0 : (a & 0xffff) >> (int)count);
        foreach (string type in new[] { "u64", "b64" })
            Shift<ulong>($"shr.{type}", Vector256.ShiftRightLogical, static (a, count) => count > 63 ? 0 : a >> (int)count);
        Shift<int>("shr.s32", Vector256.ShiftRightArithmetic, static (a, count) => a >> (int)Math.Min(count, 31));
        Shift<int>("shr.s16", static (a, count) => Vector256.ShiftRightArithmetic(a << 16, 16 + count) & Vector256.Create(0xffff), static (a, count) => ((a << 16) >> 16) >> (int)Math.Min(count, 15) & 0xffff);
        Shift<long>("shr.s64", Vector256.ShiftRightArithmetic, static (a, count) => a >> (int)Math.Min(count, 63));
    }

    // Most counts are constants, the same in all lanes, and below the width.
    private void Shift<T>(string opcode, Func<Vector256<T>, int, Vector256<T>> all, Func<T, uint, T> each) where T : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, BitsOf<T>()), a = operands.At(1, BitsOf<T>()), count = operands.At(2, 32);
        int width = opcode.EndsWith("16", StringComparison.Ordinal) ? 16 : BitsOf<T>();
        if (operands.TryNumber(2, out ulong constant) && constant < (ulong)width)
        {
            return (warp, lanes) =>
            {
                T* x = warp.At<T>(a), y = warp.At<T>(to);
                for (int i = 0; i < Warp.Size; i += Vector256<T>.Count)
                    Store(y + i, all(Vector256.LoadAligned(x + i), (int)constant), lanes >> i);
            };
        }
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
                Set(warp, to, lane, each(Get<T>(warp, a, lane), Get<uint>(warp, count, lane)));
        };
    });

    private void AddMoves()
    {
        foreach (string type in new[] { "u16", "u32", "s32", "f32" })
            One<uint>($"mov.{type}", static a => a);
        foreach (string type in new[] { "u64", "s64", "f64" })
            One<ulong>($"mov.{type}", static a => a);
        MoveBits<uint>("mov.b16");
        MoveBits<uint>("mov.b32");
        MoveBits<ulong>("mov.b64");
        foreach (string type in new[] { "b16", "u16", "b32", "u32", "s32", "f32" })
            Select<uint>($"selp.{type}");
        foreach (string type in new[] { "b64", "u64", "s64", "f64" })
            Select<ulong>($"selp.{type}");
    }

    // Also of several registers into one, the first in the lowest bits, and the other way round.
    private void MoveBits<T>(string opcode) where T : unmanaged, IBinaryInteger<T> => _table.Add(opcode, operands =>
    {
        int bits = BitsOf<T>();
        int parts = Math.Max(operands.Names(0).Length, operands.Names(1).Length), part = bits / parts;
        if (parts == 1)
            return Copy<T>(operands.At(0, bits), operands.At(1, bits));
        if (part is not (8 or 16 or 32))
            throw operands.Bad($"{parts} registers cannot have {bits} bits");
        bool splits = operands.Names(1).Length == 1;
        Slot[] to = operands.List(0, splits ? 32 : bits, splits ? parts : 1), from = operands.List(1, splits ? bits : 32, splits ? 1 : parts);
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
            {
                ulong value = 0, mask = ulong.MaxValue >> (64 - part);
                for (int i = 0; i < from.Length; i++)
                    value |= from.Length == 1 ? ulong.CreateTruncating(Get<T>(warp, from[0], lane)) : (Get<uint>(warp, from[i], lane) & mask) << (i * part);
                for (int i = 0; i < to.Length; i++)
                {
                    if (to.Length == 1)
                        Set(warp, to[0], lane, T.CreateTruncating(value));
                    else
                        Set(warp, to[i], lane, (uint)(value >> (i * part) & mask));
                }
            }
        };
    });

    private static Step Copy<T>(Slot to, Slot from) where T : unmanaged => (warp, lanes) =>
    {
        for (int i = 0; i < Warp.Size; i += Vector256<T>.Count)
            Store(warp.At<T>(to) + i, Vector256.LoadAligned(warp.At<T>(from) + i), lanes >> i);
    };

    // d = p ? a : b
    private void Select<T>(string opcode) where T : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, BitsOf<T>()), a = operands.At(1, BitsOf<T>()), b = operands.At(2, BitsOf<T>()), predicate = operands.At(3, 1);
        return (warp, lanes) =>
        {
            T* x = warp.At<T>(a), y = warp.At<T>(b), z = warp.At<T>(to);
            uint chosen = warp.Predicate(predicate);
            for (int i = 0; i < Warp.Size; i += Vector256<T>.Count)
                Store(z + i, Vector256.ConditionalSelect(VectorOf<T>(chosen >> i), Vector256.LoadAligned(x + i), Vector256.LoadAligned(y + i)), lanes >> i);
        };
    });

    private void AddPredicates()
    {
        Predicates("mov.pred", static (a, _) => a);
        Predicates("not.pred", static (a, _) => ~a);
        Predicates("and.pred", static (a, b) => a & b);
        Predicates("or.pred", static (a, b) => a | b);
        Predicates("xor.pred", static (a, b) => a ^ b);
    }
}
