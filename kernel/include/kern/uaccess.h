/*
 * User memory (rank 5). Every address that a program gives is only ever touched through these.
 * Context: task with an mm (or kthread_use_mm); may sleep in a fault unless current->nofault.
 */
#ifndef KERN_UACCESS_H
#define KERN_UACCESS_H

#include <kern/types.h>
#include <uapi/errno.h>
#include <arch/mmu.h>
#include <arch/uaccess.h>

static inline bool user_range_ok(const void *user, size_t len)
{
	return len <= ARCH_USER_END && (uintptr_t)user <= ARCH_USER_END - len;
}

/* 0 or -EFAULT; a partial copy may have happened. */
MUST_USE static inline int copy_from_user(void *dst, const void *user_src, size_t len)
{
	if (unlikely(!user_range_ok(user_src, len)))
		return -EFAULT;
	return unlikely(arch_copy_from_user(dst, user_src, len)) ? -EFAULT : 0;
}
MUST_USE static inline int copy_to_user(void *user_dst, const void *src, size_t len)
{
	if (unlikely(!user_range_ok(user_dst, len)))
		return -EFAULT;
	return unlikely(arch_copy_to_user(user_dst, src, len)) ? -EFAULT : 0;
}
MUST_USE static inline int clear_user(void *user_dst, size_t len)
{
	if (unlikely(!user_range_ok(user_dst, len)))
		return -EFAULT;
	return unlikely(arch_clear_user(user_dst, len)) ? -EFAULT : 0;
}
/* Length without NUL; -EFAULT; -ENAMETOOLONG if there is no NUL within max bytes. */
MUST_USE static inline ssize_t string_from_user(char *dst, const char *user_src, size_t max)
{
	ssize_t len;

	if (unlikely((uintptr_t)user_src >= ARCH_USER_END))
		return -EFAULT;
	if (max > ARCH_USER_END - (uintptr_t)user_src)
		max = ARCH_USER_END - (uintptr_t)user_src;
	len = arch_string_from_user(dst, user_src, max);
	return len == (ssize_t)max ? -ENAMETOOLONG : len;
}

#endif
