/*
 * printf-style formatting into a buffer. No state, no locks; any context may call, panic and NMI
 * included. What it understands is in kern/format.h; anything else is copied as it stands.
 */
#include <kern/format.h>
#include <kern/string.h>

struct output {
	char *buf;
	size_t size; /* of buf; text beyond size - 1 is counted, not stored */
	size_t len;
};

enum {
	FLAG_LEFT = 1 << 0,
	FLAG_PLUS = 1 << 1,
	FLAG_SPACE = 1 << 2,
	FLAG_ALT = 1 << 3,
	FLAG_ZERO = 1 << 4,
};

enum length { LENGTH_INT, LENGTH_CHAR, LENGTH_SHORT, LENGTH_LONG, LENGTH_LONG_LONG };

/* One conversion, from '%' to its letter. */
struct conversion {
	unsigned flags;
	int width;
	int precision; /* -1: none given */
	enum length length;
	char letter;
};

static void put_char(struct output *out, char c)
{
	if (out->len + 1 < out->size)
		out->buf[out->len] = c;
	out->len++;
}

static void put_repeated(struct output *out, char c, int n)
{
	for (; n > 0; n--)
		put_char(out, c);
}

static void put_text(struct output *out, const char *text, size_t len)
{
	if (out->len + 1 < out->size)
		memcpy(out->buf + out->len, text, MIN(len, out->size - 1 - out->len));
	out->len += len;
}

static void put_padded(struct output *out, const struct conversion *conv, const char *text,
		       size_t len)
{
	int padding = conv->width - (int)len;

	if (!(conv->flags & FLAG_LEFT))
		put_repeated(out, ' ', padding);
	put_text(out, text, len);
	if (conv->flags & FLAG_LEFT)
		put_repeated(out, ' ', padding);
}

/* prefix: sign or 0x. Zeros go between it and the digits. */
static void put_number(struct output *out, const struct conversion *conv, uint64_t n, unsigned base,
		       const char *prefix)
{
	const char *digits = conv->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	int len = 0, prefix_len = (int)strlen(prefix);

	for (uint64_t rest = n; rest; rest /= base)
		text[sizeof(text) - (size_t)++len] = digits[rest % base];

	int zeros = (conv->precision < 0 ? 1 : conv->precision) - len;
	if (base == 8 && (conv->flags & FLAG_ALT) && zeros <= 0)
		zeros = 1;
	zeros = MAX(zeros, 0);
	int padding = conv->width - prefix_len - zeros - len;
	bool pads_with_zeros =
		(conv->flags & (FLAG_ZERO | FLAG_LEFT)) == FLAG_ZERO && conv->precision < 0;
	if (pads_with_zeros && padding > 0) {
		zeros += padding;
		padding = 0;
	}
	if (!(conv->flags & FLAG_LEFT))
		put_repeated(out, ' ', padding);
	put_text(out, prefix, (size_t)prefix_len);
	put_repeated(out, '0', zeros);
	put_text(out, text + sizeof(text) - len, (size_t)len);
	if (conv->flags & FLAG_LEFT)
		put_repeated(out, ' ', padding);
}

static void put_signed(struct output *out, const struct conversion *conv, int64_t n)
{
	const char *sign = "";

	if (n < 0)
		sign = "-";
	else if (conv->flags & FLAG_PLUS)
		sign = "+";
	else if (conv->flags & FLAG_SPACE)
		sign = " ";
	put_number(out, conv, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, 10, sign);
}

static void put_unsigned(struct output *out, const struct conversion *conv, uint64_t n)
{
	bool has_prefix = (conv->flags & FLAG_ALT) && n;

	switch (conv->letter) {
	case 'x':
		put_number(out, conv, n, 16, has_prefix ? "0x" : "");
		break;
	case 'X':
		put_number(out, conv, n, 16, has_prefix ? "0X" : "");
		break;
	case 'o':
		put_number(out, conv, n, 8, "");
		break;
	default:
		put_number(out, conv, n, 10, "");
		break;
	}
}

static void put_string(struct output *out, const struct conversion *conv, const char *text)
{
	if (!text)
		text = "(null)";
	put_padded(out, conv, text,
		   conv->precision < 0 ? strlen(text) : strnlen(text, (size_t)conv->precision));
}

/* A variable argument list behind a pointer, so that helpers can take from it. */
struct arguments {
	va_list list;
};

static int64_t take_signed(struct arguments *args, enum length length)
{
	switch (length) {
	case LENGTH_CHAR:
		return (signed char)va_arg(args->list, int);
	case LENGTH_SHORT:
		return (short)va_arg(args->list, int);
	case LENGTH_LONG:
		return va_arg(args->list, long);
	case LENGTH_LONG_LONG:
		return va_arg(args->list, long long);
	default:
		return va_arg(args->list, int);
	}
}

static uint64_t take_unsigned(struct arguments *args, enum length length)
{
	switch (length) {
	case LENGTH_CHAR:
		return (unsigned char)va_arg(args->list, int);
	case LENGTH_SHORT:
		return (unsigned short)va_arg(args->list, int);
	case LENGTH_LONG:
		return va_arg(args->list, unsigned long);
	case LENGTH_LONG_LONG:
		return va_arg(args->list, unsigned long long);
	default:
		return va_arg(args->list, unsigned);
	}
}

static const char *parse_flags(const char *p, unsigned *flags)
{
	static const char letters[] = "-+ #0"; /* in the order of the FLAG_ bits */

	for (const char *found; *p && (found = strchr(letters, *p)); p++)
		*flags |= 1U << (found - letters);
	return p;
}

static const char *parse_number(const char *p, struct arguments *args, int *number)
{
	*number = 0;
	if (*p == '*') {
		*number = va_arg(args->list, int);
		return p + 1;
	}
	for (; *p >= '0' && *p <= '9'; p++)
		*number = *number * 10 + (*p - '0');
	return p;
}

static const char *parse_length(const char *p, enum length *length)
{
	*length = LENGTH_INT;
	switch (*p) {
	case 'h':
		*length = p[1] == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
		return p[1] == 'h' ? p + 2 : p + 1;
	case 'l':
		*length = p[1] == 'l' ? LENGTH_LONG_LONG : LENGTH_LONG;
		return p[1] == 'l' ? p + 2 : p + 1;
	case 'z':
	case 'j':
	case 't':
		*length = LENGTH_LONG;
		return p + 1;
	default:
		return p;
	}
}

/* p stands behind the '%'; returns the place behind the conversion's letter. */
static const char *parse_conversion(const char *p, struct arguments *args, struct conversion *conv)
{
	*conv = (struct conversion){.precision = -1};
	p = parse_flags(p, &conv->flags);
	p = parse_number(p, args, &conv->width);
	if (conv->width < 0) {
		conv->flags |= FLAG_LEFT;
		conv->width = -conv->width;
	}
	if (*p == '.')
		p = parse_number(p + 1, args, &conv->precision);
	p = parse_length(p, &conv->length);
	conv->letter = *p;
	return *p ? p + 1 : p;
}

static void put_conversion(struct output *out, const struct conversion *conv,
			   struct arguments *args)
{
	char c;

	switch (conv->letter) {
	case 'd':
	case 'i':
		put_signed(out, conv, take_signed(args, conv->length));
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_unsigned(out, conv, take_unsigned(args, conv->length));
		break;
	case 'p':
		put_number(out, conv, (uintptr_t)va_arg(args->list, void *), 16, "0x");
		break;
	case 's':
		put_string(out, conv, va_arg(args->list, const char *));
		break;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_padded(out, conv, &c, 1);
		break;
	case '\0':
		break;
	default:
		put_char(out, conv->letter);
		break;
	}
}

int format_string_v(char *buf, size_t size, const char *format, va_list list)
{
	struct output out = {.buf = buf, .size = size};
	struct arguments args;
	struct conversion conv;

	va_copy(args.list, list);
	while (*format) {
		size_t plain = 0;
		while (format[plain] && format[plain] != '%')
			plain++;
		put_text(&out, format, plain);
		format += plain;
		if (*format == '%') {
			format = parse_conversion(format + 1, &args, &conv);
			put_conversion(&out, &conv, &args);
		}
	}
	va_end(args.list);
	if (size)
		buf[MIN(out.len, size - 1)] = '\0';
	return (int)out.len;
}

int format_string(char *buf, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = format_string_v(buf, size, format, args);
	va_end(args);
	return len;
}
