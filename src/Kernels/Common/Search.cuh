// Search.cuh: finding a number among sorted ones.
#pragma once

#include "Common.cuh"

// Where the first of ascending numbers lies that is not below the wanted one; their count if there is none.
DEVICE int first_at_least(const int* ascending, int count, int wanted) {
    int low = 0, high = count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (ascending[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
