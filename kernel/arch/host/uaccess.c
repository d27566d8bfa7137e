/*
 * User memory on the host: every byte goes through the loaded root and the TLB of the virtual CPU,
 * faults through entry_fault, as often as an access by hardware would.
 */
#include <kern/entry.h>
#include <kern/string.h>
#include <arch/mmu.h>
#include <arch/trapframe.h>
#include <arch/uaccess.h>
#include <host/machine.h>
#include <uapi/errno.h>
#include "mmu.h"

/* A fault that is resolved again and again without effect would be an endless loop on hardware. */
enum { MAX_FAULTS = 16 };

/* The byte at va, faulted in if need be; NULL if that fails. */
static void *access(vaddr_t va, bool is_write, bool is_user)
{
	unsigned need = PTE_READ | PTE_USER | (is_write ? PTE_WRITE : 0);
	struct trapframe frame = {.is_user = is_user};
	void *p;

	for (int i = 0; !(p = host_translate(va, need)); i++) {
		unsigned flags = (is_write ? FAULT_WRITE : 0) | (is_user ? FAULT_USER : 0);
		if (host_cpu->root && va < ARCH_USER_END && host_page_is_present(va))
			flags |= FAULT_PRESENT;
		if (i == MAX_FAULTS || entry_fault(&frame, va, flags))
			return NULL;
	}
	return p;
}

bool host_user_read(vaddr_t va, uint8_t *value)
{
	const uint8_t *p = access(va, false, true);

	if (p)
		*value = *p;
	return p;
}

bool host_user_write(vaddr_t va, uint8_t value)
{
	uint8_t *p = access(va, true, true);

	if (p)
		*p = value;
	return p;
}

/* Bytes of [va, va + n) that lie in va's page. */
static size_t page_part(vaddr_t va, size_t n)
{
	return MIN(n, PAGE_SIZE - va % PAGE_SIZE);
}

size_t arch_copy_from_user(void *dst, const void *user_src, size_t n)
{
	vaddr_t va = (vaddr_t)user_src;
	char *to = dst;

	while (n) {
		size_t part = page_part(va, n);
		const void *from = access(va, false, false);
		if (!from)
			return n;
		memcpy(to, from, part);
		va += part;
		to += part;
		n -= part;
	}
	return 0;
}

size_t arch_copy_to_user(void *user_dst, const void *src, size_t n)
{
	vaddr_t va = (vaddr_t)user_dst;
	const char *from = src;

	while (n) {
		size_t part = page_part(va, n);
		void *to = access(va, true, false);
		if (!to)
			return n;
		memcpy(to, from, part);
		va += part;
		from += part;
		n -= part;
	}
	return 0;
}

size_t arch_clear_user(void *user_dst, size_t n)
{
	vaddr_t va = (vaddr_t)user_dst;

	while (n) {
		size_t part = page_part(va, n);
		void *to = access(va, true, false);
		if (!to)
			return n;
		memset(to, 0, part);
		va += part;
		n -= part;
	}
	return 0;
}

ssize_t arch_string_from_user(char *dst, const char *user_src, size_t max)
{
	for (size_t i = 0; i < max; i++) {
		const char *p = access((vaddr_t)user_src + i, false, false);
		if (!p)
			return -EFAULT;
		dst[i] = *p;
		if (!*p)
			return (ssize_t)i;
	}
	return (ssize_t)max;
}

int arch_user_cmpxchg32(uint32_t *user, uint32_t expect, uint32_t value, uint32_t *old)
{
	uint32_t *p = access((vaddr_t)user, true, false);

	if (!p)
		return -EFAULT;
	host_choice_point(HOST_POINT_RMW, p);
	*old = *p;
	if (*p == expect)
		*p = value;
	return 0;
}

int arch_user_load32(const uint32_t *user, uint32_t *value)
{
	const uint32_t *p = access((vaddr_t)user, false, false);

	if (!p)
		return -EFAULT;
	host_choice_point(HOST_POINT_LOAD, p);
	*value = *p;
	return 0;
}

int arch_user_store32(uint32_t *user, uint32_t value)
{
	uint32_t *p = access((vaddr_t)user, true, false);

	if (!p)
		return -EFAULT;
	host_choice_point(HOST_POINT_STORE, p);
	*p = value;
	return 0;
}
