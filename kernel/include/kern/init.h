/* What bring-up (kernel/init) calls in each part, in this order. All: boot CPU, task context of init_task. */
#ifndef KERN_INIT_H
#define KERN_INIT_H

#include <kern/types.h>

struct boot_info;

void fs_init(void);	  /* caches, root mount, /dev, /proc: after mm_init, before any task */
void tty_init(void);
void procfs_init(void);
void task_init(void);	  /* pids, init_task's identity, signal hooks */
void drivers_init(void);  /* virtio and others; may sleep */
/* Unpacks the initramfs at [data, data + len) into the root. 0; -EINVAL with a log line that says where. */
int initramfs_unpack(const void *data, size_t len);
/* Starts the first program (pid 1) from a kernel thread; returns only on failure. */
void init_run_first_program(void);

#endif
