// Emulator.h: replaces the headers of CUDA when g++ compiles a kernel source.
#pragma once

#include "Atomics.h"
#include "Intrinsics.h"
#include "Language.h"
#include "TensorCore.h"
#include "Threads.h"
