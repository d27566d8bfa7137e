/*
 * Exceptions, and the way from a vector to who serves it. Runs on the stack that the entry chose,
 * interrupts off at entry and exit. Owns the record of each CPU's fatal frame.
 */
#include <kern/assert.h>
#include <kern/atomic.h>
#include <kern/entry.h>
#include <kern/log.h>
#include <kern/preempt.h>
#include <kern/task.h>
#include <uapi/signal.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/trapframe.h>
#include <port/layout.h>
#include <port/x86.h>
#include "../irq/irq.h"
#include "entry.h"
#include "fpu.h"
#include "thread.h"

/* Page-fault error code (SDM vol. 3, 4.7). */
enum { PF_PRESENT = 1, PF_WRITE = 2, PF_USER = 4, PF_RESERVED = 8, PF_FETCH = 16 };

static const char *const exception_names[NR_EXCEPTIONS] = {
	[VEC_DIVIDE] = "divide error",
	[VEC_DEBUG] = "debug exception",
	[VEC_NMI] = "non-maskable interrupt",
	[VEC_BREAKPOINT] = "breakpoint",
	[VEC_OVERFLOW] = "overflow",
	[VEC_BOUND] = "bound exceeded",
	[VEC_INVALID_OPCODE] = "invalid opcode",
	[VEC_NO_FPU] = "FPU use in the kernel",
	[VEC_DOUBLE_FAULT] = "double fault",
	[VEC_INVALID_TSS] = "invalid TSS",
	[VEC_NO_SEGMENT] = "segment not present",
	[VEC_STACK_SEGMENT] = "stack-segment fault",
	[VEC_PROTECTION] = "general protection fault",
	[VEC_PAGE_FAULT] = "page fault",
	[VEC_X87] = "x87 error",
	[VEC_ALIGNMENT] = "alignment check",
	[VEC_MACHINE_CHECK] = "machine check",
	[VEC_SIMD] = "SIMD floating-point error",
};

static DEFINE_PER_CPU(struct trapframe *, fatal_frame);

const struct trapframe *trap_fatal_frame(void)
{
	return this_cpu(fatal_frame);
}

const struct trapframe *arch_cpu_stopped_frame(unsigned cpu)
{
	/* Pairs with the release in nmi_stop: the frame is whole. */
	return percpu_offset[cpu] ? atomic_load_acquire(&per_cpu(fatal_frame, cpu)) : NULL;
}

void trap_fatal(struct trapframe *tf, const char *what)
{
	this_cpu(fatal_frame) = tf;
	panic("%s in %s, error code %#lx, at %#lx", what,
	      arch_frame_is_user(tf) ? "user mode" : "the kernel", tf->number, tf->rip);
}

void trap_user_work(struct trapframe *tf)
{
	/* Interrupts go off before the last look, and stay off: no bit is missed. */
	do {
		arch_irq_enable();
		entry_user_work(tf);
		arch_irq_disable();
	} while (atomic_load_relaxed(&current->work));
}

static bool is_interruptible(const struct trapframe *tf)
{
	return tf->rflags & RFLAGS_IF;
}

static void kernel_page_fault(struct trapframe *tf, vaddr_t va, unsigned flags)
{
	uintptr_t fixup;

	/* Only the user copies touch user memory: all else there is our mistake. */
	if (va < ARCH_USER_END && uaccess_contains(tf->rip) && entry_fault(tf, va, flags) == 0)
		return;
	fixup = extable_find(tf->rip);
	if (fixup) {
		tf->rip = fixup;
		return;
	}
	this_cpu(fatal_frame) = tf;
	panic("page fault in the kernel: %s of %#lx (%s), at %#lx",
	      flags & FAULT_EXEC    ? "execution"
	      : flags & FAULT_WRITE ? "write"
				    : "read",
	      va, flags & FAULT_PRESENT ? "no right" : "not mapped", tf->rip);
}

static void record_fault(uint64_t vector, uint64_t error)
{
	current->thread.fault_vector = (uint32_t)vector;
	current->thread.fault_error = (uint32_t)error;
}

void trap_page_fault(struct trapframe *tf)
{
	vaddr_t va = cr2_read();
	uint64_t error = tf->number;
	unsigned flags = 0;

	if (unlikely(error & PF_RESERVED)) {
		this_cpu(fatal_frame) = tf;
		panic("page-table entry of %#lx has reserved bits set", va);
	}
	if (error & PF_PRESENT)
		flags |= FAULT_PRESENT;
	if (error & PF_WRITE)
		flags |= FAULT_WRITE;
	if (error & PF_FETCH)
		flags |= FAULT_EXEC;
	if (is_interruptible(tf))
		arch_irq_enable();
	if (arch_frame_is_user(tf)) {
		record_fault(VEC_PAGE_FAULT, error);
		current->thread.fault_address = va;
		/* entry_fault turns failures into signals. */
		if (entry_fault(tf, va, flags | FAULT_USER))
			panic("unresolved page fault of user mode at %#lx", va);
	} else {
		kernel_page_fault(tf, va, flags);
	}
	arch_irq_disable();
}

/* The signal of an exception in user mode, as Linux sends it. */
struct trap_signal {
	uint8_t signal;
	int16_t code;
	bool has_address; /* of the instruction; else 0 */
};

static const struct trap_signal trap_signals[NR_EXCEPTIONS] = {
	[VEC_DIVIDE] = {SIGFPE, FPE_INTDIV, true},
	[VEC_DEBUG] = {SIGTRAP, TRAP_TRACE, true},
	[VEC_BREAKPOINT] = {SIGTRAP, SI_KERNEL, false},
	[VEC_OVERFLOW] = {SIGSEGV, SI_KERNEL, false},
	[VEC_BOUND] = {SIGSEGV, SI_KERNEL, false},
	[VEC_INVALID_OPCODE] = {SIGILL, ILL_ILLOPN, true},
	[VEC_NO_SEGMENT] = {SIGBUS, SI_KERNEL, false},
	[VEC_STACK_SEGMENT] = {SIGBUS, SI_KERNEL, false},
	[VEC_PROTECTION] = {SIGSEGV, SI_KERNEL, false},
	[VEC_X87] = {SIGFPE, 0, true},
	[VEC_ALIGNMENT] = {SIGBUS, BUS_ADRALN, false},
	[VEC_SIMD] = {SIGFPE, 0, true},
};

static void user_exception(struct trapframe *tf)
{
	struct trap_signal s = trap_signals[tf->kind];

	if (s.signal == 0)
		s = (struct trap_signal){SIGSEGV, SI_KERNEL, false};
	if (s.signal == SIGFPE && s.code == 0)
		s.code = fpu_exception_code(tf->kind == VEC_SIMD);
	record_fault(tf->kind, tf->number);
	arch_irq_enable();
	entry_user_exception(tf, s.signal, s.code, s.has_address ? tf->rip : 0);
	/* Some CPUs take a jump to a non-canonical address first and fault there. */
	tf->rip = frame_canonical(tf->rip);
	arch_irq_disable();
}

void trap_exception(struct trapframe *tf)
{
	uintptr_t fixup;

	if (arch_frame_is_user(tf)) {
		user_exception(tf);
		return;
	}
	fixup = extable_find(tf->rip);
	if (!fixup)
		trap_fatal(tf, exception_names[tf->kind] ? exception_names[tf->kind]
							 : "unknown exception");
	tf->rip = fixup;
}

/* The stop request of a panic, or a button that somebody pressed to see where the kernel is. */
static void nmi(struct trapframe *tf)
{
	if (!ipi_stop_requested())
		trap_fatal(tf, "non-maskable interrupt");
	/* Release: pairs with arch_cpu_stopped_frame. */
	atomic_store_release(&this_cpu(fatal_frame), tf);
	arch_cpu_halt();
}

static NORETURN void double_fault(struct trapframe *tf)
{
	uintptr_t stack = (uintptr_t)current->stack;
	vaddr_t va = cr2_read();

	/* A push that hit the guard page faults, and so does pushing that fault's frame. */
	this_cpu(fatal_frame) = tf;
	if (stack && va >= stack - PAGE_SIZE && va < stack)
		panic("kernel stack overflow: stack %#lx, rsp %#lx, at %#lx", stack, tf->rsp,
		      tf->rip);
	trap_fatal(tf, "double fault");
}

void trap_paranoid(struct trapframe *tf)
{
	arch_hot_add(preempt_count, PREEMPT_NMI);
	switch (tf->kind) {
	case VEC_NMI:
		nmi(tf);
		break;
	case VEC_DOUBLE_FAULT:
		double_fault(tf);
	case VEC_DEBUG:
		/* SYSCALL behind MOV SS with a pending breakpoint: the user's doing, and no harm. */
		break;
	default:
		trap_fatal(tf, exception_names[tf->kind]);
	}
	arch_hot_add(preempt_count, -PREEMPT_NMI);
}

void trap_interrupt(struct trapframe *tf)
{
	irq_serve((unsigned)tf->kind, arch_frame_is_user(tf));
	/* Back to kernel code that may be preempted, and a switch is due. */
	if (!arch_frame_is_user(tf) && preempt_count() == 0 && is_interruptible(tf) &&
	    task_has_work(current, WORK_RESCHED))
		entry_kernel_preempt();
}
