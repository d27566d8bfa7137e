/* select(2), pselect6(2): poll over three sets of bits. Context: task, may sleep. */
#include <kern/bitmap.h>
#include <kern/kcache.h>
#include <kern/string.h>
#include <kern/sys_fs.h>
#include <kern/task.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include "files.h"
#include "poll.h"

enum { NR_SETS = 3, INLINE_WORDS = 4, FDS_PER_WORD = 64 };

/* What each set asks for: readable, writable, exceptional (select(2)). */
static const unsigned set_events[NR_SETS] = {
	POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
	POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
	POLLPRI,
};

struct select {
	size_t nr_words;
	uint64_t *in[NR_SETS], *out[NR_SETS]; /* out: what is ready */
	uint64_t inline_words[2 * NR_SETS * INLINE_WORDS];
	uint64_t *words;
};

static int select_alloc(struct select *s, int nr)
{
	unsigned capacity = files_capacity(current->files);
	size_t words;

	if (nr < 0)
		return -EINVAL;
	words = BITMAP_WORDS(MIN((unsigned)nr, capacity));
	s->nr_words = words;
	s->words = s->inline_words;
	if (words > INLINE_WORDS) {
		s->words = kmalloc(2 * NR_SETS * words * sizeof(*s->words), ALLOC_KERNEL);
		if (!s->words)
			return -ENOMEM;
	}
	memset(s->words, 0, 2 * NR_SETS * words * sizeof(*s->words));
	for (unsigned i = 0; i < NR_SETS; i++) {
		s->in[i] = s->words + i * words;
		s->out[i] = s->words + (NR_SETS + i) * words;
	}
	return 0;
}

static void select_free(struct select *s)
{
	if (s->words != s->inline_words)
		kfree(s->words);
}

static int fetch_sets(struct select *s, uint64_t *const user_sets[NR_SETS], int nr)
{
	for (unsigned i = 0; i < NR_SETS; i++) {
		if (!user_sets[i])
			continue;
		if (copy_from_user(s->in[i], user_sets[i], s->nr_words * sizeof(uint64_t)) != 0)
			return -EFAULT;
		if ((size_t)nr < s->nr_words * FDS_PER_WORD && nr % FDS_PER_WORD)
			s->in[i][s->nr_words - 1] &= (1ULL << (nr % FDS_PER_WORD)) - 1;
	}
	return 0;
}

static int store_sets(const struct select *s, uint64_t *const user_sets[NR_SETS])
{
	for (unsigned i = 0; i < NR_SETS; i++) {
		if (user_sets[i] &&
		    copy_to_user(user_sets[i], s->out[i], s->nr_words * sizeof(uint64_t)) != 0)
			return -EFAULT;
	}
	return 0;
}

/* Bits that became ready, or -EBADF. */
static int select_one(struct select *s, size_t fd, struct poll_waiter *waiter, bool joins)
{
	struct fd_ref ref = fd_borrow((int)fd);
	unsigned wanted = 0, events;
	int ready = 0;

	if (!ref.file)
		return -EBADF;
	for (unsigned i = 0; i < NR_SETS; i++) {
		if (bitmap_test(s->in[i], fd))
			wanted |= set_events[i];
	}
	waiter->events = wanted;
	events = file_poll(ref.file, joins ? &waiter->table : NULL);
	fd_return(ref);
	for (unsigned i = 0; i < NR_SETS; i++) {
		if (bitmap_test(s->in[i], fd) && (events & set_events[i])) {
			bitmap_set(s->out[i], fd);
			ready++;
		}
	}
	return ready;
}

static int select_round(struct select *s, struct poll_waiter *waiter, bool joins)
{
	int ready = 0;

	for (size_t word = 0; word < s->nr_words; word++) {
		uint64_t left = s->in[0][word] | s->in[1][word] | s->in[2][word];

		for (; left; left &= left - 1) {
			size_t fd = word * FDS_PER_WORD + bit_lowest(left);
			int result = select_one(s, fd, waiter, joins && !ready);
			if (result < 0)
				return result;
			ready += result;
		}
	}
	return ready;
}

static int select_wait(struct select *s, uint64_t deadline_ns)
{
	struct poll_waiter waiter;
	bool joins = deadline_ns != 0;
	int ready, error = 0;

	poll_waiter_init(&waiter);
	for (;;) {
		ready = select_round(s, &waiter, joins);
		if (ready || error == -ETIMEDOUT || deadline_ns == 0 || waiter.error)
			break;
		joins = false;
		error = poll_waiter_sleep(&waiter, deadline_ns);
		if (error == -EINTR)
			break;
	}
	poll_waiter_destroy(&waiter);
	if (ready)
		return ready;
	if (waiter.error)
		return waiter.error;
	return error == -EINTR ? error : 0;
}

static long select_until(int nr, uint64_t *const user_sets[NR_SETS], uint64_t deadline_ns)
{
	struct select s;
	long result = select_alloc(&s, nr);

	if (result)
		return result;
	result = fetch_sets(&s, user_sets, nr);
	if (!result)
		result = select_wait(&s, deadline_ns);
	if (result >= 0 && store_sets(&s, user_sets) != 0)
		result = -EFAULT;
	select_free(&s);
	return result;
}

long sys_select(int nr, uint64_t *user_in, uint64_t *user_out, uint64_t *user_except,
		struct abi_timeval *user_timeout)
{
	uint64_t *const sets[NR_SETS] = {user_in, user_out, user_except};
	struct abi_timeval left;
	uint64_t deadline_ns = UINT64_MAX, now;
	long result;

	if (user_timeout) {
		if (copy_from_user(&left, user_timeout, sizeof(left)) != 0)
			return -EFAULT;
		if (left.sec < 0 || left.usec < 0)
			return -EINVAL;
		deadline_ns = poll_deadline_after(left.sec, left.usec * (int64_t)NSEC_PER_USEC);
	}
	result = select_until(nr, sets, deadline_ns);
	if (user_timeout && deadline_ns != UINT64_MAX) {
		int error;

		now = clock_monotonic_ns();
		now = deadline_ns > now ? deadline_ns - now : 0;
		left.sec = (int64_t)(now / NSEC_PER_SEC);
		left.usec = (int64_t)(now % NSEC_PER_SEC / NSEC_PER_USEC);
		error = copy_to_user(user_timeout, &left, sizeof(left));
		(void)error; /* as poll_store_left */
	}
	return result == -EINTR ? -ERESTARTNOHAND : result;
}

long sys_pselect6(int nr, uint64_t *user_in, uint64_t *user_out, uint64_t *user_except,
		  struct abi_timespec *user_timeout, const void *user_mask_argument)
{
	uint64_t *const sets[NR_SETS] = {user_in, user_out, user_except};
	struct {
		const uint64_t *mask;
		size_t size;
	} argument = {NULL, 0};
	uint64_t deadline_ns;
	long result;

	if (user_mask_argument &&
	    copy_from_user(&argument, user_mask_argument, sizeof(argument)) != 0)
		return -EFAULT;
	result = poll_deadline_of(user_timeout, &deadline_ns);
	if (!result)
		result = poll_mask_begin(argument.mask, argument.size);
	if (result)
		return result;
	result = poll_mask_end(argument.mask, select_until(nr, sets, deadline_ns));
	poll_store_left(user_timeout, deadline_ns);
	return result;
}
