/* What entry.S and the C side of entry call of each other. */
#ifndef X86_ENTRY_H
#define X86_ENTRY_H

#include <kern/types.h>

struct trapframe;
struct task_struct;

/* entry.S; see there. */
extern char syscall_entry[], trap_stubs[], thread_start_kernel[], thread_start_user[];
struct task_struct *switch_stacks(struct task_struct *prev, struct task_struct *next);
NORETURN void frame_return(struct trapframe *tf);

/* Called by entry.S only, interrupts off; they return with interrupts off. */
void trap_exception(struct trapframe *tf);
void trap_page_fault(struct trapframe *tf);
void trap_interrupt(struct trapframe *tf);
void trap_paranoid(struct trapframe *tf);
void trap_user_work(struct trapframe *tf);

/* Fills and loads the interrupt descriptor table. Context: boot CPU; each CPU. */
void idt_init(void);
void idt_load(void);

/* The address to go on at after a fault at ip in kernel code, or 0. */
uintptr_t extable_find(uintptr_t ip);
/* True if ip is in code that touches user memory. */
bool uaccess_contains(uintptr_t ip);

/* Turns the instructions of CPUs with SMAP into NOPs where there is none. Context: boot, text still
 * writable. */
void smap_patch(void);

/* Panics with the registers of tf. */
NORETURN void trap_fatal(struct trapframe *tf, const char *what);

/* The frame that made this CPU panic or stop; NULL: it did so by itself. */
const struct trapframe *trap_fatal_frame(void);

#endif
