using System.Numerics;
using VideoSim.PtxMachine.Running;
using VideoSim.PtxMachine.Text;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Loads, stores, atomic operations, addresses and asynchronous copies.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private static readonly (string Name, Space Space)[] Spaces =
    [
        ("", Space.Generic), (".global", Space.Global), (".shared", Space.Shared), (".local", Space.Local),
        (".param", Space.Parameters), (".const", Space.Constant), (".global.nc", Space.Global),
    ];

    private void AddMemory()
    {
        Accesses<byte>();
        Accesses<ushort>();
        Accesses<uint>();
        Accesses<ulong>();
        foreach (var (name, space) in Spaces[..3])
        {
            Atomics<uint>(name, space, "u32", "b32");
            Atomics<int>(name, space, "s32");
            Atomics<ulong>(name, space, "u64", "b64");
            Atomics<long>(name, space, "s64");
            Atomic<float>($"{name}.add.f32", space, static (old, value, _) => old + value, outside: Flush);
            Atomic<double>($"{name}.add.f64", space, static (old, value, _) => old + value);
        }
        // A generic address of device memory is its address.
        foreach (string same in new[] { "cvta.to.global.u64", "cvta.global.u64", "cvta.const.u64", "cvta.to.const.u64" })
            One<ulong>(same, static a => a);
        Move("cvta.shared.u64", static (warp, _) => warp.Block.SharedBegin);
        Move("cvta.to.shared.u64", static (warp, _) => 0 - warp.Block.SharedBegin);
        Move("cvta.local.u64", static (warp, lane) => warp.Block.LocalBegin(warp, lane));
        _table.Add("membar.cta", static _ => static (_, _) => { });
        _table.Add("membar.gl", static _ => static (_, _) => { });
        Each("cp.async.ca.shared.global", Copy);
        Each("cp.async.cg.shared.global", Copy);
        _table.Add("cp.async.commit_group", static _ => static (warp, lanes) => warp.Copies.Close(lanes));
        _table.Add("cp.async.wait_group", static operands =>
        {
            int left = (int)Math.Min(operands.Number(0), int.MaxValue / 2);
            return (warp, lanes) => warp.Copies.Wait(warp, lanes, left);
        });
        _table.Add("cp.async.wait_all", static _ => static (warp, lanes) =>
        {
            warp.Copies.Close(lanes);
            warp.Copies.Wait(warp, lanes, 0);
        });
    }

    // Loads and stores of all types that have the size of T.
    private void Accesses<T>() where T : unmanaged, IBinaryInteger<T>
    {
        foreach (var type in PtxType.All.Values.Where(static type => type.Bytes == sizeof(T)))
        {
            foreach (var (vector, count) in new[] { ("", 1), (".v2", 2), (".v4", 4) }.Where(static vector => vector.Item2 * sizeof(T) <= 16))
            {
                foreach (var (name, space) in Spaces)
                    Load<T>($"ld{name}{vector}.{type.Name}", space, type, count);
                foreach (var (name, space) in Spaces[..4])
                    Store<T>($"st{name}{vector}.{type.Name}", space, type, count);
            }
        }
    }

    // The registers may be wider than the type.
    private void Load<T>(string opcode, Space space, PtxType type, int count) where T : unmanaged, IBinaryInteger<T> => Each(opcode, operands =>
    {
        var (to, from) = (operands.List(0, type.RegisterBits, count, most: 64), operands.Address(1));
        return (warp, lane) =>
        {
            var values = (T*)At(warp, lane, space, from, sizeof(T) * count, Access.Read);
            for (int i = 0; i < count; i++)
                warp.Set(to[i], lane, type.Extend(ulong.CreateTruncating(values[i])));
        };
    });

    private void Store<T>(string opcode, Space space, PtxType type, int count) where T : unmanaged, IBinaryInteger<T> => Each(opcode, operands =>
    {
        var (to, from) = (operands.Address(0), operands.List(1, type.RegisterBits, count, most: 64));
        return (warp, lane) =>
        {
            var values = (T*)At(warp, lane, space, to, sizeof(T) * count, Access.Write);
            for (int i = 0; i < count; i++)
                values[i] = T.CreateTruncating(warp.Get(from[i], lane));
        };
    });

    private static byte* At(Warp warp, int lane, Space space, (Slot Base, ulong Offset) address, int bytes, Access access) =>
        warp.Block.At(space, AddressOf(warp, lane, address), bytes, access, warp, lane);

    // Shared memory has addresses of 32 bits, too.
    private static ulong AddressOf(Warp warp, int lane, (Slot Base, ulong Offset) address)
    {
        ulong sum = warp.Get(address.Base, lane) + address.Offset;
        return address.Base.Bits == 64 ? sum : (uint)sum;
    }

    private void Atomics<T>(string name, Space space, string type, string? bits = null) where T : unmanaged, IBinaryInteger<T>
    {
        Atomic<T>($"{name}.add.{type}", space, static (old, value, _) => old + value);
        Atomic<T>($"{name}.min.{type}", space, static (old, value, _) => T.Min(old, value));
        Atomic<T>($"{name}.max.{type}", space, static (old, value, _) => T.Max(old, value));
        if (bits is null)
            return;
        Atomic<T>($"{name}.and.{bits}", space, static (old, value, _) => old & value);
        Atomic<T>($"{name}.or.{bits}", space, static (old, value, _) => old | value);
        Atomic<T>($"{name}.xor.{bits}", space, static (old, value, _) => old ^ value);
        Atomic<T>($"{name}.exch.{bits}", space, static (_, value, _) => value, hasRed: false);
        Atomic<T>($"{name}.cas.{bits}", space, static (old, compare, value) => old == compare ? value : old, values: 2, hasRed: false);
    }

    // "atom" returns the old value. outside() changes operands and results outside of shared memory.
    private void Atomic<T>(string name, Space space, Func<T, T, T, T> function, int values = 1, bool hasRed = true, Func<T, T>? outside = null)
        where T : unmanaged
    {
        Each($"atom{name}", operands => Change(operands, operands.At<T>(0), 1, values, space, function, outside));
        if (hasRed)
            Each($"red{name}", operands => Change(operands, operands.Unused(Warp.BitsOf<T>()), 0, values, space, function, outside));
    }

    // The address is operand `at`. With one value, the function gets it twice.
    private static LaneStep Change<T>(Operands operands, Slot to, int at, int values, Space space, Func<T, T, T, T> function, Func<T, T>? outside)
        where T : unmanaged
    {
        var address = operands.Address(at);
        Slot a = operands.At<T>(at + 1), b = operands.At<T>(at + values);
        return (warp, lane) =>
        {
            var place = (T*)At(warp, lane, space, address, sizeof(T), Access.Atomic);
            T old = *place, x = *warp.At<T>(a, lane), y = *warp.At<T>(b, lane);
            *place = outside is null || warp.Block.IsShared(place) ? function(old, x, y) : outside(function(outside(old), outside(x), outside(y)));
            *warp.At<T>(to, lane) = old;
        };
    }

    private void Move(string opcode, Func<Warp, int, ulong> distance) => Each(opcode, operands =>
    {
        Slot to = operands.At<ulong>(0), from = operands.At<ulong>(1);
        return (warp, lane) => *warp.At<ulong>(to, lane) = *warp.At<ulong>(from, lane) + distance(warp, lane);
    });

    // [to], [from], size, and how many bytes the source has; the rest becomes 0.
    private static LaneStep Copy(Operands operands)
    {
        var (to, from) = (operands.Address(0), operands.Address(1));
        int size = operands.Number(2) is 4 or 8 or 16 ? (int)operands.Number(2) : throw operands.Bad("a copy has 4, 8 or 16 bytes");
        var bytes = operands.Count > 3 ? operands.At<uint>(3) : operands.Constant((ulong)size, 32);
        return (warp, lane) =>
        {
            uint has = *warp.At<uint>(bytes, lane);
            ulong target = AddressOf(warp, lane, to), begin = AddressOf(warp, lane, from);
            if (has > size)
                throw warp.Block.Fault($"a copy of {has} bytes into {size}", warp, 1u << lane);
            if (has != 0 && begin % (uint)size != 0)
                throw warp.Block.Fault($"a copy of {size} bytes from an address that is no multiple of {size}", warp, 1u << lane);
            warp.Block.At(Space.Shared, target, size, Access.BeginCopy, warp, lane);
            byte* source = null;
            int step = has == size ? size : 1; // the bytes behind the source are not read
            for (int i = (int)has - step; i >= 0; i -= step)
                source = warp.Block.At(Space.Global, begin + (uint)i, step, Access.Read, warp, lane);
            warp.Copies.Begin(lane, target, source, (int)has, size);
        };
    }
}
