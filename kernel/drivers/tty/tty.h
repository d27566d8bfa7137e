/*
 * Inside a terminal. One spinlock guards settings, buffers and job control of a terminal; interrupts
 * take it too. Signals are sent after it is released, since their locks come before it.
 *
 *	driver -> tty_receive -> line discipline -> input buffer -> read
 *	                              | echo
 *	driver <- output ring <-------+<- output processing <- write
 *
 * An open file of a terminal holds a reference on it (struct tty_file). Whoever gets a terminal from
 * job_tty() asks the registry first whether it still exists.
 */
#ifndef DRIVERS_TTY_H
#define DRIVERS_TTY_H

#include <kern/atomic.h>
#include <kern/file.h>
#include <kern/fs.h>
#include <kern/job.h>
#include <kern/list.h>
#include <kern/signal.h>
#include <kern/spinlock.h>
#include <kern/tty.h>
#include <kern/wait.h>
#include <uapi/errno.h>
#include <uapi/termios.h>

enum {
	TTY_BUFFER = 4096, /* of each direction; a line is one shorter (termios(3)) */
	TTY_MASK = TTY_BUFFER - 1,
	/* Room in the output ring that writers leave for echo. */
	TTY_ECHO_ROOM = 512,
	/* The longest that one character becomes: a tab. */
	TTY_EXPANSION = 8,
	TTY_MARK_WORDS = TTY_BUFFER / 64,
};

/* Positions run freely and are masked for use. [tail, canon): complete lines, [canon, head): the line
 * that is being typed, which can still be edited. Without ICANON, canon plays no part. */
struct tty_input {
	uint8_t *bytes;			    /* [const] owned */
	uint32_t head, canon, tail;	    /* [lock; atomic for a look] */
	uint64_t line_ends[TTY_MARK_WORDS]; /* [lock] this byte is the last of its line */
	uint64_t end_marks[TTY_MARK_WORDS]; /* [lock] no byte: VEOF was typed here */
	uint32_t line_column;		    /* [lock] output column where the line began */
	bool is_literal_next;		    /* [lock] VLNEXT was typed */
	bool is_short;			    /* [lock] the driver has more than fits */
};

struct tty_output {
	uint8_t *bytes;	     /* [const] owned */
	uint32_t head, tail; /* [lock; atomic for a look] */
	uint32_t column;     /* [lock] of the cursor, as far as can be told */
};

struct pty;

struct tty {
	struct refcount refs;		 /* open files, short visitors, the driver */
	struct spinlock lock;		 /* rank tty; interrupts off */
	struct list_node node;		 /* [tty_list_lock] */
	const struct tty_driver *driver; /* [const] */
	void *private;			 /* [const] the driver's */
	struct pty *pty;		 /* [const] whose slave this is; NULL: a device's */
	uint64_t rdev;			 /* [const] */
	char name[24];			 /* [const] in /dev */
	struct abi_termios termios;	 /* [lock] */
	struct abi_winsize winsize;	 /* [lock] */
	int32_t session, pgrp; /* [lock] whose controlling terminal; foreground group; 0: none */
	bool is_stopped;       /* [lock] by VSTOP or TCOOFF */
	bool is_exclusive;     /* [lock] */
	uint32_t nr_hangups;   /* [atomic] files opened before the last one are dead */
	struct tty_input input;
	struct tty_output output;
	struct mutex write_mutex; /* one write at a time, so that lines do not mix */
	struct wait_queue read_queue;
	struct wait_queue write_queue; /* room, and drained */
};

/* file->private of an open terminal. */
struct tty_file {
	struct tty *tty;     /* owns a reference */
	uint32_t nr_hangups; /* [const] of the terminal when it was opened */
	bool is_master;	     /* [const] of a pty */
};

/* Signals to the foreground group that wait for the lock's release, as bits. */
struct tty_signals {
	int32_t pgrp;
	uint64_t mask;
};

static inline struct tty *tty_of(struct file *file)
{
	return ((struct tty_file *)file->private)->tty;
}
/* The terminal was hung up since the file was opened. */
static inline bool tty_file_is_dead(struct file *file)
{
	struct tty_file *tf = file->private;

	return atomic_load_acquire(&tf->tty->nr_hangups) != tf->nr_hangups;
}

/* ---- core.c ------------------------------------------------------------------------------------ */

/* Memory and defaults; one reference; not yet in the registry. NULL: no memory. */
MUST_USE struct tty *tty_alloc(const struct tty_driver *driver, void *private);
void tty_get(struct tty *tty);
/* The last one frees it. May sleep. */
void tty_put(struct tty *tty);
/* Enters it in the registry; takes it out. */
void tty_enter(struct tty *tty);
void tty_leave(struct tty *tty);
/* The running task's controlling terminal with a reference; NULL: none. */
MUST_USE struct tty *tty_get_current(void);
/* Gives file the terminal; takes a reference. -ENOMEM; -EIO: a slave that cannot be opened. */
MUST_USE int tty_file_attach(struct file *file, struct tty *tty, bool is_master);
/* What opening a terminal does beyond that: it may become the controlling one. */
void tty_opened(struct tty *tty, struct file *file);

extern const struct file_ops tty_file_ops;

/* ---- input.c: the line discipline --------------------------------------------------------------- */

/* Bytes that a reader could have now. Context: lock held, or a look. */
uint32_t tty_input_ready(const struct tty *tty);
uint32_t tty_input_room(const struct tty *tty);
/* Moves up to max bytes to buf. *is_line_end: a line is complete with them (perhaps by VEOF, with no
 * byte). Context: lock held. */
size_t tty_input_take(struct tty *tty, uint8_t *buf, size_t max, bool *is_line_end);
void tty_input_flush(struct tty *tty);
/* ICANON was switched. */
void tty_input_mode_changed(struct tty *tty, bool is_canonical);
/* As typed: what tty_receive does with one byte; false: no room. Context: lock held. */
bool tty_input_char(struct tty *tty, uint8_t c, struct tty_signals *signals);
void tty_signals_send(const struct tty_signals *signals);

/* ---- erase.c: editing the line. Context: lock held ----------------------------------------------- */

void tty_echo(struct tty *tty, uint8_t c);
void tty_line_erase(struct tty *tty, unsigned key);
void tty_line_reprint(struct tty *tty);

/* ---- read.c, write.c ------------------------------------------------------------------------------ */

ssize_t tty_read(struct file *file, struct iov_iter *to, int64_t *pos);
unsigned tty_poll(struct file *file, struct poll_table *table);
ssize_t tty_write(struct file *file, struct iov_iter *from, int64_t *pos);
/* One character, processed (OPOST), into the ring; false: no room. Context: lock held. */
bool tty_output_char(struct tty *tty, uint8_t c);
/* The same as it is. */
bool tty_output_raw(struct tty *tty, uint8_t c);
uint32_t tty_output_room(const struct tty *tty);
void tty_output_flush(struct tty *tty);
void tty_output_kick(struct tty *tty);
/* Stops and continues output. Context: lock held. */
void tty_stop(struct tty *tty);
void tty_start(struct tty *tty);
/* Waits until everything written has left. 0, -ERESTARTSYS, -EIO. */
MUST_USE int tty_drain(struct file *file);

/* ---- ioctl.c, job.c ------------------------------------------------------------------------------- */

long tty_ioctl(struct file *file, unsigned command, uintptr_t argument);
/* Job control's requests; -ENOIOCTLCMD: not one of them. */
#define ENOIOCTLCMD 515
long tty_job_ioctl(struct file *file, unsigned command, uintptr_t argument);
/* May the running task read (SIGTTIN), or change settings (SIGTTOU)? 0; -EIO; -ERESTARTSYS after the
 * signal was sent to its group. */
MUST_USE int tty_check_background(struct tty *tty, int signal);
void tty_job_init(void);

/* ---- pty.c, console.c ------------------------------------------------------------------------------ */

/* A slave has one open file more, or less. 0; -EIO: locked, or its master is gone. */
MUST_USE int pty_slave_open(struct tty *tty);
void pty_slave_close(struct tty *tty);
/* Tells a master in packet mode. Context: lock held. */
void pty_notice(struct tty *tty, uint8_t bits);
/* The other side of a slave is gone: reads give -EIO. */
bool pty_is_abandoned(const struct tty *tty);
long pty_ioctl(struct file *file, unsigned command, uintptr_t argument);
void pty_free(struct pty *pty);
void pty_init(void);
void console_init(void);

#endif
