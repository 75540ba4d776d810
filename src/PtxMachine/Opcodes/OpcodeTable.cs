using System.Runtime.Intrinsics;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>
/// All instructions that the machine has, by name with all modifiers. Each is a function of its operands that returns
/// what a warp does.
/// </summary>
internal sealed unsafe partial class OpcodeTable
{
    private static readonly Dictionary<string, Func<Operands, Step>> Opcodes = Make();

    private static readonly Dictionary<string, Flow> Flows = new()
    {
        ["bra"] = Flow.Branch, ["bra.uni"] = Flow.Branch, ["ret"] = Flow.End, ["exit"] = Flow.End, ["bar.sync"] = Flow.Barrier,
    };

    private readonly Dictionary<string, Func<Operands, Step>> _table = [];

    /// <summary>Whether the machine has an instruction.</summary>
    public static bool Has(string opcode) => Opcodes.ContainsKey(opcode) || Flows.ContainsKey(opcode);

    /// <summary>What follows an instruction.</summary>
    public static Flow FlowOf(string opcode) => Flows.GetValueOrDefault(opcode, Flow.Next);

    /// <summary>Translates an instruction.</summary>
    public static Step Build(string opcode, Operands operands) => Opcodes[opcode](operands);

    /// <summary>Names of all instructions, in order.</summary>
    public static IEnumerable<string> Names => Opcodes.Keys.Concat(Flows.Keys).Order(StringComparer.Ordinal);

    private static Dictionary<string, Func<Operands, Step>> Make()
    {
        var table = new OpcodeTable();
        table.AddIntegers();
        table.AddFloats();
        table.AddApproximations();
        table.AddConversions();
        table.AddMemory();
        table.AddWarps();
        return table._table;
    }

    // The bits of a lane's slot.
    private static int BitsOf<T>() where T : unmanaged => sizeof(T) == 8 ? 64 : 32;

    // d = f(a), eight or four lanes at once.
    private void One<T>(string opcode, Func<Vector256<T>, Vector256<T>> function) where T : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, BitsOf<T>()), a = operands.At(1, BitsOf<T>());
        return (warp, lanes) =>
        {
            T* x = warp.At<T>(a), y = warp.At<T>(to);
            for (int i = 0; i < Warp.Size; i += Vector256<T>.Count)
                Store(y + i, function(Vector256.LoadAligned(x + i)), lanes >> i);
        };
    });

    // d = f(a, b)
    private void Two<T>(string opcode, Func<Vector256<T>, Vector256<T>, Vector256<T>> function) where T : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, BitsOf<T>()), a = operands.At(1, BitsOf<T>()), b = operands.At(2, BitsOf<T>());
        return (warp, lanes) =>
        {
            T* x = warp.At<T>(a), y = warp.At<T>(b), z = warp.At<T>(to);
            for (int i = 0; i < Warp.Size; i += Vector256<T>.Count)
                Store(z + i, function(Vector256.LoadAligned(x + i), Vector256.LoadAligned(y + i)), lanes >> i);
        };
    });

    // d = f(a, b, c)
    private void Three<T>(string opcode, Func<Vector256<T>, Vector256<T>, Vector256<T>, Vector256<T>> function) where T : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, BitsOf<T>()), a = operands.At(1, BitsOf<T>()), b = operands.At(2, BitsOf<T>()), c = operands.At(3, BitsOf<T>());
        return (warp, lanes) =>
        {
            T* x = warp.At<T>(a), y = warp.At<T>(b), z = warp.At<T>(c), result = warp.At<T>(to);
            for (int i = 0; i < Warp.Size; i += Vector256<T>.Count)
                Store(result + i, function(Vector256.LoadAligned(x + i), Vector256.LoadAligned(y + i), Vector256.LoadAligned(z + i)), lanes >> i);
        };
    });

    // The predicate d = f(a, b): a vector of ones where it is true.
    private void Compare<T>(string opcode, Func<Vector256<T>, Vector256<T>, Vector256<T>> function) where T : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, 1), a = operands.At(1, BitsOf<T>()), b = operands.At(2, BitsOf<T>());
        return (warp, lanes) =>
        {
            T* x = warp.At<T>(a), y = warp.At<T>(b);
            uint result = 0;
            for (int i = 0; i < Warp.Size; i += Vector256<T>.Count)
                result |= Vector256.ExtractMostSignificantBits(function(Vector256.LoadAligned(x + i), Vector256.LoadAligned(y + i))) << i;
            Set(ref warp.Predicate(to), result, lanes);
        };
    });

    // d = f(a), lane by lane: for what has no vector form.
    private void EachOne<T, TResult>(string opcode, Func<T, TResult> function) where T : unmanaged where TResult : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, BitsOf<TResult>()), a = operands.At(1, BitsOf<T>());
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
                Set(warp, to, lane, function(Get<T>(warp, a, lane)));
        };
    });

    // d = f(a, b), lane by lane
    private void EachTwo<T, TResult>(string opcode, Func<T, T, TResult> function) where T : unmanaged where TResult : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, BitsOf<TResult>()), a = operands.At(1, BitsOf<T>()), b = operands.At(2, BitsOf<T>());
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
                Set(warp, to, lane, function(Get<T>(warp, a, lane), Get<T>(warp, b, lane)));
        };
    });

    // d = f(a, b, c), lane by lane
    private void EachThree<T>(string opcode, Func<T, T, T, T> function) where T : unmanaged => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, BitsOf<T>()), a = operands.At(1, BitsOf<T>()), b = operands.At(2, BitsOf<T>()), c = operands.At(3, BitsOf<T>());
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
                Set(warp, to, lane, function(Get<T>(warp, a, lane), Get<T>(warp, b, lane), Get<T>(warp, c, lane)));
        };
    });

    // Predicate d = f(a, b), of bit masks.
    private void Predicates(string opcode, Func<uint, uint, uint> function) => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, 1), a = operands.At(1, 1), b = operands.At(opcode is "mov.pred" or "not.pred" ? 1 : 2, 1);
        return (warp, lanes) => Set(ref warp.Predicate(to), function(warp.Predicate(a), warp.Predicate(b)), lanes);
    });

    private static T Get<T>(Warp warp, Slot slot, int lane) where T : unmanaged => *(T*)(warp.At<byte>(slot) + (lane * BitsOf<T>() / 8));

    // A value of less than 32 bits clears the rest of its slot.
    private static void Set<T>(Warp warp, Slot slot, int lane, T value) where T : unmanaged
    {
        byte* at = warp.At<byte>(slot) + (lane * BitsOf<T>() / 8);
        if (sizeof(T) < sizeof(uint))
            *(uint*)at = 0;
        *(T*)at = value;
    }

    // A value in a register that may be wider: of a source the rest does not count, and a result repeats its sign.
    private static T GetWide<T>(Warp warp, Slot slot, int lane) where T : unmanaged => *(T*)(warp.At<byte>(slot) + (uint)(lane * slot.Bits) / 8);

    private static void SetWide<T>(Warp warp, Slot slot, int lane, T value) where T : unmanaged, System.Numerics.IBinaryInteger<T>
    {
        if (slot.Bits == 64)
            Set(warp, slot, lane, ulong.CreateTruncating(value));
        else
            Set(warp, slot, lane, uint.CreateTruncating(value));
    }

    private static void Set(ref uint predicate, uint value, uint lanes) => predicate = (predicate & ~lanes) | (value & lanes);

    // The first lanes of a vector have the last bits.
    private static void Store<T>(T* to, Vector256<T> value, uint lanes) where T : unmanaged
    {
        uint all = (1u << Vector256<T>.Count) - 1;
        if ((lanes & all) == all)
            value.StoreAligned(to);
        else
            Vector256.ConditionalSelect(VectorOf<T>(lanes), value, Vector256.LoadAligned(to)).StoreAligned(to);
    }

    // Ones in the lanes of a bit mask.
    private static Vector256<T> VectorOf<T>(uint lanes) where T : unmanaged
    {
        if (sizeof(T) == sizeof(ulong))
        {
            var bits = Vector256.Create(1ul, 2, 4, 8);
            return Vector256.Equals(Vector256.Create((ulong)lanes) & bits, bits).As<ulong, T>();
        }
        else
        {
            var bits = Vector256.Create(1u, 2, 4, 8, 16, 32, 64, 128);
            return Vector256.Equals(Vector256.Create(lanes) & bits, bits).As<uint, T>();
        }
    }
}
