/*
 * Threads of the kernel as fibres, and what stands for user mode. A task's own `stack` is not used:
 * a fibre has room for the sanitizers' frames.
 */
#include <kern/assert.h>
#include <kern/entry.h>
#include <kern/preempt.h>
#include <kern/task.h>
#include <arch/switch.h>
#include <arch/trapframe.h>
#include <host/machine.h>
#include "fibre.h"

void (*host_user_mode)(struct trapframe *tf);
char arch_boot_stack[KERNEL_STACK_SIZE];

struct task_struct *arch_switch_to(struct task_struct *prev, struct task_struct *next)
{
	assert_msg(!host_cpu->irqs_on, "a switch with interrupts on");
	assert(prev == current && prev != next);
	if (!prev->thread.fibre)
		prev->thread.fibre = host_cpu->fibre;
	next->thread.switched_from = prev;
	host_cpu->hot.task = next;
	host_cpu->fibre = next->thread.fibre;
	host_fibre_switch(prev->thread.fibre, next->thread.fibre);
	/* Some other switch came back to prev, perhaps on another CPU. */
	return prev->thread.switched_from;
}

static void run_user_work(struct trapframe *tf)
{
	while (task_has_work(current, WORK_RESCHED | WORK_SIGNAL | WORK_NOTIFY))
		entry_user_work(tf);
}

void arch_return_to_user(void)
{
	struct trapframe *tf = current->thread.frame;

	host_irqs_enable();
	run_user_work(tf);
	assert_msg(preempt_count() == 0, "return to user mode with preemption off");
	assert(host_user_mode);
	host_user_mode(tf);
	panic("user mode has no end");
}

static void thread_main(void *arg)
{
	struct task_struct *task = arg;

	entry_task_start(task->thread.switched_from);
	if (task->thread.fn) {
		host_irqs_enable();
		task->thread.fn(task->thread.arg);
		panic("a kernel thread's function returned");
	}
	arch_return_to_user();
}

void arch_thread_init_kernel(struct task_struct *task, void (*fn)(void *), void *arg)
{
	task->thread.fibre = host_fibre_create(thread_main, task);
	task->thread.fn = fn;
	task->thread.arg = arg;
}

int arch_thread_init_user(struct task_struct *task, const struct trapframe *tf, uintptr_t sp,
			  bool set_tls, uintptr_t tls)
{
	struct trapframe *frame = &task->thread.user_frame;

	task->thread.fibre = host_fibre_create(thread_main, task);
	*frame = *tf;
	frame->result = 0;
	frame->in_syscall = false;
	if (sp)
		frame->sp = sp;
	if (set_tls)
		frame->tls = tls;
	task->thread.frame = frame;
	return 0;
}

int arch_thread_make_user(struct task_struct *task)
{
	task->thread.frame = &task->thread.user_frame;
	return 0;
}

void arch_thread_release(struct task_struct *task)
{
	assert(task->thread.fibre == NULL || task->thread.fibre != host_cpu->fibre);
	host_fibre_destroy(task->thread.fibre);
	task->thread.fibre = NULL;
	task->thread.frame = NULL;
}

struct trapframe *arch_task_frame(struct task_struct *task)
{
	return task->thread.frame;
}

long host_syscall(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	struct trapframe *tf = current->thread.frame;

	tf->is_user = true;
	tf->in_syscall = true;
	tf->syscall_nr = nr;
	tf->arg[0] = a;
	tf->arg[1] = b;
	tf->arg[2] = c;
	tf->arg[3] = d;
	tf->arg[4] = e;
	tf->arg[5] = f;
	do {
		tf->restarts = 0;
		tf->in_syscall = true;
		entry_syscall(tf);
		run_user_work(tf);
	} while (tf->restarts);
	tf->in_syscall = false;
	assert_msg(preempt_count() == 0, "return to user mode with preemption off");
	return tf->result;
}
