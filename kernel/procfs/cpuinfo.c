/* /proc/cpuinfo: what the port says of each CPU. Context: task. */
#include "procfs.h"
#include <kern/kcache.h>
#include <kern/smp.h>
#include <arch/cpu.h>
#include <uapi/errno.h>

static int show_cpuinfo(struct text *text, void *arg)
{
	char *buf = kmalloc(PAGE_SIZE, ALLOC_KERNEL);
	unsigned cpu;

	if (!buf)
		return -ENOMEM;
	for_each_online_cpu (cpu)
		text_add(text, buf, arch_cpu_describe(cpu, buf, PAGE_SIZE));
	kfree(buf);
	return 0;
}

INIT_TEXT void procfs_cpu_init(void)
{
	procfs_register("cpuinfo", 0444, show_cpuinfo, NULL);
}
