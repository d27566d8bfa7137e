/*
 * What bring-up (kernel/init/main.c) calls in each part, in this order. Unless said otherwise: boot
 * CPU, in init_task's context, interrupts off until sched_init is done.
 */
#ifndef KERN_INIT_H
#define KERN_INIT_H

#include <kern/types.h>

struct boot_info;

void fs_init(void);	 /* caches, root mount, /dev, /proc: after mm_init, before any process */
void tty_init(void);	 /* terminals and their nodes in /dev */
void procfs_init(void);	 /* /proc's contents */
void task_init(void);	 /* pids, init_task's identity, signal hooks, futexes, limits */
void drivers_init(void); /* virtio and others; may sleep; after all CPUs are up */

/* Unpacks the initramfs at [data, data + len) into the root. 0; -EINVAL with a log line that says
 * where it is damaged. Context: a process with root's file system context; may sleep. */
MUST_USE MUST_USE int initramfs_unpack(const void *data, size_t len);
/* The same for the boot loader's initrd, whose frames are reserved: whole pages of file data that lie
 * aligned become the files' pages where they are, all the rest goes to the allocator. Once. */
MUST_USE int initramfs_load(paddr_t start, size_t len);

#endif
