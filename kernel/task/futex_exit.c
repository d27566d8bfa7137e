/*
 * Robust futexes: a thread keeps a list, in its own memory, of the locks that it holds; when it ends,
 * the kernel marks each as orphaned and wakes a waiter (get_robust_list(2)). The list may be rubbish,
 * endless or unmapped: then the rest of it is left alone.
 */
#include <kern/process.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/futex.h>

#include "futex.h"
#include "task_private.h"

/* false: stop the walk, the word cannot be touched. */
static bool lock_orphan(uint32_t *word, bool is_pi, bool is_pending_op)
{
	uint32_t value, old;

	if ((uintptr_t)word % sizeof(*word) || !user_range_ok(word, sizeof(*word)) ||
	    arch_user_load32(word, &value))
		return false;
	for (;;) {
		/* Died between unlocking in user mode and waking: a waiter may sleep for nothing. */
		if (is_pending_op && !is_pi && !value) {
			futex_wake_word(word);
			return true;
		}
		if ((value & FUTEX_TID_MASK) != (uint32_t)current->pid)
			return true;
		if (arch_user_cmpxchg32(word, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED,
					&old))
			return false;
		if (old == value)
			break;
		value = old;
	}
	if (!is_pi && (value & FUTEX_WAITERS))
		futex_wake_word(word);
	return true;
}

/* An entry's address without its mark. false: unreadable. */
static bool entry_read(uint64_t from, uint64_t *entry, bool *is_pi)
{
	uint64_t value;

	if (copy_from_user(&value, (const void *)from, sizeof(value)))
		return false;
	*is_pi = value & 1;
	*entry = value & ~1ULL;
	return true;
}

static void robust_list_walk(uint64_t head_address)
{
	struct abi_robust_list_head head;
	uint64_t entry, next, pending;
	bool is_pi, next_is_pi = false;
	unsigned limit;

	if (copy_from_user(&head, (const void *)head_address, sizeof(head)))
		return;
	entry = head.next & ~1ULL;
	is_pi = head.next & 1;
	pending = head.list_op_pending & ~1ULL;
	for (limit = ROBUST_LIST_LIMIT; limit && entry != head_address; limit--) {
		/* The next one first: this one's owner may free it as soon as it is woken. */
		bool has_next = entry_read(entry, &next, &next_is_pi);

		if (entry != pending &&
		    !lock_orphan((uint32_t *)(entry + (uint64_t)head.futex_offset), is_pi, false))
			return;
		if (!has_next)
			return;
		entry = next;
		is_pi = next_is_pi;
	}
	if (pending)
		lock_orphan((uint32_t *)(pending + (uint64_t)head.futex_offset),
			    head.list_op_pending & 1, true);
}

void futex_exit(struct task_struct *task)
{
	uint64_t head = (uintptr_t)task->robust_list;

	task->robust_list = NULL;
	if (head)
		robust_list_walk(head);
	futex_pi_exit(task);
}

long sys_set_robust_list(void *head, size_t len)
{
	if (len != sizeof(struct abi_robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

long sys_get_robust_list(int32_t pid, void **user_head, size_t *user_len)
{
	const size_t len = sizeof(struct abi_robust_list_head);
	struct task_struct *task;
	void *head = current->robust_list;
	int err = 0;

	if (pid) {
		task = task_find(pid);
		if (!task)
			return -ESRCH;
		if (task->signal != current->signal && !capable(CAP_SYS_PTRACE))
			err = -EPERM;
		head = task->robust_list;
		put_task_struct(task);
	}
	if (!err)
		err = copy_to_user(user_len, &len, sizeof(len));
	if (!err)
		err = copy_to_user(user_head, &head, sizeof(head));
	return err;
}
