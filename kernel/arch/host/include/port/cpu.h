/* What a spin loop needs: on the host, that another virtual CPU runs. */
#ifndef PORT_CPU_H
#define PORT_CPU_H

void host_cpu_relax(void);

static inline void arch_cpu_relax(void)
{
	host_cpu_relax();
}

#endif
