// Emulator.h: what a kernel source sees in place of CUDA when g++ compiles it.
#pragma once

#include "Language.h"
#include "TensorCore.h"
#include "Threads.h"
