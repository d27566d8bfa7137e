/*
 * Terminals (rank 8; drivers/tty): what a device that carries one has to do with it. The line discipline
 * and job control are behind this; a driver moves bytes.
 *
 * What programs write, and echo, collects in the terminal's output ring, from which the driver takes.
 * What the driver receives goes through the line discipline into the input buffer.
 */
#ifndef KERN_TTY_H
#define KERN_TTY_H

#include <kern/types.h>

/* /dev/tty, /dev/console, /dev/ptmx. Context: boot, after fs_init. */
void tty_init(void);

struct tty;

struct tty_driver {
	/* There is output, or there is again: take it when the device can. Context: any, the
	 * terminal's lock held, interrupts off; may call tty_take_output_locked(). */
	void (*output_ready)(struct tty *tty);
	/* A reader made room after tty_receive() took less than it was given. Context: task. */
	void (*input_room)(struct tty *tty);
	/* Has everything that was taken reached the other side? NULL: at once. Context: any. */
	bool (*is_drained)(struct tty *tty);
};

/*
 * A terminal of its own, /dev/NAME, 24 × 80 until told otherwise. private: the driver's. NULL: no
 * memory, or the name is taken. It stays for good. Context: task.
 */
MUST_USE struct tty *tty_create(const char *name, uint64_t rdev, const struct tty_driver *driver,
				void *private);
void *tty_private(const struct tty *tty);

/* Input: returns how many bytes were taken; less than len means that the buffer is full. Context:
 * any, no spinlock held. */
size_t tty_receive(struct tty *tty, const uint8_t *bytes, size_t len);

/* Moves up to max bytes of output to buf. Context: inside output_ready. */
size_t tty_take_output_locked(struct tty *tty, uint8_t *buf, size_t max);
/* The device is done with what it took last: calls output_ready if there is more, and wakes writers
 * and those who wait for the output to drain. Context: any, no spinlock held. */
void tty_output_done(struct tty *tty);

/* The other side is gone, or asked for it: every open file of the terminal becomes useless, and its
 * session loses it (SIGHUP, SIGCONT). Context: task, no lock. */
void tty_hangup(struct tty *tty);

#endif
