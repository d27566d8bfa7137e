/*
 * What bring-up (kernel/init/main.c) calls in each part, in this order. Unless said otherwise: boot
 * CPU, in init_task's context, interrupts off until sched_init is done.
 */
#ifndef KERN_INIT_H
#define KERN_INIT_H

#include <kern/types.h>

struct boot_info;

/* Pids, init_task's identity, signal hooks, futexes, limits: before fs_init, since files have owners. */
void task_init(void);
void tty_init(void);	 /* terminals and their nodes in /dev */
void drivers_init(void); /* virtio and others; may sleep; after all CPUs are up */

#endif
