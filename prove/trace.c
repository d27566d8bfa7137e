/*
 * Traces: their ids, and how they are shown. An id is the text
 *	MARKS:ACTIONS
 * where MARKS are the words that mattered and that the random walks alone had not shown, and ACTIONS
 * one item for each step: the agent as a letter, a for agent 0, then f for "its oldest store becomes
 * visible" or e and a digit for an event, then the answers to the step's choices as hexadecimal
 * digits. A number before an item repeats it.
 */
#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

bool is_reporting;

static size_t action_text(char *text, size_t size, const struct action *action)
{
	size_t len = 0;
	unsigned nr = action->nr_choices;

	len += (size_t)snprintf(text, size, "%c", 'a' + action->agent);
	if (action->kind == ACT_FLUSH)
		len += (size_t)snprintf(text + len, size - len, "f");
	else if (action->kind >= ACT_EVENT)
		len += (size_t)snprintf(text + len, size - len, "e%u", action->kind - ACT_EVENT);
	while (nr && !action->choice[nr - 1])
		nr--;
	if (nr)
		len += (size_t)snprintf(text + len, size - len, "_");
	for (unsigned i = 0; i < nr; i++)
		len += (size_t)snprintf(text + len, size - len, "%x", action->choice[i]);
	return len;
}

void id_encode(char *id, size_t size, const struct action *trace, unsigned length)
{
	char item[32], last[32] = "";
	unsigned repeat = 0;
	size_t len;

	access_marks_save(id, size / 2);
	len = strlen(id);
	len += (size_t)snprintf(id + len, size - len, ":");
	for (unsigned i = 0; i <= length; i++) {
		item[0] = 0;
		if (i < length)
			action_text(item, sizeof(item), &trace[i]);
		if (repeat && !strcmp(item, last)) {
			repeat++;
			continue;
		}
		if (repeat > 1 && len + 40 < size)
			len += (size_t)snprintf(id + len, size - len, "%u", repeat);
		if (repeat && len + 40 < size)
			len += (size_t)snprintf(id + len, size - len, "%s%s", last,
						strchr(last, '_') ? "." : "");
		strcpy(last, item);
		repeat = 1;
	}
}

static bool id_decode(const char *id, struct action *trace, unsigned max, unsigned *length)
{
	*length = 0;
	if (!access_marks_load(&id) || *id++ != ':')
		return false;
	while (*id) {
		struct action action = {0};
		unsigned repeat = 1;
		if (isdigit((unsigned char)*id))
			repeat = (unsigned)strtoul(id, (char **)&id, 10);
		if (*id < 'a' || *id >= 'a' + PROVE_MAX_AGENTS)
			return false;
		action.agent = (uint8_t)(*id++ - 'a');
		if (*id == 'f') {
			action.kind = ACT_FLUSH;
			id++;
		} else if (*id == 'e' && isdigit((unsigned char)id[1])) {
			action.kind = (uint8_t)(ACT_EVENT + id[1] - '0');
			id += 2;
		}
		if (*id == '_') {
			for (id++; isxdigit((unsigned char)*id) && *id != '.'; id++) {
				char digit[2] = {*id, 0};
				if (action.nr_choices == PROVE_MAX_CHOICES)
					return false;
				action.choice[action.nr_choices++] =
					(uint8_t)strtoul(digit, NULL, 16);
			}
			if (*id == '.')
				id++;
		}
		while (repeat--) {
			if (*length == max)
				return false;
			trace[(*length)++] = action;
		}
	}
	return true;
}

/* ---- source lines ------------------------------------------------------------------------------------- */

/* "owner.c:112 exit_mm", by addr2line; kept for addresses seen before. */
static const char *source_line(uint64_t site)
{
	static struct {
		uint64_t site;
		char text[96];
	} known[512];
	static unsigned nr_known;
	char command[256], function[64] = "?", file[256] = "?", *name;
	FILE *pipe;

	for (unsigned i = 0; i < nr_known; i++)
		if (known[i].site == site)
			return known[i].text;
	snprintf(command, sizeof(command), "addr2line -f -e /proc/%d/exe %#llx 2>/dev/null",
		 (int)getpid(), (unsigned long long)site - 1);
	pipe = popen(command, "r");
	if (pipe) {
		if (!fgets(function, sizeof(function), pipe) || !fgets(file, sizeof(file), pipe))
			strcpy(file, "?");
		pclose(pipe);
	}
	function[strcspn(function, "\n")] = 0;
	file[strcspn(file, " \n")] = 0;
	name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	if (nr_known == 512)
		nr_known = 0;
	known[nr_known].site = site;
	snprintf(known[nr_known].text, sizeof(known[0].text), "%.40s %.40s", name, function);
	return known[nr_known++].text;
}

/* ---- a row of the table ---------------------------------------------------------------------------------- */

enum { COLUMN = 58 };
static char cell[1024];

static const char *point_name(unsigned kind)
{
	static const char *const names[PROVE_MODEL] = {
		[PROVE_START] = "starts",    [PROVE_LOAD] = "read",	 [PROVE_STORE] = "write",
		[PROVE_RMW] = "update",	     [PROVE_LOCK] = "lock",	 [PROVE_UNLOCK] = "unlock",
		[PROVE_FENCE] = "fence",     [PROVE_RELAX] = "spins on", [PROVE_WAIT] = "waits",
		[PROVE_WINDOW] = "(window)",
	};
	return kind < PROVE_MODEL ? names[kind] : model->point_names[kind - PROVE_MODEL];
}

void report_access(unsigned kind, const volatile void *p, unsigned size, const void *site)
{
	char name[64] = "";
	size_t len = strlen(cell);

	if (kind == PROVE_UNLOCK || kind == PROVE_WINDOW)
		return;
	if (p && model->name_address)
		model->name_address(name, sizeof(name), (const void *)p);
	snprintf(cell + len, sizeof(cell) - len, "%s%s: %s %s", len ? "; " : "",
		 source_line((uint64_t)site), point_name(kind), name);
}

static void print_row(unsigned step, const struct action *action)
{
	char state[256] = "";
	const char *rest = cell;

	if (model->describe)
		model->describe(state, sizeof(state));
	printf("%4u ", step);
	for (bool is_first = true; is_first || *rest; is_first = false) {
		size_t len = strlen(rest) < COLUMN - 2 ? strlen(rest) : COLUMN - 2;
		if (!is_first)
			printf("     ");
		for (unsigned agent = 0; agent < model->nr_agents; agent++) {
			if (agent == action->agent)
				printf("| %-*.*s", COLUMN - 2, (int)len, rest);
			else
				printf("| %-*s", COLUMN - 2, "");
		}
		printf("| %s\n", is_first ? state : "");
		rest += len;
	}
}

/* The present state is the one before the trace. */
static bool run_trace(const struct action *trace, unsigned length)
{
	char header[64];

	printf("     ");
	for (unsigned agent = 0; agent < model->nr_agents; agent++) {
		snprintf(header, sizeof(header), "CPU %u", agent);
		printf("| %-*s", COLUMN - 2, header);
	}
	printf("|\n");
	for (unsigned i = 0; i < length; i++) {
		struct action action = trace[i];
		bool is_fine;

		cell[0] = 0;
		if (action.kind == ACT_FLUSH)
			strcpy(cell, "(its oldest store reaches memory)");
		else if (action.kind >= ACT_EVENT)
			snprintf(cell, sizeof(cell), "(%s)",
				 model->event_names[action.kind - ACT_EVENT]);
		is_reporting = true;
		is_fine = action_perform(&action);
		is_reporting = false;
		if (!cell[0])
			strcpy(cell, "(runs)");
		print_row(i + 1, &action);
		if (!is_fine)
			return false;
	}
	return true;
}

bool prove_replay(const struct prove_model *the_model, const struct prove_options *the_options,
		  const char *id, struct prove_result *result)
{
	enum { MAX = 1 << 16 };
	struct action *trace = calloc(MAX, sizeof(*trace));
	bool is_fine = false, is_id;
	unsigned length = 0;

	learn_only(the_model, the_options);
	memset(result, 0, sizeof(*result));
	is_id = id_decode(id, trace, MAX, &length);
	if (is_id && search_start()) {
		is_fine = run_trace(trace, length);
		if (is_fine && length && !end_is_good())
			is_fine = false;
		result->failed = !is_fine;
		result->trace_length = length;
		snprintf(result->message, sizeof(result->message), "%s", is_fine ? "" : failure);
	}
	free(trace);
	return is_id;
}
