/*
 * System calls: from the number in the frame to the function, and nothing else. The tables are made
 * from calls.h and never change. Context: task, interrupts on, on the kernel stack of the caller.
 */
#include <kern/entry.h>
#include <kern/mm.h>
#include <kern/sys_fs.h>
#include <kern/sys_task.h>
#include <kern/syscall.h>
#include <kern/task.h>
#include <kern/trace.h>
#include <uapi/errno.h>
#include <uapi/unistd.h>
#include <arch/switch.h>
#include <arch/trapframe.h>

/* Each is called with all six registers; it takes as many as it has (kern/syscall.h). */
typedef long syscall_fn(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

#define CALL(name, function, nr_args) [NR_##name] = (syscall_fn *)(void (*)(void))(function),
static syscall_fn *const table[] = {
#include "calls.h"
};
#undef CALL

#define CALL(name, function, nr_args) [NR_##name] = #name,
static const char *const names[] = {
#include "calls.h"
};
#undef CALL

const char *syscall_name(long nr)
{
	return nr >= 0 && nr < (long)ARRAY_LEN(names) ? names[nr] : NULL;
}

long syscall_table_len(void)
{
	return ARRAY_LEN(table);
}

static NOINLINE COLD long syscall_unknown(const struct trapframe *tf, unsigned long nr)
{
	trace(SYSCALL_UNKNOWN, nr, current->pid, arch_frame_ip(tf));
	return -ENOSYS;
}

void entry_syscall(struct trapframe *tf)
{
	unsigned long nr = (unsigned long)arch_frame_syscall(tf);
	syscall_fn *function = nr < ARRAY_LEN(table) ? table[nr] : NULL;
	long result;

	if (unlikely(!function))
		result = syscall_unknown(tf, nr);
	else
		result = function(arch_frame_arg(tf, 0), arch_frame_arg(tf, 1),
				  arch_frame_arg(tf, 2), arch_frame_arg(tf, 3),
				  arch_frame_arg(tf, 4), arch_frame_arg(tf, 5));
	arch_frame_set_result(tf, result);
}
