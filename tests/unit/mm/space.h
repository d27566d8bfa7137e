/*
 * Address spaces for the tests of mm/: made as exec and fork make them, run in by the boot CPU's task
 * without a scheduler, left and destroyed by hand. Include once for each program, after test.h.
 */
#ifndef SPACE_H
#define SPACE_H

#include <string.h>
#include <kern/assert.h>
#include <kern/life.h>
#include <kern/mm.h>
#include <kern/page.h>
#include <kern/signal.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include <uapi/mman.h>
#include <uapi/signal.h>

#include "../../../kernel/mm/area.h"
#include "../../../kernel/mm/check.h"
#include "../../../kernel/mm/users.h"

enum { RW = AREA_READ | AREA_WRITE };

/* What the ranks above would supply. */
struct signal_hooks signal_hooks;
static bool is_killed;
bool fatal_signal_pending(const struct task_struct *task)
{
	return is_killed;
}

/* The last signal of a fault; 0: none since it was looked at. */
static int fault_signal, fault_code;
static uintptr_t fault_address;
static void note_fault_signal(struct trapframe *tf, int signal, int code, uintptr_t address)
{
	fault_signal = signal;
	fault_code = code;
	fault_address = address;
}

static inline int take_fault_signal(void)
{
	int signal = fault_signal;

	fault_signal = 0;
	return signal;
}

/* Before anything takes a lock, which looks at the running task when it lets go. */
static __attribute__((constructor)) void be_init_task(void)
{
	arch_hot_set(task, &init_task);
}

/* What else a program wants to be ready; set by a constructor of its own. */
static void (*space_ready)(void);

void test_machine_ready(void)
{
	assert(life_init(NULL));
	mm_init();
	mm_hooks.fault_signal = note_fault_signal;
	if (space_ready)
		space_ready();
}

/* The running task stands in mm from now on (NULL: in none), as after a switch to one of its threads. */
static inline void space_enter(struct mm_struct *mm)
{
	unsigned long flags = arch_irq_save();
	struct mm_struct *next = mm ? mm : &init_mm;

	if (!current->mm)
		life_unlazy_cpu(); /* what the scheduler left it standing on */
	switch_mm(next);
	current->mm = mm;
	current->active_mm = next;
	arch_irq_restore(flags);
}

/* A new one, empty. */
static inline struct mm_struct *space_new(void)
{
	struct mm_struct *mm = mm_create(1);

	if (mm && contents_create(mm)) {
		mmput_as(mm, USER_TASK);
		mm = NULL;
	}
	return mm;
}

/* Fork's copy of mm, or NULL. */
static inline struct mm_struct *space_fork(struct mm_struct *mm)
{
	struct mm_struct *copy = mm_create(2);

	if (copy && contents_dup(copy, mm)) {
		mmput_as(copy, USER_TASK);
		copy = NULL;
	}
	return copy;
}

/* Its only user goes. The running task may stand in it. */
static inline void space_end(struct mm_struct *mm)
{
	if (current->mm == mm)
		space_enter(NULL);
	mmput_as(mm, USER_TASK);
}

static inline long map_at(vaddr_t address, size_t len, uint32_t flags)
{
	return area_map(current->mm, &(struct area_request){.address = address,
							    .len = len,
							    .flags = flags,
							    .is_fixed = address != 0});
}

static inline long map_object(vaddr_t address, size_t len, uint32_t flags, struct mapping *mapping,
			      uint64_t pgoff)
{
	return area_map(current->mm, &(struct area_request){.address = address,
							    .len = len,
							    .flags = flags,
							    .is_fixed = address != 0,
							    .mapping = mapping,
							    .pgoff = pgoff});
}

/* Accesses of user mode that must work. */
static inline uint8_t peek(vaddr_t va)
{
	uint8_t value = 0;

	if (!host_user_read(va, &value))
		fail_msg("read of %#llx: signal %d", (unsigned long long)va, take_fault_signal());
	return value;
}

static inline void poke(vaddr_t va, uint8_t value)
{
	if (!host_user_write(va, value))
		fail_msg("write of %#llx: signal %d", (unsigned long long)va, take_fault_signal());
}

/* The signal that an access gets; 0: it works. */
static inline int read_signal(vaddr_t va)
{
	uint8_t value;

	return host_user_read(va, &value) ? 0 : take_fault_signal();
}

static inline int write_signal(vaddr_t va)
{
	return host_user_write(va, 0x5a) ? 0 : take_fault_signal();
}

/* Pseudo-random numbers, the same in every run (xorshift). */
struct dice {
	uint64_t state;
};

static inline uint64_t roll(struct dice *dice, uint64_t below)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return dice->state % below;
}

#endif
