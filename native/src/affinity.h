#pragma once

#include <cstdint>

// Keeps the calling thread on one of the CPUs it may use: the `index`-th after `first`, around. A
// lane that stays put finds its buffers in the cache, and the kernel wakes the server's thread
// beside it instead of moving both about. False where the kernel refused; the thread then runs
// anywhere, slower and no less right.
bool stay_on_one_cpu(uint32_t first, uint32_t index);

// How many CPUs the calling thread may use; at least 1.
uint32_t usable_cpus();
