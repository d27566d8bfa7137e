/* `lodger`: runs Linux programs in a small kernel of our own. Finds the verb; the rest is theirs.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "verbs.h"

static const struct {
	const char *name;
	int (*verb)(int argc, char **argv);
} verbs[] = {
	{"run", verb_run},   {"bench", verb_bench}, {"prove", verb_prove},
	{"help", verb_help}, {"--help", verb_help}, {"-h", verb_help},
};

/* What is opened later shall not be taken for a standard stream. */
static void streams_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	streams_fill();
	if (argc < 2) {
		help_print(NULL);
		return EXIT_TOOL;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("lodger " LODGER_VERSION);
		return 0;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(verbs[i].name, argv[1]))
			return verbs[i].verb(argc - 1, argv + 1);
	}
	report_fail(EXIT_TOOL, "there is no verb `%s`; `lodger help` lists them", argv[1]);
}
