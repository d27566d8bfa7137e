/*
 * The port contract: touching user memory. Addresses are not trusted: the caller has checked that
 * [user, user + n) lies below ARCH_USER_END (kern/uaccess.h does). A fault on the way is resolved
 * through entry_fault(); if it can't be, the copy stops there.
 * Context: may fault and so sleep, unless the running task has faults disabled (task->nofault > 0):
 * then an absent page simply ends the copy.
 */
#ifndef ARCH_UACCESS_H
#define ARCH_UACCESS_H

#include <kern/types.h>

/* Each returns the number of bytes that were NOT copied or cleared: 0 is success. */
MUST_USE size_t arch_copy_from_user(void *dst, const void *user_src, size_t n);
MUST_USE size_t arch_copy_to_user(void *user_dst, const void *src, size_t n);
MUST_USE size_t arch_clear_user(void *user_dst, size_t n);

/* Copies up to and with the NUL, at most max bytes. Returns the length without the NUL; max if none
 * was found; -EFAULT. */
MUST_USE ssize_t arch_string_from_user(char *dst, const char *user_src, size_t max);

/* Atomic operations on an aligned user word. 0 and *old on success; -EFAULT. */
MUST_USE int arch_user_cmpxchg32(uint32_t *user, uint32_t expect, uint32_t value, uint32_t *old);
MUST_USE int arch_user_load32(const uint32_t *user, uint32_t *value);
MUST_USE int arch_user_store32(uint32_t *user, uint32_t value);

#endif
