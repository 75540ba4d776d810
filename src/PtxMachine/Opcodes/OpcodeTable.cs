using System.Runtime.Intrinsics;
using VideoSim.PtxMachine.Running;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>
/// All instructions that the machine has, by name with all modifiers. Each is a function of its operands that returns
/// what a warp does.
/// </summary>
internal sealed unsafe partial class OpcodeTable
{
    /// <summary>Begin of the text about an instruction that the machine does not have.</summary>
    public const string Lacks = "the PTX machine has no";

    private static readonly Dictionary<string, Func<Operands, Step>> Opcodes = new OpcodeTable()._table;

    private readonly Dictionary<string, Func<Operands, Step>> _table = [];

    private OpcodeTable()
    {
        AddIntegers();
        AddFloats();
        AddApproximations();
        AddConversions();
        AddMemory();
        AddWarps();
    }

    // What an instruction does in one lane.
    private delegate void LaneStep(Warp warp, int lane);

    // What an instruction computes for some lanes, from the first one on: eight of 32 bits, or four of 64 bits.
    private delegate Vector256<T> VectorStep<T>(Warp warp, int first);

    /// <summary>Names of all instructions, in order.</summary>
    public static IEnumerable<string> Names => Opcodes.Keys.Order(StringComparer.Ordinal);

    /// <summary>Whether the machine has an instruction.</summary>
    public static bool Has(string opcode) => Opcodes.ContainsKey(opcode);

    /// <summary>Makes a function of an instruction.</summary>
    /// <exception cref="PtxException">Its operands are wrong.</exception>
    public static Instruction Translate(Statement statement, Operands operands)
    {
        Slot? guard = statement.Guard is { } name ? operands.Predicate(name) : null;
        var instruction = new Instruction(Opcodes[statement.Opcode](operands), guard, statement.Negated);
        operands.End();
        return instruction;
    }

    private static Step Lanewise(LaneStep step) => (warp, lanes) =>
    {
        foreach (int lane in new Lanes(lanes))
            step(warp, lane);
    };

    private static Step Vectors<T>(Slot to, VectorStep<T> step) where T : unmanaged => (warp, lanes) =>
    {
        for (int i = 0; i < Warp.Size; i += LanesOf<T>())
            Store(warp.At<T>(to, i), step(warp, i), lanes >> i);
    };

    // An instruction that computes one lane after the other.
    private void Each(string opcode, Func<Operands, LaneStep> build) => _table.Add(opcode, operands => Lanewise(build(operands)));

    // An instruction that computes the lanes of a vector at once. Operand 0 is its result.
    private void Vectors<T>(string opcode, Func<Operands, VectorStep<T>> build) where T : unmanaged =>
        _table.Add(opcode, operands => Vectors(operands.At<T>(0), build(operands)));

    // d = f(a), lane by lane: for what has no vector form.
    private void EachOne<T, TResult>(string opcode, Func<T, TResult> function) where T : unmanaged where TResult : unmanaged => Each(opcode, operands =>
    {
        Slot to = operands.At<TResult>(0), a = operands.At<T>(1);
        return (warp, lane) => *warp.At<TResult>(to, lane) = function(*warp.At<T>(a, lane));
    });

    // d = f(a, b), lane by lane
    private void EachTwo<T, TResult>(string opcode, Func<T, T, TResult> function) where T : unmanaged where TResult : unmanaged => Each(opcode, operands =>
    {
        Slot to = operands.At<TResult>(0), a = operands.At<T>(1), b = operands.At<T>(2);
        return (warp, lane) => *warp.At<TResult>(to, lane) = function(*warp.At<T>(a, lane), *warp.At<T>(b, lane));
    });

    // d = f(a, b, c), lane by lane
    private void EachThree<T>(string opcode, Func<T, T, T, T> function) where T : unmanaged => Each(opcode, operands =>
    {
        Slot to = operands.At<T>(0), a = operands.At<T>(1), b = operands.At<T>(2), c = operands.At<T>(3);
        return (warp, lane) => *warp.At<T>(to, lane) = function(*warp.At<T>(a, lane), *warp.At<T>(b, lane), *warp.At<T>(c, lane));
    });

    // d = f(a)
    private void One<T>(string opcode, Func<Vector256<T>, Vector256<T>> function) where T : unmanaged => Vectors<T>(opcode, operands =>
    {
        var a = operands.At<T>(1);
        return (warp, i) => function(Load<T>(warp, a, i));
    });

    // d = f(a, b)
    private void Two<T>(string opcode, Func<Vector256<T>, Vector256<T>, Vector256<T>> function) where T : unmanaged => Vectors<T>(opcode, operands =>
    {
        Slot a = operands.At<T>(1), b = operands.At<T>(2);
        return (warp, i) => function(Load<T>(warp, a, i), Load<T>(warp, b, i));
    });

    // d = f(a, b, c)
    private void Three<T>(string opcode, Func<Vector256<T>, Vector256<T>, Vector256<T>, Vector256<T>> function)
        where T : unmanaged => Vectors<T>(opcode, operands =>
    {
        Slot a = operands.At<T>(1), b = operands.At<T>(2), c = operands.At<T>(3);
        return (warp, i) => function(Load<T>(warp, a, i), Load<T>(warp, b, i), Load<T>(warp, c, i));
    });

    // Two comparisons, each the opposite of the other. f gives a vector of ones where the first is true.
    private void Compare<T>(string type, string name, string opposite, Func<Vector256<T>, Vector256<T>, Vector256<T>> function) where T : unmanaged
    {
        foreach (var (opcode, turn) in new[] { ($"setp.{name}.{type}", 0u), ($"setp.{opposite}.{type}", Warp.AllLanes) })
        {
            _table.Add(opcode, operands =>
            {
                Slot to = operands.At(0, 1), a = operands.At<T>(1), b = operands.At<T>(2);
                return (warp, lanes) =>
                {
                    uint result = 0;
                    for (int i = 0; i < Warp.Size; i += LanesOf<T>())
                        result |= LanesIn(function(Load<T>(warp, a, i), Load<T>(warp, b, i))) << i;
                    warp.SetPredicate(to, result ^ turn, lanes);
                };
            });
        }
    }

    // d = f(a, b) of predicates, as bit masks. With one operand, b is a.
    private void Predicates(string opcode, int operandCount, Func<uint, uint, uint> function) => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, 1), a = operands.At(1, 1), b = operands.At(operandCount, 1);
        return (warp, lanes) => warp.SetPredicate(to, function(warp.Predicate(a), warp.Predicate(b)), lanes);
    });

    // Types of 16 bits have registers of 32, too. The other half of a register does not count.
    private static int LanesOf<T>() where T : unmanaged => 256 / Warp.BitsOf<T>();

    private static Vector256<T> Load<T>(Warp warp, Slot slot, int first) where T : unmanaged => Vector256.LoadAligned(warp.At<T>(slot, first));

    // The first lanes of a vector have the last bits.
    private static void Store<T>(T* to, Vector256<T> value, uint lanes) where T : unmanaged =>
        Vector256.ConditionalSelect(VectorOf<T>(lanes), value, Vector256.LoadAligned(to)).StoreAligned(to);

    // Ones in the lanes of a bit mask.
    private static Vector256<T> VectorOf<T>(uint lanes) where T : unmanaged
    {
        static Vector256<TBits> Ones<TBits>(Vector256<TBits> all, Vector256<TBits> each) => Vector256.Equals(all & each, each);
        return sizeof(T) == sizeof(ulong) ? Ones(Vector256.Create((ulong)lanes), Vector256.Create(1ul, 2, 4, 8)).As<ulong, T>()
            : Ones(Vector256.Create(lanes), Vector256.Create(1u, 2, 4, 8, 16, 32, 64, 128)).As<uint, T>();
    }

    // The other way round: the lanes that have ones.
    private static uint LanesIn<T>(Vector256<T> ones) where T : unmanaged =>
        sizeof(T) == sizeof(ushort) ? Vector256.ExtractMostSignificantBits(ones.AsUInt32() << 16) : Vector256.ExtractMostSignificantBits(ones);
}
