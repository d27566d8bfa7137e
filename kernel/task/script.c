/*
 * `#!` lines (execve(2), "Interpreter scripts"): the interpreter's path, and at most one word, which
 * is all of the rest of the line. Pure.
 */
#include <kern/string.h>
#include <uapi/errno.h>

#include "exec.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int script_parse(const char *head, size_t len, struct script_line *line)
{
	const char *pos = head + 2, *end, *stop;
	size_t part;

	if (len < 2 || head[0] != '#' || head[1] != '!')
		return -ENOEXEC;
	end = memchr(pos, '\n', len - 2);
	if (!end) {
		/* The line is longer than what is looked at, or is the whole file. A cut path must
		 * not be taken for a shorter one. */
		end = head + len;
		stop = memchr(pos, '\0', len - 2);
		if (stop)
			end = stop;
	} else {
		stop = end;
	}
	while (pos < end && is_blank(*pos))
		pos++;
	while (end > pos && is_blank(end[-1]))
		end--;
	for (part = 0; pos + part < end && !is_blank(pos[part]) && pos[part]; part++)
		;
	if (!part || part >= sizeof(line->interpreter))
		return -ENOEXEC;
	if (!stop && len == EXEC_HEAD_LEN && pos + part == end)
		return -ENOEXEC;
	memcpy(line->interpreter, pos, part);
	line->interpreter[part] = '\0';
	pos += part;
	while (pos < end && is_blank(*pos))
		pos++;
	part = strnlen(pos, (size_t)(end - pos));
	line->has_word = part > 0;
	memcpy(line->word, pos, part);
	line->word[part] = '\0';
	return 0;
}
