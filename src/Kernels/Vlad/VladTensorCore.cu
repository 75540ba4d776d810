// VladTensorCore.cu: aggregation of NeXtVLAD on tensor cores, for bf16; forward and backward. The formulas are those
// of Vlad.cu.
//   A = softmax over k of the normalised ClusterLogits times sigmoid(GroupLogits)
//   V[d, k] = sum over r of A[r, k] (H[r, d] - M[d, k]);  Descriptor = V of length 1 for each k;  Y = Descriptor mask
//   dV = (dY mask - Descriptor (sum over d of dY mask Descriptor)) InverseNorm
//   dH = A dV^T,   dA = H dV - 1 (sum over d of M dV),   dM = -sum over videos of Mass dV
//   with A = p o, p the softmax, and S = sum over k of p dA:   dNormalised = o p (dA - S),  dGroupLogits = o (1 - o) S
//   Partial = sums over a video of dNormalised, and of its product with the standardised logit
//   of one video: H = Hidden [Rows, D]   A [Rows, K]   M = Centres [D, K]
// Types   Hidden, logits, Descriptor, Y and their gradients bf16; operands of products bf16; all sums and all else
//         fp32
// Launch  a block of 16 warps per chunk of the videos of one aggregation, which fills a multiprocessor;
//         finish_centres: a thread per element, which adds the chunks in order
// Limits  K 8, 16, 32 or 64; D a multiple of 16 up to MAX_D; Groups K up to MAX_COLUMNS; tensors on 16 bytes; 99 KiB
//         of shared memory
// Floor   forward reads H and logits and writes Descriptor and Y once; backward reads H, logits, Descriptor and dY and
//         writes dH and dNormalised once: bytes / bandwidth
// Why     A, p and the normalised logits are recomputed, not stored: backward reads the logits anyway. H passes
//         through shared memory in tiles of 16 rows. Two tiles are being loaded while one is used, also at the end of
//         a video. Rows of tiles are padded by 16 bytes. The 16-byte pieces of a row of [D, K] are reordered by the
//         number of the row. So ldmatrix has no bank conflicts. Partial gradients of the centres stay in registers
//         over the videos of a chunk. A gradient [D, K] of a single video is never in memory. The order of every sum
//         depends on the sizes only. The backward pass of batch normalisation starts from Partial.
//         docs/kernels/nextvlad.md counts the bytes
#include "VladGradients.cuh"

// ---- forward

// A warp computes every eighth tile of 16 rows of V [D, K], for one half of the clusters.
constexpr int PARTS = WARPS / 2, D_TILES = MAX_D / 16 / PARTS, K_TILES = WIDTH / 8 / 2;

// Writes A of a tile to one half of the memory for assignments. Returns the pair that the lane has written.
DEVICE unsigned assign(const VladArgs& a, const Chunk& chunk, const Tile& tile, int group, int half, int statistics, unsigned logits,
                       float group_logit) {
    unsigned pair = 0;
    if (chunk.has_row(tile))
        pair = assignment_of(share_of_row(a.Norm, statistics + group * a.K, chunk.weights() + group * a.K, a.K, logits, group_logit));
    *(unsigned*)(chunk.memory.assignment + (half * ROWS + warp_of()) * STRIDE + 2 * lane_of()) = pair;
    return pair;
}

// Finishes a video: subtracts the centres from the sums, scales to length 1, applies dropout and writes the results.
DEVICE void finish_video(const VladArgs& a, const Memory& memory, int video, float (&sum)[D_TILES][K_TILES][4]) {
    // A lane has rows d and d + 8 and columns k and k + 1 of every tile of the sums.
    const int part = warp_of() % PARTS, d_of_lane = lane_of() / 4, k_of_lane = WIDTH / 2 * (warp_of() / PARTS) + lane_of() % 4 * 2;
    const float* centres = a.Centres + (long long)(video / a.Videos) * a.D * a.K;
#pragma unroll
    for (int n = 0; n < K_TILES; n++) {
        const int k = k_of_lane + 8 * n;
        const float2 mass = pair_at(memory.of_cluster + k);
        float squares0 = 0, squares1 = 0;
#pragma unroll
        for (int t = 0; t < D_TILES; t++) {
            const int d = 16 * (t * PARTS + part) + d_of_lane;
            if (d >= a.D || k >= a.K)
                continue;
#pragma unroll
            for (int i = 0; i < 4; i += 2) {
                const float2 centre = pair_at(centres + (d + 4 * i) * a.K + k);
                float &v0 = sum[t][n][i], &v1 = sum[t][n][i + 1];
                v0 = fmaf(-mass.x, centre.x, v0);
                v1 = fmaf(-mass.y, centre.y, v1);
                squares0 = fmaf(v0, v0, squares0);
                squares1 = fmaf(v1, v1, squares1);
            }
        }
#pragma unroll
        for (int distance = 4; distance < 32; distance *= 2) {
            squares0 += __shfl_xor_sync(0xffffffffu, squares0, distance);
            squares1 += __shfl_xor_sync(0xffffffffu, squares1, distance);
        }
        if (d_of_lane == 0)
            *(float2*)(memory.exchange + part * WIDTH + k) = make_float2(squares0, squares1);
    }
    sum_exchanged<PARTS>(memory, a.K, [&](int k, float squares) { return a.InverseNorm[(long long)video * a.K + k] = inverse_length(squares); });
    // The results pass through shared memory, so threads write 16 neighbouring bytes.
#pragma unroll
    for (int n = 0; n < K_TILES; n++) {
        const int k = k_of_lane + 8 * n;
        const float2 inverse = pair_at(memory.of_cluster + k);
#pragma unroll
        for (int t = 0; t < D_TILES; t++) {
            const int d = 16 * (t * PARTS + part) + d_of_lane;
            if (d >= a.D)
                continue;
#pragma unroll
            for (int i = 0; i < 4; i += 2)
                *(unsigned*)(memory.piece(d + 4 * i, k) + k % 8) = to_bf16_pair(sum[t][n][i] * inverse.x, sum[t][n][i + 1] * inverse.y);
        }
    }
    __syncthreads();
    const long long begin = (long long)video * a.D * a.K, element = in_whole_batch(a.Dropout, begin);
    Dropout dropout(a.Dropout);
    for (int at = 8 * threadIdx.x; at < a.D * a.K; at += 8 * THREADS) {
        float values[8];
        load_pack(values, memory.piece(at >> log_of(a.K), at & (a.K - 1)));
        if (a.Y != a.Descriptor)
            store_pack(a.Descriptor + begin + at, values); // exact: the values are bf16
#pragma unroll
        for (int i = 0; i < 8; i++)
            values[i] *= dropout.factor(element + at + i);
        store_pack(a.Y + begin + at, values);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) vlad_tensor_core_forward_bf16(const VladArgs a) {
    DYNAMIC_SHARED(unsigned char, dynamic);
    const Memory memory(dynamic, a.D, 2);
    const Chunk chunk(a, memory);
    const int part = warp_of() % PARTS, half = warp_of() / PARTS;
    unsigned logits = 0;
    float group_logit = 0;
    // Three tiles in the order of the rows: tile is multiplied, next gets its assignments, coming is read.
    Tile tile{chunk.first_video, 0, 0}, next = tile.next(a.Rows), coming = next.next(a.Rows);
    chunk.begin(tile);
    chunk.begin(next);
    chunk.read_logits(tile, logits, group_logit);
    GroupOfTile group(a.Groups);
    const int row_of_group = warp_of() % a.Groups;
    int buffer = 0, statistics = chunk.statistics(tile.video);
    unsigned assigned = assign(a, chunk, tile, group.of(row_of_group), buffer, statistics, logits, group_logit);
    chunk.read_logits(next, logits, group_logit);
    while (tile.video < chunk.end) {
        const int video = tile.video;
        float sum[D_TILES][K_TILES][4] = {}, mass0 = 0, mass1 = 0;
        for (; tile.video == video; tile = next, next = coming, coming = coming.next(a.Rows), buffer ^= 1) {
            cp_async_wait<STAGES - 2>();
            __syncthreads(); // the tile and its assignments are complete, and all warps are done with the tile before
            chunk.begin(coming);
            mass0 += first_of_pair(assigned);
            mass1 += second_of_pair(assigned);
            // Other warps multiply at the same time.
            group.go_to(next);
            if (next.first_row == 0)
                statistics = chunk.statistics(next.video);
            assigned = assign(a, chunk, next, group.of(row_of_group), buffer ^ 1, statistics, logits, group_logit);
            chunk.read_logits(coming, logits, group_logit);
            const bf16* hidden = chunk.hidden(tile.stage);
            const bf16* assignment = memory.assignment + buffer * ROWS * STRIDE + WIDTH / 2 * half;
            unsigned b[K_TILES / 2][4];
#pragma unroll
            for (int n = 0; n < K_TILES / 2; n++)
                ldmatrix_x4_trans(b[n], rows_first(assignment + 16 * n, STRIDE));
#pragma unroll
            for (int t = 0; t < D_TILES; t++) {
                const int d = 16 * (t * PARTS + part);
                if (d >= a.D)
                    continue;
                unsigned h[4];
                ldmatrix_x4_trans(h, columns_first(hidden + d, a.D + PAD));
#pragma unroll
                for (int n = 0; n < K_TILES; n++)
                    mma_16816(sum[t][n], h, b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
            }
        }
        *(float2*)(memory.exchange + warp_of() * WIDTH + 2 * lane_of()) = make_float2(mass0, mass1);
        sum_exchanged<WARPS>(memory, a.K, [&](int k, float mass) { return a.Mass[(long long)video * a.K + k] = mass; });
        finish_video(a, memory, video, sum);
    }
    cp_async_wait<0>();
}

// ---- backward

extern "C" __global__ void __launch_bounds__(THREADS, 1) vlad_tensor_core_backward_bf16(const VladTensorCoreGradArgs a) {
    const VladArgs& f = a.Forward;
    DYNAMIC_SHARED(unsigned char, dynamic);
    const Memory memory(dynamic, f.D, 1);
    const Chunk chunk(f, memory);
    const int warp = warp_of(), lane = lane_of();
    unsigned logits = 0;
    float group_logit = 0;
    Tile tile{chunk.first_video, 0, 0};
    chunk.begin(tile);
    chunk.begin(tile.next(f.Rows));
    chunk.read_logits(tile, logits, group_logit);
    GroupOfTile group(f.Groups);
    const int row_of_group = warp % f.Groups;
    for (int i = threadIdx.x; i < f.D * (WIDTH / 8); i += THREADS) // clusters past K stay zeros
        *(uint4*)(memory.pieces + 8 * i) = make_uint4(0, 0, 0, 0);

    float centres[PACKS][8] = {};
    while (tile.video < chunk.end) {
        const int video = tile.video, statistics = chunk.statistics(video);
        float sums[COLUMNS] = {}, products[COLUMNS] = {};
        __syncthreads(); // all warps are done with the previous video's shared memory
        differentiate_norm(a, memory, video, centres);
        for (; tile.video == video; tile = tile.next(f.Rows)) {
            const bool present = chunk.has_row(tile);
            const int at = video * f.Rows + tile.first_row + warp;
            bf16* hidden = chunk.hidden(tile.stage);
            cp_async_wait<STAGES - 2>();
            __syncthreads(); // the tile is complete, and all warps are done with the tile before
            chunk.begin(tile.next(f.Rows).next(f.Rows));
            group.go_to(tile);
            RowShare share{};
            if (present) {
                const int column = group.of(row_of_group) * f.K;
                share = share_of_row(f.Norm, statistics + column, chunk.weights() + column, f.K, logits, group_logit);
            }
            chunk.read_logits(tile.next(f.Rows), logits, group_logit);
            *(unsigned*)(memory.assignment + warp * STRIDE + 2 * lane) = assignment_of(share);
            differentiate_assignment(memory, hidden, f.D);
            __syncthreads();
            // A warp has a row, a lane two clusters of it. No other lane reads the values that this lane replaces in
            // exchange.
            float2 *first_half = (float2*)(memory.exchange + warp * STRIDE) + lane, *second_half = first_half + ROWS * STRIDE / 2;
            const float2 constant = pair_at(memory.of_cluster + 2 * lane);
            const float dA0 = first_half->x + second_half->x + constant.x, dA1 = first_half->y + second_half->y + constant.y;
            const float along = warp_sum(fmaf(share.p0, dA0, __fmul_rn(share.p1, dA1)));
            const float d0 = share.open * share.p0 * (dA0 - along), d1 = share.open * share.p1 * (dA1 - along);
            if (present) {
                if (a.dNormalised && 2 * lane < f.K)
                    *(unsigned*)(a.dNormalised + (long long)at * f.K + 2 * lane) = to_bf16_pair(d0, d1);
                if (a.dGroupLogits && lane == 0)
                    deliver(a.dGroupLogits + at, share.open * (1 - share.open) * along, a.AddGroupLogits);
            }
            *first_half = make_float2(d0, d1);
            *second_half = make_float2(d0 * share.n0, d1 * share.n1);
            if (a.dHidden)
                differentiate_hidden(memory, hidden, f.D);
            __syncthreads();
            if (a.dHidden && present)
                for_packs(f.D, [&](int d) {
                    float values[8];
                    load_pack(values, hidden + warp * (f.D + PAD) + d);
                    deliver_pack(a.dHidden + (long long)at * f.D + d, values, a.AddHidden);
                });
            // Rows of the video belong to the groups in turn, also from one tile to the next.
#pragma unroll
            for (int c = 0; c < COLUMNS; c++) {
                const int column = c * THREADS + threadIdx.x, k = column & (f.K - 1);
                if (column >= f.Norm.Columns)
                    continue;
                const int first = (column >> log_of(f.K)) - group.value; // row of the tile, up to a multiple of Groups
                for (int r = first < 0 ? first + f.Groups : first; r < ROWS; r += f.Groups) {
                    sums[c] += memory.exchange[r * STRIDE + k];
                    products[c] += memory.exchange[(ROWS + r) * STRIDE + k];
                }
            }
        }
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            const int column = c * THREADS + threadIdx.x;
            if (!a.Partial || column >= f.Norm.Columns)
                continue;
            float* partial = a.Partial + (long long)video * 2 * f.Norm.Columns + column;
            partial[0] = sums[c];
            partial[f.Norm.Columns] = products[c];
        }
    }
    cp_async_wait<0>();
    if (!a.PartialCentres)
        return;
    const int log = log_of(f.K) - 3, k = threadIdx.x % (1 << log) * 8;
#pragma unroll
    for (int i = 0; i < PACKS; i++) {
        const int d = (threadIdx.x >> log) + i * (THREADS >> log);
        if (d >= f.D)
            continue;
        float4* partial = (float4*)(a.PartialCentres + ((long long)blockIdx.x * f.D + d) * f.K + k);
        partial[0] = make_float4(centres[i][0], centres[i][1], centres[i][2], centres[i][3]);
        partial[1] = make_float4(centres[i][4], centres[i][5], centres[i][6], centres[i][7]);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS) vlad_tensor_core_finish_centres_f32(const VladTensorCoreGradArgs a) {
    const VladArgs& f = a.Forward;
    const long long width = (long long)f.D * f.K, i = (long long)blockIdx.x * THREADS + threadIdx.x; // of [Stack, D K]
    if (i >= f.Stack * width)
        return;
    const float* partial = a.PartialCentres + i / width * f.Chunks * width + i % width;
    float sum = 0;
#pragma unroll 4
    for (int chunk = 0; chunk < f.Chunks; chunk++)
        sum += partial[chunk * width];
    deliver(a.dCentres + i, sum, a.AddCentres);
}
