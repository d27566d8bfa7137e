/*
 * Echo, and the editing of the line that is being typed: what the screen shows is kept in step with
 * what the buffer holds. Everything here runs under tty->lock.
 */
#include "tty.h"

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

/* The bytes of a character behind its first, in UTF-8. */
static bool is_continuation(const struct tty *tty, uint8_t c)
{
	return (tty->termios.iflag & IUTF8) && (c & 0xc0) == 0x80;
}

/* Shows a character as it is, or a control character as ^X. */
static void show(struct tty *tty, uint8_t c)
{
	if (is_control(c) && c != '\t' && (tty->termios.lflag & ECHOCTL)) {
		tty_output_char(tty, '^');
		tty_output_char(tty, c ^ 0x40);
	} else {
		tty_output_char(tty, c);
	}
}

void tty_echo(struct tty *tty, uint8_t c)
{
	if (tty->termios.lflag & ECHO)
		show(tty, c);
}

static uint8_t line_byte(const struct tty *tty, uint32_t at)
{
	return tty->input.bytes[at & TTY_MASK];
}

/* Columns that the tab at position `at` took: from where the line began to the next multiple of 8. */
static unsigned tab_width(const struct tty *tty, uint32_t at)
{
	uint32_t column = tty->input.line_column;

	for (uint32_t i = tty->input.canon; i != at; i++) {
		uint8_t c = line_byte(tty, i);

		if (c == '\t')
			column = (column | 7) + 1;
		else if (is_control(c))
			column += tty->termios.lflag & ECHOCTL ? 2 : 0;
		else if (!is_continuation(tty, c))
			column++;
	}
	return 8 - (column & 7);
}

static void unshow_column(struct tty *tty)
{
	tty_output_char(tty, '\b');
	tty_output_char(tty, ' ');
	tty_output_char(tty, '\b');
}

/* Takes the character at `at`, the last of the line until now, from the screen. */
static void unshow(struct tty *tty, uint32_t at)
{
	uint8_t c = line_byte(tty, at);
	unsigned width;

	if (c == '\t') {
		for (width = tab_width(tty, at); width > 0; width--)
			tty_output_char(tty, '\b');
		return;
	}
	if (is_control(c) && !(tty->termios.lflag & ECHOCTL))
		return;
	unshow_column(tty);
	if (is_control(c))
		unshow_column(tty);
}

/* Removes the last character and gives its first byte. */
static uint8_t erase_last(struct tty *tty)
{
	uint32_t at = tty->input.head;

	do
		at--;
	while (at != tty->input.canon && is_continuation(tty, line_byte(tty, at)));
	atomic_store_relaxed(&tty->input.head, at);
	if ((tty->termios.lflag & (ECHO | ECHOE)) == (ECHO | ECHOE))
		unshow(tty, at);
	return line_byte(tty, at);
}

static bool line_is_empty(const struct tty *tty)
{
	return tty->input.head == tty->input.canon;
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_' || c >= 0x80;
}

/* Blanks and the word before them. */
static void erase_word(struct tty *tty)
{
	bool has_seen_word = false;

	while (!line_is_empty(tty)) {
		bool is_in_word = is_word(line_byte(tty, tty->input.head - 1));

		if (has_seen_word && !is_in_word)
			break;
		has_seen_word |= is_in_word;
		erase_last(tty);
	}
}

/* On the screen character by character, or by a new line, as the settings say. */
static void erase_line(struct tty *tty)
{
	const uint32_t visibly = ECHO | ECHOE | ECHOK | ECHOKE;

	if ((tty->termios.lflag & visibly) == visibly) {
		while (!line_is_empty(tty))
			erase_last(tty);
		return;
	}
	atomic_store_relaxed(&tty->input.head, tty->input.canon);
	tty_echo(tty, tty->termios.cc[VKILL]);
	if ((tty->termios.lflag & (ECHO | ECHOK)) == (ECHO | ECHOK))
		tty_output_char(tty, '\n');
}

void tty_line_erase(struct tty *tty, unsigned key)
{
	if (line_is_empty(tty))
		return;
	if (key == VKILL) {
		erase_line(tty);
	} else if (key == VWERASE) {
		erase_word(tty);
	} else {
		erase_last(tty);
		if (!(tty->termios.lflag & ECHOE))
			tty_echo(tty, tty->termios.cc[VERASE]);
	}
}

void tty_line_reprint(struct tty *tty)
{
	show(tty, tty->termios.cc[VREPRINT]);
	tty_output_char(tty, '\n');
	tty->input.line_column = 0;
	for (uint32_t at = tty->input.canon; at != tty->input.head; at++)
		show(tty, line_byte(tty, at));
}
