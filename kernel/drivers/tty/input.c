/*
 * The line discipline, input side (termios(3)): special characters, lines, echo. Everything here
 * runs under tty->lock; the input buffer is written at head and read at tail.
 */
#include <kern/bitmap.h>
#include <kern/string.h>
#include <uapi/poll.h>
#include "tty.h"

static bool is_canonical(const struct tty *tty)
{
	return tty->termios.lflag & ICANON;
}

static void mark_set(uint64_t *marks, uint32_t at, bool value)
{
	uint64_t bit = 1ULL << (at & 63);

	if (value)
		marks[(at & TTY_MASK) / 64] |= bit;
	else
		marks[(at & TTY_MASK) / 64] &= ~bit;
}

static bool mark_get(const uint64_t *marks, uint32_t at)
{
	return marks[(at & TTY_MASK) / 64] >> (at & 63) & 1;
}

uint32_t tty_input_ready(const struct tty *tty)
{
	const struct tty_input *input = &tty->input;
	uint32_t end = is_canonical(tty) ? atomic_load_relaxed(&input->canon)
					 : atomic_load_relaxed(&input->head);

	return end - atomic_load_relaxed(&input->tail);
}

uint32_t tty_input_room(const struct tty *tty)
{
	return TTY_BUFFER -
	       (atomic_load_relaxed(&tty->input.head) - atomic_load_relaxed(&tty->input.tail));
}

void tty_input_flush(struct tty *tty)
{
	struct tty_input *input = &tty->input;

	memset(input->line_ends, 0, sizeof(input->line_ends));
	memset(input->end_marks, 0, sizeof(input->end_marks));
	atomic_store_relaxed(&input->tail, input->head);
	atomic_store_relaxed(&input->canon, input->head);
	input->is_literal_next = false;
	input->is_short = false;
}

/* What was typed before stays readable: as one piece without ICANON, as lines that need no end. */
void tty_input_mode_changed(struct tty *tty, bool now_canonical)
{
	struct tty_input *input = &tty->input;

	if (now_canonical)
		atomic_store_relaxed(&input->canon, input->head);
	else
		memset(input->end_marks, 0, sizeof(input->end_marks));
	memset(input->line_ends, 0, sizeof(input->line_ends));
	input->is_literal_next = false;
}

/* Appends. There is room. */
static void input_put(struct tty *tty, uint8_t c)
{
	struct tty_input *input = &tty->input;

	input->bytes[input->head & TTY_MASK] = c;
	mark_set(input->line_ends, input->head, false);
	mark_set(input->end_marks, input->head, false);
	atomic_store_relaxed(&input->head, input->head + 1);
}

/* The byte just put, or the place of an end-of-file mark, completes the line. */
static void input_end_line(struct tty *tty, bool is_end_of_file)
{
	struct tty_input *input = &tty->input;

	mark_set(input->line_ends, input->head - 1, true);
	mark_set(input->end_marks, input->head - 1, is_end_of_file);
	atomic_store_relaxed(&input->canon, input->head);
}

size_t tty_input_take(struct tty *tty, uint8_t *buf, size_t max, bool *is_line_end)
{
	struct tty_input *input = &tty->input;
	uint32_t ready = tty_input_ready(tty), at = input->tail;
	size_t n = 0;

	*is_line_end = false;
	while (ready > 0 && !*is_line_end) {
		bool is_mark = is_canonical(tty) && mark_get(input->end_marks, at);

		/* A mark right behind the last byte that fits goes with it. */
		if (n == max && !is_mark)
			break;
		*is_line_end = is_canonical(tty) && mark_get(input->line_ends, at);
		if (!is_mark)
			buf[n++] = input->bytes[at & TTY_MASK];
		at++;
		ready--;
	}
	atomic_store_relaxed(&input->tail, at);
	return n;
}

/* ---- one character ------------------------------------------------------------------------------- */

/* Is c the special character at index key? 0 switches one off. */
static bool is_key(const struct tty *tty, unsigned key, uint8_t c)
{
	return c && tty->termios.cc[key] == c;
}

static bool is_extended_key(const struct tty *tty, unsigned key, uint8_t c)
{
	return (tty->termios.lflag & IEXTEN) && is_key(tty, key, c);
}

/* true: it was one of the keys that stop and continue output. */
static bool input_flow_key(struct tty *tty, uint8_t c)
{
	if (!(tty->termios.iflag & IXON))
		return false;
	if (is_key(tty, VSTART, c)) {
		tty_start(tty);
		return true;
	}
	if (is_key(tty, VSTOP, c)) {
		tty_stop(tty);
		return true;
	}
	if (tty->is_stopped && (tty->termios.iflag & IXANY))
		tty_start(tty);
	return false;
}

/* true: it was a key that sends a signal to the foreground group. */
static bool input_signal_key(struct tty *tty, uint8_t c, struct tty_signals *signals)
{
	static const struct {
		unsigned key;
		int signal;
	} keys[] = {{VINTR, SIGINT}, {VQUIT, SIGQUIT}, {VSUSP, SIGTSTP}};

	if (!(tty->termios.lflag & ISIG))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!is_key(tty, keys[i].key, c))
			continue;
		signals->pgrp = tty->pgrp;
		signals->mask |= 1ULL << keys[i].signal;
		if (!(tty->termios.lflag & NOFLSH)) {
			tty_input_flush(tty);
			tty_output_flush(tty);
		}
		if (tty->termios.iflag & IXON)
			tty_start(tty);
		tty_echo(tty, c);
		return true;
	}
	return false;
}

/* Canonical mode's keys that change the line instead of adding to it. */
static bool input_edit_key(struct tty *tty, uint8_t c)
{
	if (is_key(tty, VERASE, c) || is_key(tty, VKILL, c)) {
		tty_line_erase(tty, is_key(tty, VERASE, c) ? VERASE : VKILL);
		return true;
	}
	if (is_extended_key(tty, VWERASE, c)) {
		tty_line_erase(tty, VWERASE);
		return true;
	}
	if (is_extended_key(tty, VLNEXT, c)) {
		tty->input.is_literal_next = true;
		/* Shown until the next key overwrites it. */
		if ((tty->termios.lflag & (ECHO | ECHOCTL)) == (ECHO | ECHOCTL)) {
			tty_output_raw(tty, '^');
			tty_output_raw(tty, '\b');
		}
		return true;
	}
	if ((tty->termios.lflag & ECHO) && is_extended_key(tty, VREPRINT, c)) {
		tty_line_reprint(tty);
		return true;
	}
	return false;
}

/* true: c ended the line. */
static bool input_end_key(struct tty *tty, uint8_t c)
{
	bool is_end_of_file = is_key(tty, VEOF, c);

	if (c != '\n' && !is_end_of_file && !is_key(tty, VEOL, c) &&
	    !is_extended_key(tty, VEOL2, c))
		return false;
	if (c == '\n') {
		if (tty->termios.lflag & (ECHO | ECHONL))
			tty_output_char(tty, '\n');
	} else if (!is_end_of_file) {
		tty_echo(tty, c);
	}
	input_put(tty, c);
	input_end_line(tty, is_end_of_file);
	return true;
}

/* An ordinary character. Of a line that is too long only the end is waited for. */
static void input_plain(struct tty *tty, uint8_t c)
{
	struct tty_input *input = &tty->input;

	if (tty_input_room(tty) <= 1 && is_canonical(tty)) {
		if (tty->termios.iflag & IMAXBEL)
			tty_output_raw(tty, '\a');
		return;
	}
	if (input->canon == input->head)
		input->line_column = tty->output.column;
	if (c == '\n' && (tty->termios.lflag & ECHO))
		tty_output_char(tty, '\n');
	else
		tty_echo(tty, c);
	input_put(tty, c);
}

/* What the input flags make of a character; -1: nothing. */
static int input_translate(const struct tty *tty, uint8_t c)
{
	uint32_t iflag = tty->termios.iflag;

	if (c == '\r') {
		if (iflag & IGNCR)
			return -1;
		return iflag & ICRNL ? '\n' : '\r';
	}
	if (c == '\n' && (iflag & INLCR))
		return '\r';
	return c;
}

bool tty_input_char(struct tty *tty, uint8_t c, struct tty_signals *signals)
{
	uint32_t iflag = tty->termios.iflag;
	int translated;

	/* A full buffer holds the driver up, unless it is all one line: that must come to an end. */
	if (tty_input_room(tty) <= 1 && (!is_canonical(tty) || tty_input_ready(tty) > 0))
		return false;
	if (tty->input.is_literal_next) {
		tty->input.is_literal_next = false;
		input_plain(tty, c);
		return true;
	}
	if (iflag & ISTRIP)
		c &= 0x7f;
	if ((iflag & IUCLC) && (tty->termios.lflag & IEXTEN) && c >= 'A' && c <= 'Z')
		c |= 0x20;
	if (input_flow_key(tty, c) || input_signal_key(tty, c, signals))
		return true;
	translated = input_translate(tty, c);
	if (translated < 0)
		return true;
	c = (uint8_t)translated;
	if (!is_canonical(tty) || (!input_edit_key(tty, c) && !input_end_key(tty, c)))
		input_plain(tty, c);
	return true;
}

void tty_signals_send(const struct tty_signals *signals)
{
	for (int signal = 1; signals->pgrp > 0 && signal < 64; signal++) {
		if (signals->mask >> signal & 1)
			(void)signal_hooks.send_pgrp(signals->pgrp, signal, NULL);
	}
}

size_t tty_receive(struct tty *tty, const uint8_t *bytes, size_t len)
{
	struct tty_signals signals = {.mask = 0};
	unsigned long flags = spin_lock_irqsave(&tty->lock);
	bool is_ready;
	size_t n = 0;

	while (n < len && tty_input_char(tty, bytes[n], &signals))
		n++;
	tty->input.is_short = n < len;
	tty_output_kick(tty);
	is_ready = tty_input_ready(tty) > 0;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (is_ready)
		wake_up_key(&tty->read_queue, POLLIN | POLLRDNORM);
	tty_signals_send(&signals);
	return n;
}
