// Search.cuh: binary search.
#pragma once

#include "Common.cuh"

// Index of the first of ascending numbers that is at least value; count if all are smaller.
DEVICE int first_at_least(const int* ascending, int count, int value) {
    int low = 0, high = count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (ascending[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
