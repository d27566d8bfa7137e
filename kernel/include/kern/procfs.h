/*
 * Generated files (rank 8): /proc, /sys. A file's text is made when it is first read after opening
 * or after seeking to 0; reads at other positions see the same text, so a reader in pieces sees one
 * state. procfs/text.c, procfs/tree.c
 */
#ifndef KERN_PROCFS_H
#define KERN_PROCFS_H

#include <kern/types.h>

/* Text that grows: up to 4 MiB. Errors stick in it and are found at the end. */
struct text {
	char *data;
	size_t len, size;
	int error; /* 0, -ENOMEM, -EFBIG */
};
void text_init(struct text *text);
void text_free(struct text *text);
PRINTF(2, 3) void text_print(struct text *text, const char *format, ...);
void text_add(struct text *text, const void *data, size_t len);

/*
 * Makes /proc/NAME ("lodger/mm": folders are made as needed), read-only, permissions mode (0444).
 * show writes the whole text; returns 0 or -Exxx (open succeeds, read fails with it).
 * arg is handed to show. Context: bring-up, after fs_init. Panics on a name that is taken.
 */
void procfs_register(const char *name, uint32_t mode, int (*show)(struct text *text, void *arg),
		     void *arg);
/* The same with a write: one call for each write(2) with up to 4095 bytes, NUL-terminated; returns
 * 0 or -Exxx. */
void procfs_register_writable(const char *name, uint32_t mode,
			      int (*show)(struct text *text, void *arg),
			      int (*store)(const char *data, size_t len, void *arg), void *arg);
/* /sys in the same way. */
void sysfs_register(const char *name, uint32_t mode, int (*show)(struct text *text, void *arg),
		    void *arg);

/* /proc/lodger. Context: bring-up, after procfs_init. */
void procfs_lodger_init(void);

/* File system types and the contents of /proc and /sys. Context: boot CPU, init_task, after fs_init. */
void procfs_init(void);

#endif
