/* What a spin loop needs. */
#ifndef PORT_CPU_H
#define PORT_CPU_H

static inline void arch_cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

#endif
