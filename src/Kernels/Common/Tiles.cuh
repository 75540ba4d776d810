// Tiles.cuh: tiles, which are matrices of bf16 in shared memory, and how a warp loads and stores fragments of them.
//
// A pack is 16 bytes, here 8 columns of a row: pack p has columns 8 p to 8 p + 7. The 8 rows of a matrix that ldmatrix
// reads must begin in different banks. There are two ways:
//   swizzled  pack p of row r is stored as pack p ^ r % 8 of the row. So these cover all 32 banks once: the 8 rows of
//             a matrix that ldmatrix reads, the 8 packs of a row, and the 8 x 4 words of a fragment. Two (four) rows
//             of 64 (32) bytes share a line of 128 bytes, and pack p is stored as p ^ r / 2 % 4 (p ^ r / 4 % 2)
//   padded    16 bytes are free at the end of each row
// docs/reading-kernels.md draws both.
#pragma once

#include "Fragments.cuh"

// Rows of COLUMNS values, swizzled.
template <int COLUMNS>
struct Swizzled {
    static constexpr int PACKS = COLUMNS / 8;

    bf16* data;

    __device__ __forceinline__ bf16* at(int row, int pack) const {
        const int swizzle = PACKS >= 8 ? row % 8 : row / (8 / PACKS) % PACKS;
        return data + row * COLUMNS + (pack ^ swizzle) * 8;
    }

    // The pack some rows below a pack and some packs beside it.
    __device__ __forceinline__ bf16* at(int row, int pack, int below, int beside) const { return at(row + below, pack + beside); }
};

// Rows that begin `stride` values apart.
struct Padded {
    bf16* data;
    int stride;

    __device__ __forceinline__ bf16* at(int row, int pack) const { return data + row * stride + pack * 8; }

    // The same as in Swizzled. In a loop over packs the second summand is computed once.
    __device__ __forceinline__ bf16* at(int row, int pack, int below, int beside) const { return at(row, pack) + (below * stride + beside * 8); }
};

// A tile whose packs lie as Layout says. at(row, pack) is the address of a pack. Rows of fragments are multiples of 8.
template <class Layout>
struct Tile : Layout {
    // The fragment A of [row.. + 16, packs pack and pack + 1].
    __device__ __forceinline__ FragmentA load_a(int row, int pack) const {
        FragmentA a;
        ldmatrix_x4(a.pairs, second_below(row, pack));
        return a;
    }

    // The fragment A of the transpose of [row.. + 16, packs pack and pack + 1].
    __device__ __forceinline__ FragmentA load_a_of_columns(int row, int pack) const {
        FragmentA a;
        ldmatrix_x4_trans(a.pairs, second_beside(row, pack));
        return a;
    }

    // Two neighbouring fragments B: [row.. + 16, packs pack and pack + 1].
    __device__ __forceinline__ FragmentsB load_b(int row, int pack) const {
        FragmentsB b;
        const int lane = threadIdx.x % 32; // not second_below, with which NeXtVLAD's forward takes 4 registers more
        ldmatrix_x4_trans(b.pairs, this->at(row + lane % 16, pack + lane / 16));
        return b;
    }

    // Two neighbouring fragments B of the transpose of [row.. + 16, packs pack and pack + 1].
    __device__ __forceinline__ FragmentsB load_b_of_columns(int row, int pack) const {
        FragmentsB b;
        ldmatrix_x4(b.pairs, second_beside(row, pack));
        return b;
    }

    // Two fragments B: [row.. + 32, pack]. Without both, the rows of the first are loaded twice.
    __device__ __forceinline__ FragmentsB load_b_below(int row, int pack, bool both) const {
        FragmentsB b;
        ldmatrix_x4_trans(b.pairs, this->at(row + (both ? lane_of() : lane_of() % 16), pack));
        return b;
    }

    // Two fragments B of the transpose of [row.. + 8, packs pack to pack + 3]: the second is below the first.
    __device__ __forceinline__ FragmentsB load_b_of_columns_below(int row, int pack) const {
        FragmentsB b;
        ldmatrix_x4(b.pairs, this->at(row + lane_of() % 8, pack + lane_of() / 8));
        return b;
    }

    // Stores the values of this lane's row of a fragment C, rounded to a pair.
    __device__ __forceinline__ void store_pair(int row, int pack, unsigned pair) const { *(unsigned*)(this->at(row, pack) + FragmentC::column()) = pair; }

    // Stores fragments C in 16 rows, from the first pack on. The upper and the lower rows are multiplied by factors.
    template <int COLUMNS>
    __device__ __forceinline__ void store(int row, const FragmentsC<COLUMNS>& c, float upper = 1, float lower = 1) const {
        const int first = row + FragmentC::row();
#pragma unroll
        for (int n = 0; n < COLUMNS / 8; n++) {
            store_pair(first, n, c[n].pair(0, upper));
            store_pair(first + 8, n, c[n].pair(1, lower));
        }
    }

    // Stores a fragment A.
    __device__ __forceinline__ void store(int row, int pack, const FragmentA& a) const {
        const int first = row + FragmentC::row();
        store_pair(first, pack, a.pairs[0]);
        store_pair(first + 8, pack, a.pairs[1]);
        store_pair(first, pack + 1, a.pairs[2]);
        store_pair(first + 8, pack + 1, a.pairs[3]);
    }

private:
    // Address that this lane passes to ldmatrix for [16, 16]. The second of the four matrices 8 x 8 lies below the
    // first, or beside it.
    __device__ __forceinline__ const bf16* second_below(int row, int pack) const {
        const int lane = threadIdx.x % 32;
        return this->at(row, pack, lane % 16, lane / 16);
    }
    __device__ __forceinline__ const bf16* second_beside(int row, int pack) const {
        const int lane = threadIdx.x % 32;
        return this->at(row + lane / 16 * 8 + lane % 8, pack + lane / 8 % 2);
    }
};

template <int COLUMNS>
using SwizzledTile = Tile<Swizzled<COLUMNS>>;
using PaddedTile = Tile<Padded>;
