/*
 * System calls: each is `long sys_name(args…)`, in the folder of what it is about, declared in
 * that folder's header; kernel/syscall/ holds the table and the argument fetch. Results: a value or
 * -Exxx. User pointers arrive as such and go through kern/uaccess.h.
 * kern/sys_fs.h and kern/sys_task.h declare them by owner (mm's are in kern/mm.h).
 */
#ifndef KERN_SYSCALL_H
#define KERN_SYSCALL_H

#include <kern/types.h>

struct trapframe;

/* Runs the call of the frame; result into it. Context: task, interrupts on. */
void syscall_dispatch(struct trapframe *tf);
/* Name by number, or NULL. */
const char *syscall_name(long nr);

#endif
