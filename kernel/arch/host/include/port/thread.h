/* A thread of the host port: a fibre. */
#ifndef PORT_THREAD_H
#define PORT_THREAD_H

#include <kern/types.h>
#include <port/trapframe.h>

struct host_fibre;

/* What init_task calls its stack; the fibre of the test's own thread has another. */
extern char arch_boot_stack[];

struct arch_thread {
	struct host_fibre *fibre; /* [self] NULL: has none yet (the boot CPU's first thread) */
	struct task_struct *switched_from; /* [cpu] who ran before, told by arch_switch_to */
	void (*fn)(void *arg); /* [const] a kernel thread's; NULL: returns to user mode */
	void *arg;
	struct trapframe *frame; /* [self] of user mode; NULL: a kernel thread */
	struct trapframe user_frame;
	bool irqs_on; /* [self] while it is switched out, for the check of the flag's balance */
};

#endif
