/*
 * Single words and strings of user memory. Context: as arch/uaccess.h says; owns nothing.
 */
#include <uapi/errno.h>
#include <arch/uaccess.h>
#include <port/smap.h>

/* The bytes of word that are 0, as their top bits; exact for the lowest one. */
static inline uint64_t zero_bytes(uint64_t word)
{
	return (word - 0x0101010101010101) & ~word & 0x8080808080808080;
}

UACCESS ssize_t arch_string_from_user(char *dst, const char *user_src, size_t max)
{
	size_t len = 0;
	uint64_t word;
	uint32_t byte;

	smap_open();
	while (max - len >= 8) {
		USER_LOAD("movq", word, (const uint64_t *)(user_src + len), bytes);
		*(uint64_t *)(dst + len) = word;
		word = zero_bytes(word);
		if (word) {
			len += (unsigned)__builtin_ctzll(word) / 8;
			goto out;
		}
		len += 8;
	}
bytes:
	/* The end of the buffer, or of what is mapped. */
	for (; len < max; len++) {
		USER_LOAD("movzbl", byte, user_src + len, fault);
		dst[len] = (char)byte;
		if (byte == 0)
			break;
	}
out:
	smap_close();
	return (ssize_t)len;
fault:
	smap_close();
	return -EFAULT;
}

UACCESS int arch_user_load32(const uint32_t *user, uint32_t *value)
{
	uint32_t v;

	smap_open();
	USER_LOAD("movl", v, user, fault);
	smap_close();
	*value = v;
	return 0;
fault:
	smap_close();
	return -EFAULT;
}

UACCESS int arch_user_store32(uint32_t *user, uint32_t value)
{
	smap_open();
	USER_STORE("movl", value, user, fault);
	smap_close();
	return 0;
fault:
	smap_close();
	return -EFAULT;
}

UACCESS int arch_user_cmpxchg32(uint32_t *user, uint32_t expect, uint32_t value, uint32_t *old)
{
	uint32_t found = expect;

	smap_open();
	__asm__ goto volatile("1: lock cmpxchgl %1, %2\n" EXTABLE("1b", "%l[fault]")
			      : "+a"(found)
			      : "r"(value), "m"(*user)
			      : "memory", "cc"
			      : fault);
	smap_close();
	*old = found;
	return 0;
fault:
	smap_close();
	return -EFAULT;
}
