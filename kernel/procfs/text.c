/* Text that grows in one piece of memory, doubling. Belongs to one task at a time. Context: task. */
#include <kern/procfs.h>
#include <kern/format.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>

/* The largest piece that kmalloc gives. */
enum { TEXT_FIRST = 1024, TEXT_MAX = 4 << 20 };

void text_init(struct text *text)
{
	memset(text, 0, sizeof(*text));
}

void text_free(struct text *text)
{
	kfree(text->data);
	text_init(text);
}

/* Room for need bytes behind the text; false: there is none, and text->error says so. */
static bool text_reserve(struct text *text, size_t need)
{
	size_t size = text->size ? text->size : TEXT_FIRST;
	char *data;

	if (text->error)
		return false;
	while (size < text->len + need)
		size *= 2;
	if (size == text->size)
		return true;
	if (size > TEXT_MAX) {
		text->error = -EFBIG;
		return false;
	}
	data = kmalloc(size, ALLOC_KERNEL);
	if (!data) {
		text->error = -ENOMEM;
		return false;
	}
	if (text->len)
		memcpy(data, text->data, text->len);
	kfree(text->data);
	text->data = data;
	text->size = size;
	return true;
}

void text_add(struct text *text, const void *data, size_t len)
{
	if (!text_reserve(text, len))
		return;
	memcpy(text->data + text->len, data, len);
	text->len += len;
}

void text_print(struct text *text, const char *format, ...)
{
	va_list args;
	int len;

	if (!text_reserve(text, 1))
		return;
	va_start(args, format);
	len = format_string_v(text->data + text->len, text->size - text->len, format, args);
	va_end(args);
	if ((size_t)len >= text->size - text->len) { /* it was cut: once more with room */
		if (!text_reserve(text, (size_t)len + 1))
			return;
		va_start(args, format);
		len = format_string_v(text->data + text->len, text->size - text->len, format, args);
		va_end(args);
	}
	text->len += (size_t)len;
}
