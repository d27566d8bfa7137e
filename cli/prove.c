/* `lodger prove`: hands over to lodger-prove, which lies beside this program (tests/model/main.c). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "verbs.h"

enum { PATH_MAX_LEN = 4096 };

int verb_prove(int argc, char **argv)
{
	char path[PATH_MAX_LEN];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 64);
	char *slash;

	if (len < 0)
		report_fail(EXIT_TOOL, "cannot find out where this program lies");
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (argc > 1 && !strcmp(argv[1], "--mutants"))
		strcpy(slash, "/../tests/mutants/prove");
	else
		strcpy(slash, "/lodger-prove");
	execv(path, argv);
	report_fail(EXIT_TOOL, "cannot run %s (`make lodger-prove` builds it, in the source tree)",
		    path);
}
