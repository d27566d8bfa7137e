/*
 * Bounded strings and numbers in text. No state, no locks; any context may call.
 */
#include <kern/string.h>
#include <uapi/errno.h>

size_t string_copy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);
	size_t n = MIN(len, size - 1);

	memcpy(dst, src, n);
	dst[n] = '\0';
	return len;
}

/* The value of a digit in bases up to 16, or 16 if it is none. */
static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

static unsigned suffix_shift(char c)
{
	switch (c) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	default:
		return 0;
	}
}

int string_to_u64(const char **s, uint64_t *value)
{
	const char *p = *s;
	uint64_t n = 0;
	unsigned base = 10;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && digit_value(p[2]) < 16) {
		base = 16;
		p += 2;
	} else if (p[0] == '0') {
		base = 8; /* the leading 0 is itself a digit: plain "0" is zero */
	}
	if (digit_value(*p) >= base)
		return -EINVAL;
	for (; digit_value(*p) < base; p++)
		if (__builtin_mul_overflow(n, base, &n) ||
		    __builtin_add_overflow(n, digit_value(*p), &n))
			return -ERANGE;

	unsigned shift = suffix_shift(*p);
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*value = n << shift;
	*s = p + (shift != 0);
	return 0;
}
