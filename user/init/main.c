/* The guest's init: reads its instructions, starts the program, carries its streams, powers off. */
#include <signal.h>
#include <unistd.h>

#include "init.h"

int main(void)
{
	struct instructions in;
	struct program program;
	const char *what;
	int ctl_fd, error;

	signal(SIGPIPE, SIG_IGN);
	machine_mount();
	instructions_read(LODGER_INSTRUCTIONS, &in);
	machine_load_modules(in.modules);
	ctl_fd = port_open(PORT_CTL);
	error = program_start(&in, &program, &what);
	if (error)
		relay_report_failure(ctl_fd, error, what);
	else
		relay_run(&in, &program, ctl_fd);
	machine_off();
}
