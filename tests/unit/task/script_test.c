/* kernel/task/script.c */
#include "test.h"
#include <string.h>
#include <uapi/errno.h>

#include "../../../kernel/task/exec.h"

static int parse(const char *text, struct script_line *line)
{
	char head[EXEC_HEAD_LEN] = "";

	memcpy(head, text, strnlen(text, sizeof(head)));
	return script_parse(head, strnlen(text, sizeof(head)), line);
}

TEST(an_interpreter_and_one_word)
{
	struct script_line line;

	assert_int_equal(parse("#!/bin/sh\nrest", &line), 0);
	assert_string_equal(line.interpreter, "/bin/sh");
	assert_false(line.has_word);
	assert_int_equal(parse("#! \t/bin/sh -e  -x \t\nrest", &line), 0);
	assert_string_equal(line.interpreter, "/bin/sh");
	assert_true(line.has_word);
	assert_string_equal(line.word, "-e  -x");
	assert_int_equal(parse("#!/bin/awk -f", &line), 0); /* the whole file, no newline */
	assert_string_equal(line.word, "-f");
}

TEST(no_interpreter_is_refused)
{
	struct script_line line;

	assert_int_equal(parse("#!", &line), -ENOEXEC);
	assert_int_equal(parse("#!\n", &line), -ENOEXEC);
	assert_int_equal(parse("#!   \t \n", &line), -ENOEXEC);
	assert_int_equal(parse("!#/bin/sh\n", &line), -ENOEXEC);
	assert_int_equal(parse("#", &line), -ENOEXEC);
	assert_int_equal(parse("", &line), -ENOEXEC);
}

TEST(a_path_that_is_cut_is_refused_a_word_is_not)
{
	char text[400];
	struct script_line line;

	memset(text, 'x', sizeof(text));
	memcpy(text, "#!/", 3);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(parse(text, &line), -ENOEXEC);
	text[100] = ' ';
	assert_int_equal(parse(text, &line), 0);
	assert_int_equal(strlen(line.interpreter), 98);
	assert_int_equal(strlen(line.word), EXEC_HEAD_LEN - 101);
}

TEST(rubbish_stays_within_its_bounds)
{
	struct script_line line;
	uint64_t seed = 1;

	for (unsigned n = 0; n < 50000; n++) {
		char head[EXEC_HEAD_LEN];

		for (size_t i = 0; i < sizeof(head); i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			head[i] = "#!/ \t\nab\0"[(seed >> 33) % 9];
		}
		memcpy(head, "#!", 2);
		if (script_parse(head, sizeof(head) - n % 200, &line))
			continue;
		assert_true(strnlen(line.interpreter, sizeof(line.interpreter)) <
			    sizeof(line.interpreter));
		assert_true(line.interpreter[0] && !strchr(line.interpreter, ' '));
		assert_true(!line.has_word ||
			    strnlen(line.word, sizeof(line.word)) < sizeof(line.word));
	}
}
