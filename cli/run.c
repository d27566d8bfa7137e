/* `lodger run`: the guest's streams are the command's own. */
#include <stdbool.h>
#include <unistd.h>

#include "options.h"
#include "report.h"
#include "session.h"
#include "verbs.h"

int verb_run(int argc, char **argv)
{
	struct guest guest = {.output_fd = STDOUT_FILENO};
	struct relay_result result;
	struct options options;
	int first = options_parse(argc, argv, NULL, &options);

	if (options.wants_help)
		return help_print("run") ? 0 : EXIT_TOOL;
	guest_look_at_streams(&guest);
	session_run(&options, argv + first, &guest, &result);
	return session_code(&options, argv[first] ? argv[first] : "sh", &result);
}
