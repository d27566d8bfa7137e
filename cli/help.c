/* The texts of `lodger help`. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "verbs.h"

static const char overview[] =
	"Lodger boots a small kernel in QEMU and runs a Linux program of this machine in it.\n"
	"\n"
	"usage: lodger VERB [OPTIONS] …\n"
	"\n"
	"  run     run a program, or a shell, in the guest\n"
	"  bench   measure the guest's kernel\n"
	"  prove   explore every interleaving of the address-space protocol\n"
	"  help    explain a verb: `lodger help run`\n"
	"\n"
	"  lodger --version\n";

static const char run_text[] =
	"usage: lodger run [OPTIONS] [--] [PROGRAM ARGS…]\n"
	"\n"
	"Boots the kernel and runs PROGRAM, a program of this machine, in it, as root. Standard "
	"input,\n"
	"output and error are carried byte for byte; the exit status is the program's (128 + n if\n"
	"signal n ended it). Without PROGRAM: an interactive shell. If standard input is a "
	"terminal,\n"
	"the program gets one too, with job control; ctrl-] three times in a row ends the "
	"machine.\n"
	"\n"
	"The guest's files live in memory and go with it. It holds PROGRAM with its interpreter "
	"and\n"
	"shared libraries, the files that ARGS name, what --add names, all under the path that "
	"they\n"
	"have here, and busybox under the names of its commands where nothing else has the name. "
	"The\n"
	"working directory is the same as here, empty otherwise.\n"
	"\n"
	"The environment is PATH, HOME, USER, LOGNAME, SHELL, PWD, with a terminal also TERM, LANG "
	"and\n"
	"COLORTERM, and what --env sets. Nothing else is passed on.\n"
	"\n"
	"  --cpus N            virtual CPUs, 1 to 64 (2)\n"
	"  --memory SIZE       of the machine, like 64M or 4G (512M)\n"
	"  --machine TYPE      microvm, q35 or pc (microvm; pc for a Linux kernel)\n"
	"  --accel NAME        tcg or kvm (tcg)\n"
	"  --lazy NAME         how idle CPUs and kernel threads borrow address spaces\n"
	"  --add HOST[:GUEST]  also take this file or directory along; may be repeated\n"
	"  --env NAME=VALUE    set a variable of the program's environment; may be repeated\n"
	"  --append WORDS      further words for the kernel's command line\n"
	"  --kernel FILE       another kernel that boots with an initramfs, also a Linux bzImage\n"
	"  --timeout SECONDS   end the machine after this time\n"
	"  --gdb               wait for a debugger on localhost:1234 before the first instruction\n"
	"  --verbose           show the kernel's messages, and what this command does\n"
	"\n"
	"Exit codes of the command itself: 124 timed out, 125 wrong use or something of this "
	"machine\n"
	"is missing, 126 the kernel panicked or the machine died, 127 PROGRAM or a library not "
	"found.\n";

static const char bench_text[] =
	"usage: lodger bench [OPTIONS] [NAME…]\n"
	"\n"
	"Runs the benchmark program in the guest: what system calls, switches, processes, "
	"threads,\n"
	"faults and signals cost. NAME: only measurements whose names begin so.\n"
	"\n"
	"Two clocks. Instructions: one CPU, and QEMU counts one nanosecond of the machine's time "
	"for\n"
	"each instruction (-icount shift=0,sleep=off), so that the guest's own clock tells how "
	"many\n"
	"it took; repeatable, and the same on every host. Wall time: as the machine otherwise "
	"runs.\n"
	"Each figure is the median of seven runs.\n"
	"\n"
	"  --json              for other programs\n"
	"  --counted           instructions only\n"
	"  --wall              wall time only\n"
	"\n"
	"and the options of `lodger run`; with --kernel another kernel is measured.\n";

static const char prove_text[] =
	"usage: lodger prove [OPTIONS]\n"
	"\n"
	"Runs the kernel's own files for the life of an address space through every order in "
	"which\n"
	"their steps can happen, within a bound, and checks the invariants at each. A failure is\n"
	"shown as the shortest way to it, a column for each CPU. docs/proving.md explains it.\n"
	"\n"
	"  --list              strategies and scenarios\n"
	"  --lazy NAME         only this strategy\n"
	"  --scenario NAME     only this scenario\n"
	"  --long              the long scenarios too\n"
	"  --jobs N            searches at a time (1)\n"
	"  --preemptions N     at most, in place of the scenario's own bound\n"
	"  --buffer N          entries of a store buffer, 0 to 4; 0: sequentially consistent\n"
	"  --max-states N      give a search up there\n"
	"  --full              without reduction: every shared access is a choice point\n"
	"  --random STEPS      random paths instead, with --seed N: proves nothing\n"
	"  --replay ID         one trace again\n"
	"  --cover             show which situations were reached\n"
	"  --marks             show which words are choice points, and why\n"
	"  --quiet             no traces        --verbose  progress\n"
	"  --mutants           show that it can fail: bugs are planted, each must be found\n"
	"\n"
	"Exit codes: 0 all proved, 1 something was refuted or not reached, 125 wrong use.\n";

static const char help_text[] = "usage: lodger help [VERB]\n";

bool help_print(const char *verb)
{
	static const struct {
		const char *verb, *text;
	} texts[] = {{"run", run_text},
		     {"bench", bench_text},
		     {"prove", prove_text},
		     {"help", help_text}};

	if (!verb) {
		fputs(overview, stdout);
		return true;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!strcmp(texts[i].verb, verb)) {
			fputs(texts[i].text, stdout);
			return true;
		}
	}
	return false;
}

int verb_help(int argc, char **argv)
{
	if (!help_print(argc > 1 ? argv[1] : NULL))
		report_fail(EXIT_TOOL, "there is no verb `%s`; `lodger help` lists them", argv[1]);
	return 0;
}
