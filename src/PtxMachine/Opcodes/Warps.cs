using System.Runtime.Intrinsics;
using VideoSim.PtxMachine.Running;

namespace VideoSim.PtxMachine.Opcodes;

/// <summary>What the lanes of a warp do together.</summary>
internal sealed unsafe partial class OpcodeTable
{
    private const int MatrixSide = 8, M = 16, N = 8, K = 16;

    private void AddWarps()
    {
        foreach (string branch in new[] { "bra", "bra.uni" })
        {
            _table.Add(branch, static operands =>
            {
                int target = operands.Target();
                return (warp, lanes) => warp.Go(lanes, target);
            });
        }
        _table.Add("ret", static _ => static (warp, lanes) => warp.End(lanes));
        _table.Add("exit", static _ => static (warp, lanes) => warp.End(lanes));
        _table.Add("bar.sync", static operands => operands.Number(0) == 0 ? Barrier : throw operands.Bad($"{Lacks} barrier but 0"));
        _table.Add("bar.warp.sync", static operands => OfMembers(operands.At<uint>(0), static (warp, lanes) => warp.Sync(lanes)));
        // Lane j of `clamp` bits 0 to 4 is the last one of a segment, or for .up the first.
        Shuffle("up", static (lane, b, _, _) => lane - b);
        Shuffle("down", static (lane, b, _, _) => lane + b);
        Shuffle("bfly", static (lane, b, _, _) => lane ^ b);
        Shuffle("idx", static (_, b, first, segment) => first | (b & ~segment));
        Vote("any.pred", 1, static (votes, _) => votes != 0 ? 1u : 0);
        Vote("all.pred", 1, static (votes, lanes) => votes == lanes ? 1u : 0);
        Vote("ballot.b32", 32, static (votes, _) => votes);
        _table.Add("activemask.b32", static operands =>
        {
            var to = operands.At<uint>(0);
            return (warp, lanes) => warp.Fill(to, lanes, lanes);
        });
        foreach (int count in new[] { 1, 2, 4 })
        {
            _table.Add($"ldmatrix.sync.aligned.m8n8.x{count}.shared.b16", operands => LoadMatrices(operands, count, Layouts.Loaded));
            _table.Add($"ldmatrix.sync.aligned.m8n8.x{count}.trans.shared.b16", operands => LoadMatrices(operands, count, Layouts.LoadedTransposed));
        }
        _table.Add("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", Multiply);
    }

    // The other warps of the block wait, too.
    private static void Barrier(Warp warp, uint lanes)
    {
        if (lanes != warp.Alive)
            throw warp.Block.Fault("a barrier in code that only some threads of a warp reach", warp, lanes);
        warp.IsAtBarrier = true;
    }

    // The lanes that the instruction names, but for those that ended, have to be exactly those that are here.
    private static Step OfMembers(Slot members, Step step) => (warp, lanes) =>
    {
        foreach (int lane in new Lanes(lanes))
        {
            uint named = *warp.At<uint>(members, lane) & warp.Alive;
            if (named != lanes)
                throw warp.Block.Fault($"lanes {lanes:x8} of the warp are here, and the instruction names {named:x8}", warp, 1u << lane);
        }
        step(warp, lanes);
    };

    private static Step OfAll(Step step) => (warp, lanes) =>
    {
        if (lanes != Warp.AllLanes)
            throw warp.Block.Fault($"only lanes {lanes:x8} of the warp are here, and the instruction needs all", warp, lanes);
        step(warp, lanes);
    };

    private void Shuffle(string mode, Func<int, int, int, int, int> sourceOf) => _table.Add($"shfl.sync.{mode}.b32", operands =>
    {
        var (to, predicate) = operands.Result(0);
        Slot a = operands.At<uint>(1), b = operands.At<uint>(2), c = operands.At<uint>(3);
        return OfMembers(operands.At<uint>(4), (warp, lanes) =>
        {
            Span<uint> values = stackalloc uint[Warp.Size];
            new Span<uint>(warp.At<uint>(a), Warp.Size).CopyTo(values);
            uint within = 0;
            foreach (int lane in new Lanes(lanes))
            {
                int clamp = *warp.At<int>(c, lane), segment = clamp >> 8 & 31, first = lane & segment, limit = first | (clamp & 31 & ~segment);
                int source = sourceOf(lane, *warp.At<int>(b, lane) & 31, first, segment);
                if (mode == "up" ? source >= limit : source <= limit)
                    within |= 1u << lane;
                else
                    source = lane;
                if ((lanes >> source & 1) == 0)
                    throw warp.Block.Fault($"lane {source}, whose value the shuffle takes, is not here", warp, 1u << lane);
                *warp.At<uint>(to, lane) = values[source];
            }
            if (predicate is { } result)
                warp.SetPredicate(result, within, lanes);
        });
    });

    private void Vote(string mode, int bits, Func<uint, uint, uint> function) => _table.Add($"vote.sync.{mode}", operands =>
    {
        Slot to = operands.At(0, bits), predicate = operands.At(1, 1);
        return OfMembers(operands.At<uint>(2), (warp, lanes) => warp.Fill(to, function(warp.Predicate(predicate) & lanes, lanes), lanes));
    });

    // Lanes 8 m to 8 m + 7 have the addresses of the rows of matrix m.
    private static Step LoadMatrices(Operands operands, int count, Fragment layout)
    {
        const int RowBytes = MatrixSide * sizeof(ushort);
        var (to, from) = (operands.List(0, 32, count), operands.Address(1));
        return OfAll((warp, _) =>
        {
            ushort* rows = stackalloc ushort[Warp.Size * MatrixSide];
            for (int lane = 0; lane < count * MatrixSide; lane++)
                Buffer.MemoryCopy(At(warp, lane, Space.Shared, from, RowBytes, Access.Read), rows + (lane * MatrixSide), RowBytes, RowBytes);
            for (int matrix = 0; matrix < count; matrix++)
            {
                foreach (var (lane, i, index) in layout.Places)
                    warp.At<ushort>(to[matrix], lane)[i] = rows[(matrix * MatrixSide * MatrixSide) + index];
            }
        });
    }

    // D = A B + C. The products are added one after the other in fp32, as in the emulator: a GPU's order is not known.
    private static Step Multiply(Operands operands)
    {
        Slot[] to = operands.List(0, 32, 4), a = operands.List(1, 32, 4), b = operands.List(2, 32, 2), c = operands.List(3, 32, 4);
        return OfAll((warp, _) =>
        {
            float* left = stackalloc float[M * K], right = stackalloc float[K * N], sum = stackalloc float[M * N];
            foreach (var (lane, i, index) in Layouts.A.Places)
                left[index] = HalfOf(warp, a[i / 2], lane, i % 2);
            foreach (var (lane, i, index) in Layouts.B.Places)
                right[index] = HalfOf(warp, b[i / 2], lane, i % 2);
            foreach (var (lane, i, index) in Layouts.C.Places)
                sum[index] = *warp.At<float>(c[i], lane);
            for (int row = 0; row < M; row++)
            {
                var total = Vector256.Load(sum + (row * N));
                for (int k = 0; k < K; k++)
                    total = Vector256.FusedMultiplyAdd(Vector256.Create(left[(row * K) + k]), Vector256.Load(right + (k * N)), total);
                Vector256.Store(total, sum + (row * N));
            }
            foreach (var (lane, i, index) in Layouts.C.Places)
                *warp.At<float>(to[i], lane) = sum[index];
        });
    }

    // One of two bf16 in a register.
    private static float HalfOf(Warp warp, Slot register, int lane, int half) =>
        BitConverter.UInt32BitsToSingle((uint)warp.At<ushort>(register, lane)[half] << 16);
}
