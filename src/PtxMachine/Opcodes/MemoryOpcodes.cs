using System.Numerics;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>Loads, stores, atomic operations, addresses and asynchronous copies.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private static readonly (string Name, Space Space)[] Spaces =
        [("", Space.Generic), (".global", Space.Global), (".shared", Space.Shared), (".local", Space.Local), (".param", Space.Parameters), (".const", Space.Constant), (".global.nc", Space.Global)];

    private void AddMemory()
    {
        foreach (var (name, space) in Spaces)
        {
            foreach (var (vector, count) in new[] { ("", 1), (".v2", 2), (".v4", 4) })
            {
                Accesses<byte>(name, space, vector, count, "u8", "b8");
                Accesses<sbyte>(name, space, vector, count, "s8");
                Accesses<ushort>(name, space, vector, count, "u16", "b16");
                Accesses<short>(name, space, vector, count, "s16");
                Accesses<uint>(name, space, vector, count, "u32", "b32", "f32");
                Accesses<int>(name, space, vector, count, "s32");
                if (count < 4)
                    Accesses<ulong>(name, space, vector, count, "u64", "b64", "f64", "s64");
            }
        }
        AddAtomics();
        AddAddresses();
        AddCopies();
    }

    private void Accesses<T>(string name, Space space, string vector, int count, params string[] types) where T : unmanaged, IBinaryInteger<T>
    {
        foreach (string type in types)
        {
            Load<T>($"ld{name}{vector}.{type}", space, count);
            if (space is not (Space.Parameters or Space.Constant) && !name.EndsWith(".nc", StringComparison.Ordinal))
                Store<T>($"st{name}{vector}.{type}", space, count);
        }
    }

    // The registers may be wider than the type.
    private void Load<T>(string opcode, Space space, int count) where T : unmanaged, IBinaryInteger<T> => _table.Add(opcode, operands =>
    {
        var to = operands.List(0, BitsOf<T>(), count, 64);
        var (from, offset) = operands.Address(1);
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
            {
                var values = (T*)warp.Block.At(space, Address(warp, from, offset, lane), sizeof(T) * count, Access.Read, warp, lane);
                for (int i = 0; i < count; i++)
                    SetWide(warp, to[i], lane, values[i]);
            }
        };
    });

    private void Store<T>(string opcode, Space space, int count) where T : unmanaged => _table.Add(opcode, operands =>
    {
        var (to, offset) = operands.Address(0);
        var from = operands.List(1, BitsOf<T>(), count, 64);
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
            {
                var values = (T*)warp.Block.At(space, Address(warp, to, offset, lane), sizeof(T) * count, Access.Write, warp, lane);
                for (int i = 0; i < count; i++)
                    values[i] = GetWide<T>(warp, from[i], lane);
            }
        };
    });

    // Shared memory has addresses of 32 bits, too.
    private static ulong Address(Warp warp, Slot slot, ulong offset, int lane) => slot.Bits == 64 ? Get<ulong>(warp, slot, lane) + offset : Get<uint>(warp, slot, lane) + (uint)offset;

    private void AddAtomics()
    {
        foreach (var (name, space) in Spaces.Where(static space => space.Name is "" or ".global" or ".shared"))
        {
            Atomics<uint>(name, space, "u32", "b32");
            Atomics<int>(name, space, "s32", "");
            Atomics<ulong>(name, space, "u64", "b64");
            Atomics<long>(name, space, "s64", "");
            Atomic<float>($"{name}.add.f32", space, static (old, value) => old + value, Flush);
            Atomic<double>($"{name}.add.f64", space, static (old, value) => old + value);
        }
    }

    private void Atomics<T>(string name, Space space, string type, string bits) where T : unmanaged, IBinaryInteger<T>
    {
        Atomic<T>($"{name}.add.{type}", space, static (old, value) => old + value);
        Atomic<T>($"{name}.min.{type}", space, T.Min);
        Atomic<T>($"{name}.max.{type}", space, T.Max);
        if (bits.Length == 0)
            return;
        Atomic<T>($"{name}.and.{bits}", space, static (old, value) => old & value);
        Atomic<T>($"{name}.or.{bits}", space, static (old, value) => old | value);
        Atomic<T>($"{name}.xor.{bits}", space, static (old, value) => old ^ value);
        _table.Add($"atom{name}.exch.{bits}", operands => Change<T>(operands.At(0, BitsOf<T>()), operands.Address(1), operands.At(2, BitsOf<T>()), operands.At(2, BitsOf<T>()), space,
            static (_, value, _) => value));
        _table.Add($"atom{name}.cas.{bits}", operands => Change<T>(operands.At(0, BitsOf<T>()), operands.Address(1), operands.At(2, BitsOf<T>()), operands.At(3, BitsOf<T>()), space,
            static (old, compare, value) => old == compare ? value : old));
    }

    // "atom" returns the old value, and "red" does not. outside() changes operands and results outside of shared
    // memory.
    private void Atomic<T>(string name, Space space, Func<T, T, T> function, Func<T, T>? outside = null) where T : unmanaged
    {
        T Ignoring(T old, T value, T _) => function(old, value);
        _table.Add($"atom{name}", operands => Change<T>(operands.At(0, BitsOf<T>()), operands.Address(1), operands.At(2, BitsOf<T>()), operands.At(2, BitsOf<T>()), space, Ignoring, outside));
        _table.Add($"red{name}", operands => Change<T>(null, operands.Address(0), operands.At(1, BitsOf<T>()), operands.At(1, BitsOf<T>()), space, Ignoring, outside));
    }

    private static Step Change<T>(Slot? to, (Slot Base, ulong Offset) address, Slot a, Slot b, Space space, Func<T, T, T, T> function, Func<T, T>? outside = null)
        where T : unmanaged => (warp, lanes) =>
    {
        foreach (int lane in new Lanes(lanes))
        {
            var at = (T*)warp.Block.At(space, Address(warp, address.Base, address.Offset, lane), sizeof(T), Access.Atomic, warp, lane);
            var old = *at;
            *at = outside is null || warp.Block.IsShared(at) ? function(old, Get<T>(warp, a, lane), Get<T>(warp, b, lane))
                : outside(function(outside(old), outside(Get<T>(warp, a, lane)), default));
            if (to is { } result)
                Set(warp, result, lane, old);
        }
    };

    // A generic address of device memory is its address.
    private void AddAddresses()
    {
        foreach (string same in new[] { "cvta.to.global.u64", "cvta.global.u64", "cvta.const.u64", "cvta.to.const.u64" })
            One<ulong>(same, static a => a);
        Convert("cvta.shared.u64", static (warp, _, address) => warp.Block.GenericOfShared(address));
        Convert("cvta.to.shared.u64", static (warp, _, address) => warp.Block.SharedOfGeneric(address));
        Convert("cvta.local.u64", static (warp, lane, address) => warp.Block.GenericOfLocal(warp, lane, address));
        _table.Add("membar.cta", static _ => static (_, _) => { });
        _table.Add("membar.gl", static _ => static (_, _) => { });
    }

    private void Convert(string opcode, Func<Warp, int, ulong, ulong> function) => _table.Add(opcode, operands =>
    {
        Slot to = operands.At(0, 64), from = operands.At(1, 64);
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
                Set(warp, to, lane, function(warp, lane, Get<ulong>(warp, from, lane)));
        };
    });

    private void AddCopies()
    {
        foreach (string cache in new[] { "ca", "cg" })
            _table.Add($"cp.async.{cache}.shared.global", Copies);
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

    // [to], [from], size, and how many bytes the source has; the rest becomes 0.
    private static Step Copies(Operands operands)
    {
        var (to, toOffset) = operands.Address(0);
        var (from, fromOffset) = operands.Address(1);
        int size = operands.Number(2) is 4 or 8 or 16 ? (int)operands.Number(2) : throw operands.Bad("a copy has 4, 8 or 16 bytes");
        var bytes = operands.Count > 3 ? operands.At(3, 32) : operands.Constant((ulong)size);
        return (warp, lanes) =>
        {
            foreach (int lane in new Lanes(lanes))
            {
                uint has = Get<uint>(warp, bytes, lane);
                ulong target = Address(warp, to, toOffset, lane), begin = Address(warp, from, fromOffset, lane);
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
            }
        };
    }
}
