/* Per-CPU data on the host: arrays, indexed by the virtual CPU that runs. */
#ifndef PORT_PERCPU_H
#define PORT_PERCPU_H

#include <kern/types.h>
#include <host/cpu.h>

#define arch_hot(field)	       (host_cpu->hot.field)
#define arch_hot_set(field, v) ((void)(host_cpu->hot.field = (v)))
#define arch_hot_add(field, n) ((void)(host_cpu->hot.field += (__typeof__(host_cpu->hot.field))(n)))

#define DEFINE_PER_CPU(type, name)  __typeof__(type) percpu_##name[MAX_CPUS]
#define DECLARE_PER_CPU(type, name) extern __typeof__(type) percpu_##name[MAX_CPUS]

#define this_cpu(name)	   (percpu_##name[host_cpu->hot.cpu])
#define per_cpu(name, cpu) (percpu_##name[cpu])

#endif
