/*
 * Registers and call chains into the log. Reads only what it has checked: frame pointers are
 * followed upwards within one mapped stack. Owns nothing; any context.
 */
#include <kern/log.h>
#include <kern/symbols.h>
#include <kern/task.h>
#include <arch/cpu.h>
#include <arch/trapframe.h>
#include <port/image.h>
#include <port/x86.h>
#include "../smp/smp.h"
#include "entry.h"

enum { MAX_CALLS = 32 };

/* What a frame pointer points at: the caller's frame pointer, and where to return. */
struct call {
	const struct call *caller;
	uintptr_t ip;
};

static bool stack_holds(uintptr_t base, size_t size, const struct call *call)
{
	uintptr_t at = (uintptr_t)call;

	return at % 8 == 0 && at >= base && at <= base + size - sizeof(*call);
}

/* The end of the stack that call lies in: the running task's, or one of this CPU's interrupt
 * stacks; 0: none of them, so it must not be touched. */
static uintptr_t stack_end(const struct task_struct *task, const struct call *call)
{
	if (task && task->stack && stack_holds((uintptr_t)task->stack, KERNEL_STACK_SIZE, call))
		return (uintptr_t)task->stack + KERNEL_STACK_SIZE;
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		for (unsigned i = 0; percpu_offset[cpu] && i < NR_ISTS; i++) {
			uintptr_t end = per_cpu(tss, cpu).ist[i];

			if (end && stack_holds(end - IST_STACK_SIZE, IST_STACK_SIZE, call))
				return end;
		}
	}
	return 0;
}

static bool is_text(uintptr_t ip)
{
	return ip >= (uintptr_t)text_start && ip < (uintptr_t)init_text_end;
}

static unsigned walk(const struct task_struct *task, const struct call *call, uintptr_t *addresses,
		     unsigned max)
{
	uintptr_t end = stack_end(task, call);
	unsigned n = 0;

	while (n < max && (uintptr_t)(call + 1) <= end && (uintptr_t)call % 8 == 0) {
		if (!is_text(call->ip))
			break;
		addresses[n++] = call->ip;
		/* Strictly upwards: a damaged chain ends. */
		if (call->caller <= call)
			break;
		call = call->caller;
	}
	return n;
}

NOINLINE unsigned arch_stack_trace(uintptr_t *addresses, unsigned max)
{
	return walk(current, __builtin_frame_address(0), addresses, max);
}

static void print_address(uintptr_t ip, bool is_return)
{
	size_t offset = 0;
	/* A call that never returns may be its function's last instruction. */
	const char *name = symbol_find(ip - is_return, &offset);

	if (name)
		log_print("  %016lx %s+%#zx\n", ip, name, offset + is_return);
	else
		log_print("  %016lx\n", ip);
}

static void print_registers(const struct trapframe *tf)
{
	log_print("rip %016lx  rsp %016lx  rflags %08lx  cs %02lx ss %02lx\n", tf->rip, tf->rsp,
		  tf->rflags, tf->cs, tf->ss);
	log_print("rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", tf->rax, tf->rbx, tf->rcx,
		  tf->rdx);
	log_print("rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx\n", tf->rsi, tf->rdi, tf->rbp,
		  tf->r8);
	log_print("r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx\n", tf->r9, tf->r10, tf->r11,
		  tf->r12);
	log_print("r13 %016lx  r14 %016lx  r15 %016lx  kind %#lx %#lx\n", tf->r13, tf->r14, tf->r15,
		  tf->kind, tf->number);
}

static void print_chain(const struct task_struct *task, const void *frame_pointer)
{
	uintptr_t calls[MAX_CALLS];
	unsigned n = walk(task, frame_pointer, calls, MAX_CALLS);

	for (unsigned i = 0; i < n; i++)
		print_address(calls[i], true);
}

/* Whose stack tf's rsp is in: a stopped CPU's task is not this CPU's. */
static const struct task_struct *task_of(const struct trapframe *tf)
{
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		struct task_struct *task = arch_cpu_task(cpu);

		if (task && tf->rsp >= (uintptr_t)task->stack &&
		    tf->rsp <= (uintptr_t)task->stack + KERNEL_STACK_SIZE)
			return task;
	}
	return current;
}

void arch_dump_state(const struct trapframe *frame)
{
	const struct trapframe *tf = frame ? frame : trap_fatal_frame();

	if (tf) {
		print_registers(tf);
		if (!frame)
			log_print("cr2 %016lx  cr3 %016lx\n", cr2_read(), arch_mmu_root());
		if (!arch_frame_is_user(tf)) {
			print_address(tf->rip, false);
			print_chain(task_of(tf), (const void *)tf->rbp);
		}
	} else {
		log_print("cr3 %016lx\n", arch_mmu_root());
		print_chain(current, __builtin_frame_address(0));
	}
}
