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
 * Copies at most size - 1 bytes and always terminates (size > 0). Returns the length of src, so
 * that a result >= size means that it was cut.
 */
size_t string_copy(char *dst, const char *src, size_t size);

/* Parses a decimal, 0x or 0 prefixed number with an optional K, M or G (powers of 1024) at *s, and
 * moves *s behind it. -EINVAL: no digit; -ERANGE: does not fit. */
MUST_USE int string_to_u64(const char **s, uint64_t *value);

#endif
