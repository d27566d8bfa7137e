/*
 * Threads: their first stack contents, the switch between two of them, and their user state. A
 * CPU's user registers beyond the frame (FPU, FS and GS bases) belong to user_owner: the user task
 * that ran here last, kernel threads not counted. They are saved when it is switched out and loaded
 * again only if another task's were in between, here or (user_cpu) elsewhere.
 */
#include <kern/assert.h>
#include <kern/string.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/switch.h>
#include <arch/trapframe.h>
#include <arch/uaccess.h>
#include <port/layout.h>
#include <port/x86.h>
#include "../mm/kasan.h"
#include "../smp/smp.h"
#include "entry.h"
#include "fpu.h"
#include "thread.h"

struct user_state {
	struct task_struct *owner;  /* only compared: it may be gone */
	uintptr_t fs_base, gs_base; /* what the kernel last wrote to the MSRs */
};

static DEFINE_PER_CPU(struct user_state, user_state);

/* Linux's codes (arch_prctl(2)). */
enum { PRCTL_SET_GS = 0x1001, PRCTL_SET_FS = 0x1002, PRCTL_GET_FS = 0x1003, PRCTL_GET_GS = 0x1004 };

uintptr_t thread_stack_top(const struct task_struct *task)
{
	return (uintptr_t)task->stack + KERNEL_STACK_SIZE - fpu_area_size();
}

static struct trapframe *frame_place(const struct task_struct *task)
{
	return (struct trapframe *)thread_stack_top(task) - 1;
}

struct trapframe *arch_task_frame(struct task_struct *task)
{
	return task->thread.is_user ? frame_place(task) : NULL;
}

/* What switch_stacks pops. */
struct switch_frame {
	uint64_t r15, r14, r13, r12, rbx, rbp, rip;
};

/* Below the place of the frame, so that a kernel thread can become a user task. */
static struct switch_frame *first_switch_frame(struct task_struct *task, const char *start)
{
	struct switch_frame *frame = (struct switch_frame *)frame_place(task) - 1;

	*frame = (struct switch_frame){.rip = (uintptr_t)start};
	task->thread.sp = (uintptr_t)frame;
	return frame;
}

void arch_thread_init_kernel(struct task_struct *task, void (*fn)(void *), void *arg)
{
	struct switch_frame *frame;

	shadow_clean_stack(task);
	task->thread = (struct arch_thread){0};
	frame = first_switch_frame(task, thread_start_kernel);
	frame->rbx = (uintptr_t)fn;
	frame->r12 = (uintptr_t)arg;
}

int arch_thread_init_user(struct task_struct *task, const struct trapframe *tf, uintptr_t sp,
			  bool set_tls, uintptr_t tls)
{
	struct trapframe *frame = frame_place(task);

	if (set_tls && tls >= ARCH_USER_END)
		return -EPERM;
	shadow_clean_stack(task);
	*frame = *tf;
	frame->rax = 0;
	arch_frame_end_syscall(frame);
	if (sp)
		frame->rsp = sp;
	task->thread = (struct arch_thread){
		.fs_base = set_tls ? tls : current->thread.fs_base,
		.gs_base = current->thread.gs_base,
		.is_user = true,
	};
	fpu_copy_to(task);
	first_switch_frame(task, thread_start_user);
	return 0;
}

/* User code may have loaded segment selectors: the next task shall not see them. They are all null in
 * practice, so this is a look. Loading GS sets the base in use, which is the kernel's. */
static void selectors_clear(void)
{
	uint32_t ds, es, fs, gs;

	__asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
			 : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
	if (likely((ds | es | fs | gs) == 0))
		return;
	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs\n\t"
			 "swapgs; mov %0, %%gs; swapgs" ::"r"(0)
			 : "memory");
}

/* The MSRs hold what was written last, or 0 if the task loaded a selector since then. */
static void bases_load(struct user_state *state, uintptr_t fs_base, uintptr_t gs_base)
{
	if (state->fs_base | fs_base)
		msr_write(MSR_FS_BASE, fs_base);
	if (state->gs_base | gs_base)
		msr_write(MSR_KERNEL_GS_BASE, gs_base);
	state->fs_base = fs_base;
	state->gs_base = gs_base;
}

/* Makes this CPU's user registers task's. Interrupts off. */
static void user_state_load(struct task_struct *task)
{
	struct user_state *state = &this_cpu(user_state);
	uint32_t me = arch_cpu_id() + 1;

	if (state->owner == task && task->thread.user_cpu == me)
		return;
	selectors_clear();
	bases_load(state, task->thread.fs_base, task->thread.gs_base);
	fpu_load(task);
	state->owner = task;
	task->thread.user_cpu = me;
}

struct task_struct *arch_switch_to(struct task_struct *prev, struct task_struct *next)
{
	uintptr_t top = thread_stack_top(next);

	if (prev->thread.is_user)
		fpu_save(prev);
	arch_hot_set(task, next);
	arch_hot_set(kernel_sp, top);
	this_cpu(tss).rsp0 = top;
	if (next->thread.is_user)
		user_state_load(next);
	return switch_stacks(prev, next);
}

int arch_thread_make_user(struct task_struct *task)
{
	unsigned long flags;

	memset(frame_place(task), 0, sizeof(struct trapframe));
	fpu_area_reset(task);
	task->thread.fs_base = 0;
	task->thread.gs_base = 0;
	task->thread.user_cpu = 0;
	task->thread.is_user = true;
	if (task == current) {
		flags = arch_irq_save();
		user_state_load(task);
		arch_irq_restore(flags);
	}
	return 0;
}

void arch_thread_release(struct task_struct *task)
{
	shadow_clean_stack(task);
	task->thread.is_user = false;
	task->thread.user_cpu = 0;
}

/* Sets the running task's bases, in the MSRs too. */
static void set_bases(uintptr_t fs_base, uintptr_t gs_base)
{
	unsigned long flags = arch_irq_save();
	struct user_state *state = &this_cpu(user_state);

	current->thread.fs_base = fs_base;
	current->thread.gs_base = gs_base;
	/* Also over a selector that the task loaded meanwhile. */
	msr_write(MSR_FS_BASE, fs_base);
	msr_write(MSR_KERNEL_GS_BASE, gs_base);
	state->fs_base = fs_base;
	state->gs_base = gs_base;
	arch_irq_restore(flags);
}

void arch_frame_exec(struct trapframe *tf, uintptr_t ip, uintptr_t sp)
{
	unsigned long flags;

	*tf = (struct trapframe){
		.kind = FRAME_PLAIN,
		.rip = frame_canonical(ip),
		.cs = SEL_USER_CODE,
		.rflags = RFLAGS_IF | RFLAGS_FIXED,
		.rsp = sp,
		.ss = SEL_USER_DATA,
	};
	flags = arch_irq_save();
	selectors_clear();
	fpu_reset();
	set_bases(0, 0);
	arch_irq_restore(flags);
}

void arch_return_to_user(void)
{
	arch_irq_disable();
	frame_return(frame_place(current));
}

long arch_sys_arch_prctl(int code, uintptr_t address)
{
	const struct arch_thread *thread = &current->thread;
	uint64_t value;

	switch (code) {
	case PRCTL_SET_FS:
	case PRCTL_SET_GS:
		if (address >= ARCH_USER_END)
			return -EPERM;
		if (code == PRCTL_SET_FS)
			set_bases(address, thread->gs_base);
		else
			set_bases(thread->fs_base, address);
		return 0;
	case PRCTL_GET_FS:
	case PRCTL_GET_GS:
		value = code == PRCTL_GET_FS ? thread->fs_base : thread->gs_base;
		if (address > ARCH_USER_END - sizeof(value) ||
		    arch_copy_to_user((void *)address, &value, sizeof(value)))
			return -EFAULT;
		return 0;
	default:
		return -EINVAL;
	}
}
