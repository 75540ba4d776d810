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
// Limits  K 8, 16, 32 or 64; D a multiple of 16 up to MAX_D; Groups K up to MAX_COLUMNS; tensors on 16 bytes; Chunk
//         of dropout a multiple of 8; 99 KiB of shared memory
// Floor   forward reads H and logits and writes Descriptor and Y once; backward reads H, logits, Descriptor and dY and
//         writes dH and dNormalised once: bytes / bandwidth
// Why     A, p and the normalised logits are recomputed, not stored: backward reads the logits anyway. H passes
//         through shared memory in strips of 16 rows. Two strips are being loaded while one is used, also at the end
//         of a video. Tiles of a strip are padded, the tile [D, K] is swizzled. So ldmatrix has no bank conflicts.
//         Partial gradients of the centres stay in registers over the videos of a chunk. A gradient [D, K] of a single
//         video is never in memory. The order of every sum depends on the sizes only. The backward pass of batch
//         normalisation starts from Partial. docs/kernels/nextvlad.md counts the bytes
#include "VladGradients.cuh"

// ---- forward

// A warp computes 16 rows of V [D, K] of every 16 PARTS, for one half of the clusters.
constexpr int PARTS = WARPS / 2, ROWS_OF_V = MAX_D / 16 / PARTS, HALF = WIDTH / 2;

// Writes A of a strip to one half of the memory for assignments. Returns the pair that the lane has written.
DEVICE unsigned assign(const VladArgs& a, const Chunk& chunk, const Strip& strip, int group, int half, int statistics, unsigned logits,
                       float group_logit) {
    unsigned pair = 0;
    if (chunk.has_row(strip))
        pair = assignment_of(share_of_row(a.Norm, statistics + group * a.K, chunk.weights() + group * a.K, a.K, logits, group_logit));
    *(unsigned*)(chunk.memory.assignment.at(half * ROWS + warp_of(), 0) + 2 * lane_of()) = pair;
    return pair;
}

// Finishes a video: subtracts the centres from the sums, scales to length 1, applies dropout and writes the results.
DEVICE void finish_video(const VladArgs& a, const Memory& memory, int video, FragmentsC<HALF> (&sum)[ROWS_OF_V]) {
    // A lane has rows d and d + 8 and columns k and k + 1 of every fragment of the sums.
    const int part = warp_of() % PARTS, d_of_lane = FragmentC::row(), k_of_lane = HALF * (warp_of() / PARTS) + FragmentC::column();
    const float* centres = a.Centres + (long long)(video / a.Videos) * a.D * a.K;
#pragma unroll
    for (int n = 0; n < HALF / 8; n++) {
        const int k = k_of_lane + 8 * n;
        const float2 mass = pair_at(memory.of_cluster + k);
        float squares0 = 0, squares1 = 0;
#pragma unroll
        for (int t = 0; t < ROWS_OF_V; t++) {
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
    for (int n = 0; n < HALF / 8; n++) {
        const int k = k_of_lane + 8 * n;
        const float2 inverse = pair_at(memory.of_cluster + k);
#pragma unroll
        for (int t = 0; t < ROWS_OF_V; t++) {
            const int d = 16 * (t * PARTS + part) + d_of_lane;
            if (d >= a.D)
                continue;
#pragma unroll
            for (int i = 0; i < 4; i += 2)
                *(unsigned*)(memory.residuals.at(d + 4 * i, k / 8) + k % 8) = to_bf16_pair(sum[t][n][i] * inverse.x, sum[t][n][i + 1] * inverse.y);
        }
    }
    __syncthreads(); // all warps have written their parts of the descriptor; a thread reads whole packs of it
    const long long begin = (long long)video * a.D * a.K, element = in_whole_batch(a.Dropout, begin);
    const Dropout dropout(a.Dropout);
    for (int at = 8 * threadIdx.x; at < a.D * a.K; at += 8 * THREADS) {
        float values[8], factors[8];
        load_pack(values, memory.residuals.at(at >> log_of(a.K), (at & (a.K - 1)) / 8));
        if (a.Y != a.Descriptor)
            store_pack(a.Descriptor + begin + at, values); // exact: the values are bf16
        draw_factors(factors, dropout, element + at);
#pragma unroll
        for (int i = 0; i < 8; i++)
            values[i] *= factors[i];
        store_pack(a.Y + begin + at, values);
    }
}

// Adds A' H of a strip to the warp's part of V. buffer: which of the two assignments.
DEVICE void aggregate_strip(FragmentsC<HALF> (&sum)[ROWS_OF_V], const Chunk& chunk, const Strip& strip, int buffer) {
    const int part = warp_of() % PARTS, half = warp_of() / PARTS;
    const PaddedTile hidden = chunk.hidden(strip.stage);
    FragmentsB assignments[HALF / 16];
#pragma unroll
    for (int n = 0; n < HALF / 16; n++)
        assignments[n] = chunk.memory.assignment.load_b(buffer * ROWS, HALF / 8 * half + 2 * n);
#pragma unroll
    for (int t = 0; t < ROWS_OF_V; t++) {
        const int pack = 2 * (t * PARTS + part);
        if (8 * pack >= chunk.a.D)
            continue;
        const FragmentA h = hidden.load_a_of_columns(0, pack);
#pragma unroll
        for (int n = 0; n < HALF / 8; n++)
            sum[t][n].add_product(h, assignments[n / 2], n % 2);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) vlad_tensor_core_forward_bf16(const VladArgs a) {
    DYNAMIC_SHARED(unsigned char, dynamic);
    const Memory memory(dynamic, a.D, 2);
    const Chunk chunk(a, memory);
    unsigned logits = 0;
    float group_logit = 0;
    // Three strips in the order of the rows: strip is multiplied, next gets its assignments, coming is read.
    Strip strip{chunk.first_video, 0, 0}, next = strip.next(a.Rows), coming = next.next(a.Rows);
    chunk.begin(strip);
    chunk.begin(next);
    chunk.read_logits(strip, logits, group_logit);
    GroupOfStrip group(a.Groups);
    const int row_of_group = warp_of() % a.Groups;
    int buffer = 0, statistics = chunk.statistics(strip.video);
    unsigned assigned = assign(a, chunk, strip, group.of(row_of_group), buffer, statistics, logits, group_logit);
    chunk.read_logits(next, logits, group_logit);
    while (strip.video < chunk.end) {
        const int video = strip.video;
        FragmentsC<HALF> sum[ROWS_OF_V];
        float mass0 = 0, mass1 = 0;
        for (; strip.video == video; strip = next, next = coming, coming = coming.next(a.Rows), buffer ^= 1) {
            cp_async_wait<STAGES - 2>(); // this thread's part of the strip is there
            // All warps have copied their rows of the strip and written those of its assignments; a warp reads all of
            // them. All warps have read the strip and the assignments before, which `coming` and `next` overwrite.
            __syncthreads();
            chunk.begin(coming);
            mass0 += first_of_pair(assigned);
            mass1 += second_of_pair(assigned);
            // Other warps multiply at the same time.
            group.go_to(next);
            if (next.first_row == 0)
                statistics = chunk.statistics(next.video);
            assigned = assign(a, chunk, next, group.of(row_of_group), buffer ^ 1, statistics, logits, group_logit);
            chunk.read_logits(coming, logits, group_logit);
            aggregate_strip(sum, chunk, strip, buffer);
        }
        *(float2*)(memory.exchange + warp_of() * WIDTH + 2 * lane_of()) = make_float2(mass0, mass1);
        sum_exchanged<WARPS>(memory, a.K, [&](int k, float mass) { return a.Mass[(long long)video * a.K + k] = mass; });
        finish_video(a, memory, video, sum);
    }
    cp_async_wait<0>(); // no copy is under way when the block ends
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
    Strip strip{chunk.first_video, 0, 0};
    chunk.begin(strip);
    chunk.begin(strip.next(f.Rows));
    chunk.read_logits(strip, logits, group_logit);
    GroupOfStrip group(f.Groups);
    const int row_of_group = warp % f.Groups;
    for (int i = threadIdx.x; i < f.D * (WIDTH / 8); i += THREADS) // clusters past K stay zeros
        *(uint4*)(memory.residuals.data + 8 * i) = make_uint4(0, 0, 0, 0);

    float centres[PACKS][8] = {};
    while (strip.video < chunk.end) {
        const int video = strip.video, statistics = chunk.statistics(video);
        ColumnSums columns;
        __syncthreads(); // all warps have read dV and exchange of the video before, and written zeros; dY overwrites both
        differentiate_norm(a, memory, video, centres);
        for (; strip.video == video; strip = strip.next(f.Rows)) {
            const bool present = chunk.has_row(strip);
            const int at = video * f.Rows + strip.first_row + warp;
            const PaddedTile hidden = chunk.hidden(strip.stage);
            cp_async_wait<STAGES - 2>(); // this thread's part of the strip is there
            // All warps have copied their rows of the strip; a warp reads all of them. All warps have read the strip,
            // the assignments and exchange before; those of this strip overwrite them.
            __syncthreads();
            chunk.begin(strip.next(f.Rows).next(f.Rows));
            group.go_to(strip);
            RowShare share{};
            if (present) {
                const int column = group.of(row_of_group) * f.K;
                share = share_of_row(f.Norm, statistics + column, chunk.weights() + column, f.K, logits, group_logit);
            }
            chunk.read_logits(strip.next(f.Rows), logits, group_logit);
            *(unsigned*)(memory.assignment.at(warp, 0) + 2 * lane) = assignment_of(share);
            differentiate_assignment(memory, hidden, f.D);
            // All warps have written their parts of dA and their rows of A, and read H. A warp reads a row of dA, then
            // all of A, and overwrites H by dH.
            __syncthreads();
            differentiate_logits(a, memory, share, at, present);
            if (a.dHidden)
                differentiate_hidden(memory, hidden, f.D);
            // All warps have written their packs of dH and their rows of exchange. A warp reads a row of dH, a thread
            // columns of exchange.
            __syncthreads();
            if (a.dHidden && present)
                deliver_hidden(a, hidden, at);
            columns.add_strip(memory, f, group);
        }
        columns.write(a, video);
    }
    cp_async_wait<0>(); // no copy is under way when the block ends
    if (a.PartialCentres)
        write_centres(a, centres);
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
