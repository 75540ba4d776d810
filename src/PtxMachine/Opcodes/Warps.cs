using System.Numerics;
using System.Runtime.Intrinsics;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>What the lanes of a warp do together.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private const int MatrixSide = 8, M = 16, N = 8, K = 16;

    private void AddWarps()
    {
        // Lane j of `clamp` bits 0 to 4 is the last one of a segment, or for .up the first.
        Shuffle("up", static (lane, b, _, _) => lane - b, static (lane, limit) => lane >= limit);
        Shuffle("down", static (lane, b, _, _) => lane + b, static (lane, limit) => lane <= limit);
        Shuffle("bfly", static (lane, b, _, _) => lane ^ b, static (lane, limit) => lane <= limit);
        Shuffle("idx", static (_, b, first, segment) => first | (b & ~segment), static (lane, limit) => lane <= limit);
        Vote("any", static (votes, _) => votes != 0);
        Vote("all", static (votes, lanes) => votes == lanes);
        _table.Add("vote.sync.ballot.b32", static operands =>
        {
            Slot to = operands.At(0, 32), predicate = operands.At(1, 1), members = operands.At(2, 32);
            return (warp, lanes) =>
            {
                RequireMembers(warp, lanes, members);
                uint votes = warp.Predicate(predicate) & lanes;
                foreach (int lane in new Lanes(lanes))
                    Set(warp, to, lane, votes);
            };
        });
        _table.Add("activemask.b32", static operands =>
        {
            var to = operands.At(0, 32);
            return (warp, lanes) =>
            {
                foreach (int lane in new Lanes(lanes))
                    Set(warp, to, lane, lanes);
            };
        });
        _table.Add("bar.warp.sync", static operands =>
        {
            var members = operands.At(0, 32);
            return (warp, lanes) =>
            {
                RequireMembers(warp, lanes, members);
                warp.Sync(lanes);
            };
        });
        foreach (int count in new[] { 1, 2, 4 })
        {
            _table.Add($"ldmatrix.sync.aligned.m8n8.x{count}.shared.b16", operands => LoadMatrices(operands, count, Layouts.Loaded));
            _table.Add($"ldmatrix.sync.aligned.m8n8.x{count}.trans.shared.b16", operands => LoadMatrices(operands, count, Layouts.LoadedTransposed));
        }
        _table.Add("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", Multiply);
    }

    // The lanes that the instruction names, but for those that ended, have to be exactly those that are here.
    private static void RequireMembers(Warp warp, uint lanes, Slot members)
    {
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            uint named = Get<uint>(warp, members, BitOperations.TrailingZeroCount(left)) & warp.Alive;
            if (named != lanes)
                throw warp.Block.Fault($"lanes {lanes:x8} of the warp are here, and the instruction names {named:x8}", warp, left);
        }
    }

    private static void RequireAll(Warp warp, uint lanes)
    {
        if (lanes != Warp.AllLanes)
            throw warp.Block.Fault($"only lanes {lanes:x8} of the warp are here, and the instruction needs all", warp, lanes);
    }

    private void Shuffle(string mode, Func<int, int, int, int, int> sourceOf, Func<int, int, bool> isWithin) => _table.Add($"shfl.sync.{mode}.b32", operands =>
    {
        var (to, predicate) = operands.Result(0);
        Slot a = operands.At(1, 32), b = operands.At(2, 32), c = operands.At(3, 32), members = operands.At(4, 32);
        return (warp, lanes) =>
        {
            RequireMembers(warp, lanes, members);
            uint* values = stackalloc uint[Warp.Size];
            new Span<uint>(warp.At<uint>(a), Warp.Size).CopyTo(new Span<uint>(values, Warp.Size));
            uint within = 0;
            foreach (int lane in new Lanes(lanes))
            {
                int clamp = (int)Get<uint>(warp, c, lane), segment = clamp >> 8 & 31;
                int first = lane & segment, limit = first | (clamp & 31 & ~segment);
                int source = sourceOf(lane, (int)Get<uint>(warp, b, lane) & 31, first, segment);
                if (isWithin(source, limit))
                    within |= 1u << lane;
                else
                    source = lane;
                if ((lanes >> source & 1) == 0)
                    throw warp.Block.Fault($"lane {source}, whose value the shuffle takes, is not here", warp, 1u << lane);
                Set(warp, to, lane, values[source]);
            }
            if (predicate is { } result)
                Set(ref warp.Predicate(result), within, lanes);
        };
    });

    private void Vote(string mode, Func<uint, uint, bool> function) => _table.Add($"vote.sync.{mode}.pred", operands =>
    {
        Slot to = operands.At(0, 1), predicate = operands.At(1, 1), members = operands.At(2, 32);
        return (warp, lanes) =>
        {
            RequireMembers(warp, lanes, members);
            Set(ref warp.Predicate(to), function(warp.Predicate(predicate) & lanes, lanes) ? Warp.AllLanes : 0, lanes);
        };
    });

    // Lanes 8 m to 8 m + 7 have the addresses of the rows of matrix m.
    private static Step LoadMatrices(Operands operands, int count, Fragment layout)
    {
        var to = operands.List(0, 32, count);
        var (from, offset) = operands.Address(1);
        return (warp, lanes) =>
        {
            RequireAll(warp, lanes);
            ushort* rows = stackalloc ushort[Warp.Size * MatrixSide];
            for (int lane = 0; lane < to.Length * MatrixSide; lane++)
            {
                const int RowBytes = MatrixSide * sizeof(ushort);
                byte* row = warp.Block.At(Space.Shared, Address(warp, from, offset, lane), RowBytes, Access.Read, warp, lane);
                Buffer.MemoryCopy(row, rows + (lane * MatrixSide), RowBytes, RowBytes);
            }
            for (int matrix = 0; matrix < to.Length; matrix++)
            {
                ushort* elements = rows + (matrix * MatrixSide * MatrixSide);
                for (int lane = 0; lane < Warp.Size; lane++)
                    Set(warp, to[matrix], lane, elements[layout.IndexOf(lane, 0)] | (uint)elements[layout.IndexOf(lane, 1)] << 16);
            }
        };
    }

    // D = A B + C. The products are added one after the other in fp32, as in the emulator: a GPU's order is not known.
    private static Step Multiply(Operands operands)
    {
        Slot[] to = operands.List(0, 32, 4), a = operands.List(1, 32, 4), b = operands.List(2, 32, 2), c = operands.List(3, 32, 4);
        return (warp, lanes) =>
        {
            RequireAll(warp, lanes);
            float* left = stackalloc float[M * K], right = stackalloc float[K * N], sum = stackalloc float[M * N];
            for (int lane = 0; lane < Warp.Size; lane++)
            {
                Gather(warp, lane, a, Layouts.A, left);
                Gather(warp, lane, b, Layouts.B, right);
                for (int i = 0; i < Layouts.C.Elements; i++)
                    sum[Layouts.C.IndexOf(lane, i)] = Get<float>(warp, c[i], lane);
            }
            for (int row = 0; row < M; row++)
            {
                var total = Vector256.Load(sum + (row * N));
                for (int k = 0; k < K; k++)
                    total = Vector256.FusedMultiplyAdd(Vector256.Create(left[(row * K) + k]), Vector256.Load(right + (k * N)), total);
                Vector256.Store(total, sum + (row * N));
            }
            for (int lane = 0; lane < Warp.Size; lane++)
            {
                for (int i = 0; i < Layouts.C.Elements; i++)
                    Set(warp, to[i], lane, sum[Layouts.C.IndexOf(lane, i)]);
            }
        };
    }

    // Two bf16 of each register.
    private static void Gather(Warp warp, int lane, Slot[] registers, Fragment layout, float* matrix)
    {
        for (int i = 0; i < layout.Elements; i++)
        {
            uint pair = Get<uint>(warp, registers[i / 2], lane);
            matrix[layout.IndexOf(lane, i)] = BitConverter.UInt32BitsToSingle(i % 2 == 0 ? pair << 16 : pair & 0xffff0000);
        }
    }
}
