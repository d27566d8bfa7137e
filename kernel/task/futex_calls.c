/* The futex system call: from its operation code to the functions of futex.h. futex(2). */
#include <kern/process.h>
#include <kern/sys_task.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/futex.h>

#include "futex.h"
#include "task_private.h"

/* Which operations may name the real-time clock. */
static bool clock_is_allowed(int command)
{
	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI2 ||
	       command == FUTEX_WAIT_REQUEUE_PI;
}

static bool has_timeout(int command)
{
	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI ||
	       command == FUTEX_LOCK_PI2;
}

/* The wait's end as a time of the clock. FUTEX_WAIT's timeout is relative, the others' absolute;
 * FUTEX_LOCK_PI's is always real time. */
static int deadline_read(int op, const struct abi_timespec *user_timeout, uint64_t *deadline_ns)
{
	int command = op & FUTEX_CMD_MASK, err;
	uint64_t ns;

	*deadline_ns = UINT64_MAX;
	if (!user_timeout || !has_timeout(command))
		return 0;
	err = timespec_from_user(user_timeout, &ns);
	if (err)
		return err;
	if (command == FUTEX_WAIT)
		ns = deadline_after(ns);
	else if ((op & FUTEX_CLOCK_REALTIME) || command == FUTEX_LOCK_PI)
		ns = deadline_of_realtime(ns);
	*deadline_ns = ns;
	return 0;
}

long sys_futex(uint32_t *word, int op, uint32_t value, const struct abi_timespec *timeout,
	       uint32_t *word2, uint32_t value3)
{
	const int command = op & FUTEX_CMD_MASK;
	const bool is_private = op & FUTEX_PRIVATE_FLAG;
	const int nr2 = (int)(uintptr_t)timeout; /* of the calls that take no timeout */
	uint64_t deadline_ns;
	int err;

	if ((op & FUTEX_CLOCK_REALTIME) && !clock_is_allowed(command))
		return -ENOSYS;
	err = deadline_read(op, timeout, &deadline_ns);
	if (err)
		return err;
	switch (command) {
	case FUTEX_WAIT:
		return futex_wait(word, is_private, value, deadline_ns, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return futex_wait(word, is_private, value, deadline_ns, value3);
	case FUTEX_WAKE:
		return futex_wake(word, is_private, (int)value, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(word, is_private, (int)value, value3);
	case FUTEX_REQUEUE:
		return futex_requeue(word, word2, is_private, (int)value, nr2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(word, word2, is_private, (int)value, nr2, &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(word, word2, is_private, (int)value, nr2, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(word, is_private, deadline_ns, false);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(word, is_private, deadline_ns, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(word, is_private);
	default:
		return -ENOSYS;
	}
}
