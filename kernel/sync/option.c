/*
 * The kernel's command line and the options in it. Written once by boot_options_init on the boot
 * CPU, only read afterwards: any context may look options up.
 */
#include <kern/boot.h>
#include <kern/log.h>
#include <kern/string.h>

static char cmdline[BOOT_CMDLINE_MAX];

void boot_options_init(const char *line)
{
	string_copy(cmdline, line, sizeof(cmdline));
}

const char *boot_cmdline(void)
{
	return cmdline;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of the word at p: the first blank outside quotes. */
static const char *word_end(const char *p)
{
	for (bool is_quoted = false; *p && (is_quoted || !is_blank(*p)); p++)
		if (*p == '"')
			is_quoted = !is_quoted;
	return p;
}

/* Copies a value without its quotes. */
static void copy_value(char *dst, size_t size, const char *p, const char *end)
{
	size_t len = 0;

	for (; p < end; p++)
		if (*p != '"' && len + 1 < size)
			dst[len++] = *p;
	dst[len] = '\0';
}

bool boot_option(const char *name, char *value, size_t size)
{
	size_t len = strlen(name);
	bool is_found = false;
	const char *p = cmdline;

	for (;;) {
		while (is_blank(*p))
			p++;
		const char *end = word_end(p);
		if (p == end || (end - p == 2 && p[0] == '-' && p[1] == '-'))
			return is_found;
		if ((size_t)(end - p) >= len && memcmp(p, name, len) == 0) {
			const char *rest = p + len;
			if (rest == end || *rest == '=') {
				copy_value(value, size, rest == end ? end : rest + 1, end);
				is_found = true;
			}
		}
		p = end;
	}
}

uint64_t boot_option_u64(const char *name, uint64_t fallback)
{
	char text[32];
	const char *p = text;
	uint64_t value;

	if (!boot_option(name, text, sizeof(text)))
		return fallback;
	if (string_to_u64(&p, &value) || *p) {
		log_print("option %s=%s: not a number, ignored\n", name, text);
		return fallback;
	}
	return value;
}
