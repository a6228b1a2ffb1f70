#include "affinity.h"

#include <sched.h>

uint32_t usable_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == -1) return 1;
  const int count = CPU_COUNT(&allowed);
  return count < 1 ? 1 : static_cast<uint32_t>(count);
}

bool stay_on_one_cpu(uint32_t first, uint32_t index) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == -1) return false;
  const int count = CPU_COUNT(&allowed);
  if (count < 1) return false;
  uint32_t left = (first + index) % static_cast<uint32_t>(count);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    if (left-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
  }
  return false;
}
