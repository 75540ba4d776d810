// Where.h: lines of a kernel and the calls that lead to them, from the debug information of its module.
#pragma once

#include <string>

namespace emulator {

// The kernel's line that an address returns to, with the calls that g++ has replaced there by the functions' code.
std::string lineOf(const void* code);

// The kernel's line at which the calling fiber is, with all calls that lead there; `otherwise` if it is in no kernel.
std::string currentLine(const std::string& otherwise);

// Loads what currentLine needs. A fiber's stack is too small for that.
void prepareLines();

} // namespace emulator
