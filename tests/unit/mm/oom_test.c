/* Out of memory: who dies, what is taken from him, who goes on. */
#include "test.h"
#include "space.h"
#include <kern/kcache.h>
#include <kern/kthread.h>
#include <kern/sched.h>
#include <kern/wait.h>

#define BASE 0x40000000UL
enum { HOG_PAGES = 6000, SMALL_PAGES = 100, NR_VICTIMS = 2 };

/* Processes that hold memory and wait to be killed. */
static struct victim {
	struct task_struct *task;
	struct mm_struct *mm;
	uint64_t pages;
	int score_adj;
	bool was_killed;
	bool may_die; /* its way out is not blocked */
} victims[NR_VICTIMS];
static struct wait_queue killed = WAIT_QUEUE_INIT(killed);

static void start_scheduler(void)
{
	sched_init();
	system_workqueue = workqueue_create("events", false);
	host_time_follows_idle = true;
}

static __attribute__((constructor)) void be_ready(void)
{
	space_ready = start_scheduler;
}

static struct victim *victim_of(const struct task_struct *task)
{
	for (unsigned i = 0; i < NR_VICTIMS; i++)
		if (victims[i].task == task)
			return &victims[i];
	return NULL;
}

static int send_task(struct task_struct *task, int signal, const struct signal_info *info)
{
	assert_int_equal(signal, SIGKILL);
	victim_of(task)->was_killed = true;
	wake_up_all(&killed);
	return 0;
}

static void for_each_task (bool (*fn)(struct task_struct *task, int score_adj, void *arg),
			   void *arg)
{
	for (unsigned i = 0; i < NR_VICTIMS; i++)
		if (victims[i].task && !fn(victims[i].task, victims[i].score_adj, arg))
			return;
}

static int victim_main(void *arg)
{
	struct victim *self = arg;

	self->mm = space_new();
	self->task = current;
	kthread_use_mm(self->mm);
	mmput_as(self->mm, USER_TASK);
	map_at(BASE, self->pages * PAGE_SIZE, RW);
	for (uint64_t i = 0; i < self->pages; i++)
		poke(BASE + i * PAGE_SIZE, (uint8_t)(i + 1));
	current->flags &= ~(uint32_t)PF_KTHREAD; /* for the killer's eyes */
	wait_event(&killed, self->was_killed && self->may_die);
	current->flags |= PF_KTHREAD;
	if (atomic_load_relaxed(&self->mm->contents->is_reaped)) {
		uint8_t value; /* what is gone is not handed out as zeroes */
		assert_false(host_user_read(BASE + 0x100000, &value));
	}
	kthread_unuse_mm();
	self->task = NULL;
	return 0;
}

static struct task_struct *start_victim(struct victim *victim)
{
	struct task_struct *task = kthread_create(victim_main, victim, 0, "victim");

	assert_non_null(task);
	schedule();
	return task;
}

/* A thread that touches page after page until somebody had to be killed. */
static bool hog_was_refused;
static int hog_main(void *arg)
{
	struct mm_struct *mm = space_new();

	kthread_use_mm(mm);
	mmput_as(mm, USER_TASK);
	map_at(BASE, 2 * HOG_PAGES * PAGE_SIZE, RW | AREA_NORESERVE);
	for (uint64_t i = 0; i < 2 * HOG_PAGES && !hog_was_refused; i++)
		hog_was_refused = !host_user_write(BASE + i * PAGE_SIZE, 1);
	contents_check(mm, true);
	kthread_unuse_mm();
	return 0;
}

static void run(bool may_die)
{
	struct task_struct *tasks[NR_VICTIMS], *hog;

	signal_hooks.send_task = send_task;
	mm_hooks.for_each_task = for_each_task;
	hog_was_refused = false;
	for (unsigned i = 0; i < NR_VICTIMS; i++) {
		victims[i].may_die = may_die;
		tasks[i] = start_victim(&victims[i]);
	}
	hog = kthread_create(hog_main, NULL, 0, "hog");
	assert_non_null(hog);
	for (unsigned i = 0; i < 10000 && hog->state != TASK_DEAD; i++) {
		host_time_advance(1000000);
		schedule();
	}
	assert_int_equal(hog->state, TASK_DEAD);
	put_task_struct(hog);
	for (unsigned i = 0; i < NR_VICTIMS; i++) {
		struct victim *victim = &victims[i];
		bool was_chosen = victim->was_killed;

		victim->was_killed = victim->may_die = true;
		wake_up_all(&killed);
		schedule();
		assert_int_equal(tasks[i]->state, TASK_DEAD);
		put_task_struct(tasks[i]);
		victim->was_killed = was_chosen;
	}
}

static int oom_teardown(void **state)
{
	unsigned long flags = arch_irq_save();

	life_unlazy_cpu();
	arch_irq_restore(flags);
	task_drain_stacks();
	return machine_teardown(state);
}
#define OOM_TEST(behaviour) TEST_WITH(behaviour, machine_setup, oom_teardown)

OOM_TEST(the_largest_process_dies_and_the_rest_goes_on)
{
	victims[0] = (struct victim){.pages = SMALL_PAGES};
	victims[1] = (struct victim){.pages = HOG_PAGES};
	run(true);
	assert_false(hog_was_refused);
	assert_true(victims[1].was_killed);
	assert_false(victims[0].was_killed);
}

OOM_TEST(a_victim_that_cannot_die_is_reaped)
{
	victims[0] = (struct victim){.pages = SMALL_PAGES};
	victims[1] = (struct victim){.pages = HOG_PAGES};
	run(false);
	assert_false(hog_was_refused);
	assert_true(victims[1].was_killed);
}

OOM_TEST(whoever_is_exempt_does_not_die)
{
	victims[0] = (struct victim){.pages = HOG_PAGES / 2};
	victims[1] = (struct victim){.pages = HOG_PAGES / 2 + 1, .score_adj = -1000};
	run(true);
	assert_true(victims[0].was_killed);
	assert_false(victims[1].was_killed);
}

OOM_TEST(with_nobody_to_kill_the_one_who_asks_is_told)
{
	victims[0] = (struct victim){.pages = HOG_PAGES, .score_adj = -1000};
	victims[1] = (struct victim){.pages = SMALL_PAGES, .score_adj = -1000};
	run(true);
	assert_true(hog_was_refused);
	assert_int_equal(take_fault_signal(), SIGKILL);
}
