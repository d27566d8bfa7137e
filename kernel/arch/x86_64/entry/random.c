/* Seeds from the CPU: RDRAND (SDM vol. 2) where there is one, and the clock. Any context. */
#include <arch/cpu.h>
#include <port/features.h>
#include <port/x86.h>

enum { RDRAND_TRIES = 10 };

uint64_t arch_random_seed(void)
{
	uint64_t seed = tsc_read() * 0x9e3779b97f4a7c15ULL, value;
	bool is_valid = false;

	for (unsigned i = 0; x86_features.has_rdrand && i < RDRAND_TRIES && !is_valid; i++)
		__asm__ volatile("rdrand %0" : "=r"(value), "=@ccc"(is_valid));
	return is_valid ? seed ^ value : seed;
}
