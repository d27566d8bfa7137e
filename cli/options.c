/* Command-line parsing. Every wrong value is named, with what would be right. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "report.h"

enum {
	OPTION_CPUS = 256,
	OPTION_MEMORY,
	OPTION_LAZY,
	OPTION_MACHINE,
	OPTION_ACCEL,
	OPTION_ADD,
	OPTION_ENV,
	OPTION_APPEND,
	OPTION_KERNEL,
	OPTION_TIMEOUT,
	OPTION_GDB,
	OPTION_VERBOSE,
	OPTION_HELP,
	OPTION_EXTRA,
};

static const struct option option_table[] = {
	{"cpus", required_argument, NULL, OPTION_CPUS},
	{"memory", required_argument, NULL, OPTION_MEMORY},
	{"lazy", required_argument, NULL, OPTION_LAZY},
	{"machine", required_argument, NULL, OPTION_MACHINE},
	{"accel", required_argument, NULL, OPTION_ACCEL},
	{"add", required_argument, NULL, OPTION_ADD},
	{"env", required_argument, NULL, OPTION_ENV},
	{"append", required_argument, NULL, OPTION_APPEND},
	{"kernel", required_argument, NULL, OPTION_KERNEL},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"gdb", no_argument, NULL, OPTION_GDB},
	{"verbose", no_argument, NULL, OPTION_VERBOSE},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

static unsigned cpus_parse(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || value < 1 || value > 64)
		report_fail(EXIT_TOOL, "--cpus %s: a number from 1 to 64 is expected", text);
	return (unsigned)value;
}

static uint64_t memory_parse(const char *text)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end & ~0x20) : units + 1; /* megabytes, as for QEMU */
	if (end == text || text[0] == '-' || errno || !unit || (*end && end[1]) ||
	    value > (1ULL << 42) >> (10 * (unit - units + 1)))
		report_fail(EXIT_TOOL, "--memory %s: a size like 512M or 4G is expected", text);
	value <<= 10 * (unit - units + 1);
	if (value < 4 << 20)
		report_fail(EXIT_TOOL, "--memory %s: at least 4M are needed", text);
	return value;
}

static double timeout_parse(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value > 0) || value > 1e9)
		report_fail(EXIT_TOOL, "--timeout %s: a number of seconds is expected", text);
	return value;
}

static const char *word_check(const char *name, const char *text, const char *const *words)
{
	char *list = must_copy("");

	for (const char *const *word = words; *word; word++) {
		char *longer;

		if (!strcmp(*word, text))
			return text;
		longer = must_format("%s%s%s", list, list[0] ? ", " : "", *word);
		free(list);
		list = longer;
	}
	report_fail(EXIT_TOOL, "%s %s: one of these is expected: %s", name, text, list);
}

static void list_append(char ***list, unsigned *nr, char *text)
{
	*list = must_alloc(*list, (*nr + 1) * sizeof(**list));
	(*list)[(*nr)++] = text;
}

static void option_take(struct options *options, int option, char *value)
{
	static const char *const machines[] = {"microvm", "q35", "pc", NULL};
	static const char *const accels[] = {"tcg", "kvm", NULL};
	struct machine_options *machine = &options->machine;

	switch (option) {
	case OPTION_CPUS:
		machine->nr_cpus = cpus_parse(value);
		break;
	case OPTION_MEMORY:
		machine->memory = memory_parse(value);
		break;
	case OPTION_LAZY:
		machine->lazy = value;
		break;
	case OPTION_MACHINE:
		machine->type = word_check("--machine", value, machines);
		break;
	case OPTION_ACCEL:
		machine->accel = word_check("--accel", value, accels);
		break;
	case OPTION_ADD:
		list_append(&options->adds, &options->nr_adds, value);
		break;
	case OPTION_ENV:
		if (!strchr(value, '=') || value[0] == '=')
			report_fail(EXIT_TOOL, "--env %s: NAME=VALUE is expected", value);
		list_append(&options->envs, &options->nr_envs, value);
		break;
	case OPTION_APPEND:
		machine->append =
			machine->append ? must_format("%s %s", machine->append, value) : value;
		break;
	case OPTION_KERNEL:
		machine->kernel = value;
		break;
	case OPTION_TIMEOUT:
		options->timeout = timeout_parse(value);
		break;
	case OPTION_GDB:
		machine->wants_gdb = true;
		break;
	case OPTION_VERBOSE:
		machine->is_verbose = report_is_verbose = true;
		break;
	case OPTION_HELP:
		options->wants_help = true;
		break;
	}
}

enum { OPTIONS_MAX = 32 };

/* run's options and the verb's own, whose values count from OPTION_EXTRA. */
static void table_fill(struct option *table, const struct verb_option *extra)
{
	size_t nr = sizeof(option_table) / sizeof(option_table[0]) - 1;

	memcpy(table, option_table, sizeof(option_table));
	for (int i = 0; extra && extra[i].name && nr < OPTIONS_MAX - 1; i++, nr++) {
		table[nr] = (struct option){
			.name = extra[i].name,
			.has_arg = extra[i].takes_value ? required_argument : no_argument,
			.val = OPTION_EXTRA + i,
		};
	}
	memset(&table[nr], 0, sizeof(table[nr]));
}

int options_parse(int argc, char **argv, const struct verb_option *extra, struct options *options)
{
	struct option table[OPTIONS_MAX];
	int option;

	memset(options, 0, sizeof(*options));
	options->machine.nr_cpus = 2;
	options->machine.memory = 512 << 20;
	options->machine.accel = "tcg";
	table_fill(table, extra);
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "+:h", table, NULL)) != -1) {
		if (option == ':')
			report_fail(EXIT_TOOL, "%s: %s needs a value", argv[0], argv[optind - 1]);
		if (option == '?')
			report_fail(EXIT_TOOL, "%s: unknown option %s; `lodger help %s` lists them",
				    argv[0], argv[optind - 1], argv[0]);
		if (option >= OPTION_EXTRA)
			extra[option - OPTION_EXTRA].take(optarg);
		else
			option_take(options, option == 'h' ? OPTION_HELP : option, optarg);
	}
	return optind;
}
