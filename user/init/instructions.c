/* Parses the instructions that the `lodger` command left in the initramfs (see protocol.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

static char *file_read_whole(const char *path, size_t *len)
{
	struct stat st;
	size_t done = 0;
	char *text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		machine_fail(path, errno);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		machine_fail(path, ENOMEM);
	while (done < (size_t)st.st_size) {
		ssize_t n = read(fd, text + done, (size_t)st.st_size - done);

		if (n <= 0)
			machine_fail(path, n < 0 ? errno : EIO);
		done += (size_t)n;
	}
	close(fd);
	text[done] = '\0';
	*len = done;
	return text;
}

static enum stream_kind kind_parse(const char *value)
{
	if (!strcmp(value, "tty"))
		return STREAM_TTY;
	return strcmp(value, "stream") ? STREAM_NULL : STREAM_PIPE;
}

static void size_parse(const char *value, struct instructions *in)
{
	char *end;

	in->rows = (unsigned short)strtoul(value, &end, 10);
	in->cols = (unsigned short)strtoul(end, NULL, 10);
}

static void record_parse(char *key, const char *value, struct instructions *in, size_t count[3])
{
	static const char *const names[3] = {"stdin", "stdout", "stderr"};

	if (!strcmp(key, "arg"))
		in->argv[count[0]++] = (char *)value;
	else if (!strcmp(key, "env"))
		in->envp[count[1]++] = (char *)value;
	else if (!strcmp(key, "module"))
		in->modules[count[2]++] = (char *)value;
	else if (!strcmp(key, "cwd"))
		in->cwd = value;
	else if (!strcmp(key, "exec"))
		in->exec = value;
	else if (!strcmp(key, "size"))
		size_parse(value, in);
	for (int i = 0; i < 3; i++) {
		if (!strcmp(key, names[i]))
			in->streams[i] = kind_parse(value);
	}
}

void instructions_read(const char *path, struct instructions *in)
{
	size_t len, nr_records = 1, count[3] = {0, 0, 0};
	char *text = file_read_whole(path, &len);
	char **lists;

	for (size_t i = 0; i < len; i++)
		nr_records += text[i] == '\0';
	lists = calloc(3 * (nr_records + 1), sizeof(*lists));
	if (!lists)
		machine_fail(path, ENOMEM);
	memset(in, 0, sizeof(*in));
	in->argv = lists;
	in->envp = lists + nr_records + 1;
	in->modules = lists + 2 * (nr_records + 1);
	in->cwd = "/";
	for (char *at = text; at < text + len; at += strlen(at) + 1) {
		char *value = strchr(at, '=');
		size_t record_len = strlen(at);

		if (value) {
			*value = '\0';
			record_parse(at, value + 1, in, count);
			at += record_len - strlen(at);
		}
	}
	if (!in->exec || !in->argv[0])
		machine_fail(path, EINVAL);
}
