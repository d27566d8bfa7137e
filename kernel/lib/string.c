/*
 * ISO C's memory and string functions. No state, no locks; any context may call, also before the
 * kernel has set anything up. The compiler calls memcpy, memmove, memset and memcmp by itself.
 *
 * Whole words are moved through types that may alias anything and lie at any address. Built without
 * the transformation that would turn these very loops into calls of themselves (mk/kernel.mk). Names
 * in parentheses are not taken for the macros of the same name.
 */
#include <kern/string.h>

typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;
typedef uint32_t __attribute__((may_alias, aligned(1))) half_t;
typedef uint16_t __attribute__((may_alias, aligned(1))) quarter_t;

/* Everything is loaded before anything is stored: these serve overlapping memory too. */
static ALWAYS_INLINE void copy_below_16(unsigned char *dst, const unsigned char *src, size_t n)
{
	if (n >= 8) {
		uint64_t head = *(const word_t *)src, tail = *(const word_t *)(src + n - 8);
		*(word_t *)dst = head;
		*(word_t *)(dst + n - 8) = tail;
	} else if (n >= 4) {
		uint32_t head = *(const half_t *)src, tail = *(const half_t *)(src + n - 4);
		*(half_t *)dst = head;
		*(half_t *)(dst + n - 4) = tail;
	} else if (n >= 2) {
		uint16_t head = *(const quarter_t *)src, tail = *(const quarter_t *)(src + n - 2);
		*(quarter_t *)dst = head;
		*(quarter_t *)(dst + n - 2) = tail;
	} else if (n == 1) {
		*dst = *src;
	}
}

/* n >= 16. The last 16 bytes are loaded first, because a forward overlap may overwrite them. */
static ALWAYS_INLINE void copy_up(unsigned char *dst, const unsigned char *src, size_t n)
{
	const unsigned char *src_end = src + n;
	unsigned char *dst_end = dst + n;
	uint64_t tail0 = *(const word_t *)(src_end - 16), tail1 = *(const word_t *)(src_end - 8);

	for (; n > 32; n -= 32, src += 32, dst += 32) {
		uint64_t a = ((const word_t *)src)[0], b = ((const word_t *)src)[1];
		uint64_t c = ((const word_t *)src)[2], d = ((const word_t *)src)[3];
		((word_t *)dst)[0] = a;
		((word_t *)dst)[1] = b;
		((word_t *)dst)[2] = c;
		((word_t *)dst)[3] = d;
	}
	if (n > 16) {
		uint64_t a = ((const word_t *)src)[0], b = ((const word_t *)src)[1];
		((word_t *)dst)[0] = a;
		((word_t *)dst)[1] = b;
	}
	((word_t *)dst_end)[-2] = tail0;
	((word_t *)dst_end)[-1] = tail1;
}

/* n >= 16, dst above src. */
static ALWAYS_INLINE void copy_down(unsigned char *dst, const unsigned char *src, size_t n)
{
	uint64_t head0 = ((const word_t *)src)[0], head1 = ((const word_t *)src)[1];

	for (; n > 16; n -= 16) {
		uint64_t a = *(const word_t *)(src + n - 8), b = *(const word_t *)(src + n - 16);
		*(word_t *)(dst + n - 8) = a;
		*(word_t *)(dst + n - 16) = b;
	}
	((word_t *)dst)[0] = head0;
	((word_t *)dst)[1] = head1;
}

void *(memcpy)(void *restrict dst, const void *restrict src, size_t n)
{
	if (n < 16)
		copy_below_16(dst, src, n);
	else
		copy_up(dst, src, n);
	return dst;
}

void *(memmove)(void *dst, const void *src, size_t n)
{
	if (n < 16)
		copy_below_16(dst, src, n);
	else if ((uintptr_t)dst - (uintptr_t)src >= n)
		copy_up(dst, src, n);
	else
		copy_down(dst, src, n);
	return dst;
}

void *(memset)(void *dst, int byte, size_t n)
{
	unsigned char *d = dst;
	uint64_t word = 0x0101010101010101ULL * (unsigned char)byte;

	if (n >= 8) {
		unsigned char *last = d + n - 8;
		for (; d + 32 <= last; d += 32) {
			((word_t *)d)[0] = word;
			((word_t *)d)[1] = word;
			((word_t *)d)[2] = word;
			((word_t *)d)[3] = word;
		}
		for (; d < last; d += 8)
			*(word_t *)d = word;
		*(word_t *)last = word;
	} else if (n >= 4) {
		*(half_t *)d = (uint32_t)word;
		*(half_t *)(d + n - 4) = (uint32_t)word;
	} else {
		for (size_t i = 0; i < n; i++)
			d[i] = (unsigned char)byte;
	}
	return dst;
}

int(memcmp)(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n >= 8 && *(const word_t *)x == *(const word_t *)y; n -= 8, x += 8, y += 8)
		;
	for (; n; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void *memchr(const void *s, int byte, size_t n)
{
	const unsigned char *p = s;

	for (; n; n--, p++)
		if (*p == (unsigned char)byte)
			return (void *)p;
	return NULL;
}

size_t(strlen)(const char *s)
{
	const char *p = s;

	while (*p)
		p++;
	return (size_t)(p - s);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int(strcmp)(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n; n--, a++, b++)
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (;; s++) {
		if (*s == (char)c)
			found = s;
		if (!*s)
			return (char *)found;
	}
}

char *strstr(const char *haystack, const char *needle)
{
	size_t len = strlen(needle);

	for (; *haystack || !len; haystack++)
		if (strncmp(haystack, needle, len) == 0)
			return (char *)haystack;
	return NULL;
}
