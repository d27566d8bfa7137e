/*
 * System calls: each is `long sys_name(args…)`, in the folder of what it is about, declared in
 * kern/sys_fs.h, kern/sys_task.h or kern/mm.h; kernel/syscall/ holds the table and the argument
 * fetch. Results: a value or -Exxx. User pointers arrive as such and go through kern/uaccess.h.
 *
 * Arguments arrive in full registers whose upper halves a program may leave dirty, so a parameter
 * is int, unsigned, long, uint64_t, size_t or a pointer, never narrower than int; int and unsigned
 * take the low half.
 */
#ifndef KERN_SYSCALL_H
#define KERN_SYSCALL_H

#include <kern/types.h>

struct trapframe;

/* Name by number, or NULL. */
const char *syscall_name(long nr);
/* How many numbers the table has (0 .. result - 1; some are empty). */
long syscall_table_len(void);

#endif
