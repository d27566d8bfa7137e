/* Memory and strings: no state, no locks. The names and rules are ISO C's (C17 7.24). */
#ifndef KERN_STRING_H
#define KERN_STRING_H

#include <kern/types.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *haystack, const char *needle);

/*
 * A freestanding compiler takes the names above for ordinary functions. Through its builtins it
 * knows what they do, and small constant sizes cost no call. In tests, which are hosted programs,
 * the names are the C library's.
 */
#if !__STDC_HOSTED__
#define memcpy(dst, src, n)  __builtin_memcpy(dst, src, n)
#define memmove(dst, src, n) __builtin_memmove(dst, src, n)
#define memset(dst, byte, n) __builtin_memset(dst, byte, n)
#define memcmp(a, b, n)	     __builtin_memcmp(a, b, n)
#define strlen(s)	     __builtin_strlen(s)
#define strcmp(a, b)	     __builtin_strcmp(a, b)
#endif

/*
 * Copies at most size - 1 bytes and always terminates (size > 0). Returns the length of src, so
 * that a result >= size means that it was cut.
 */
size_t string_copy(char *dst, const char *src, size_t size);

/* Parses a decimal, hexadecimal (0x) or octal (0) number with an optional K, M or G (powers of
 * 1024) at *s, and moves *s behind it. -EINVAL: no digit; -ERANGE: does not fit. */
MUST_USE int string_to_u64(const char **s, uint64_t *value);

#endif
