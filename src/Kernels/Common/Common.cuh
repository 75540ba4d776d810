// Common.cuh: what every kernel source includes. One interface, two bodies: the device's own for NVRTC, the emulator's for g++.
#pragma once

#if defined(__CUDACC_RTC__)
// NVRTC brings the built-in variables, vector types, intrinsics and mathematics of CUDA, but no headers.
#else
#include "Emulator.h"
#endif

// A function of kernels that several files may include.
#define DEVICE static __device__ __forceinline__
