/* Mutexes and reader-writer semaphores: exclusion, fairness, interruption by fatal signals. */
#include "fixture.h"

static struct mutex mutex;
static struct rwsem sem;
static char story[64];

static void tell(char c)
{
	size_t n = strlen(story);

	assert_true(n + 1 < sizeof(story));
	story[n] = c;
	story[n + 1] = 0;
}

static void story_begin(void)
{
	story[0] = 0;
	mutex_init(&mutex);
	rwsem_init(&sem);
}

static void sleep_now(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

/* ---- mutexes --------------------------------------------------------------------------------- */

static int holder_main(void *arg)
{
	char name = (char)(uintptr_t)arg;

	mutex_lock(&mutex);
	assert_true(mutex_is_held(&mutex));
	tell(name);
	sleep_now();
	mutex_unlock(&mutex);
	return 0;
}

SCHED_TEST(one_at_a_time_holds_a_mutex)
{
	struct task_struct *a, *b;

	story_begin();
	a = spawn(holder_main, (void *)'a');
	b = spawn(holder_main, (void *)'b');
	assert_string_equal(story, "a");
	assert_false(mutex_trylock(&mutex));
	task_wake(a);
	settle();
	assert_string_equal(story, "ab");
	task_wake(b);
	settle();
	assert_true(mutex_trylock(&mutex));
	mutex_unlock(&mutex);
	assert_int_equal(mutex.nr_waiters, 0);
	join(a);
	join(b);
}

static int greedy_main(void *arg)
{
	for (int i = 0; i < 6; i++) {
		mutex_lock(&mutex);
		tell('g');
		burn(100 * US);
		mutex_unlock(&mutex);
	}
	return 0;
}

static int modest_main(void *arg)
{
	mutex_lock(&mutex);
	tell('m');
	mutex_unlock(&mutex);
	return 0;
}

/* Two threads that take it again as soon as they have let go of it, and one that wants it once. */
SCHED_TEST(a_waiter_that_came_too_late_once_is_next)
{
	struct task_struct *holder, *greedy, *modest;

	story_begin();
	holder = spawn(holder_main, (void *)'h');
	modest = spawn(modest_main, NULL);
	greedy = spawn(greedy_main, NULL);
	task_wake(holder);
	settle();
	assert_in_range(strchr(story, 'm') - story, 1, 3);
	assert_int_equal(strlen(story), 8);
	join(holder);
	join(modest);
	join(greedy);
}

static int killable_main(void *arg)
{
	assert_int_equal(mutex_lock_killable(&mutex), -ERESTARTSYS);
	assert_int_equal(rwsem_read_lock_killable(&sem), -ERESTARTSYS);
	assert_int_equal(rwsem_write_lock_killable(&sem), -ERESTARTSYS);
	tell('k');
	return 0;
}

static int both_main(void *arg)
{
	mutex_lock(&mutex);
	rwsem_write_lock(&sem);
	sleep_now();
	rwsem_write_unlock(&sem);
	mutex_unlock(&mutex);
	return 0;
}

SCHED_TEST(fatal_signals_end_killable_waits)
{
	struct task_struct *holder, *killed;

	story_begin();
	holder = spawn(both_main, NULL);
	killed = spawn(killable_main, NULL);
	killed->pending_mask = 1ULL << 8;
	atomic_fetch_or_seqcst(&killed->work, WORK_SIGNAL);
	task_wake_state(killed, TASK_KILLABLE);
	settle();
	assert_string_equal(story, "k");
	killed->pending_mask = 0;
	join(killed);
	task_wake(holder);
	settle();
	join(holder);
	assert_int_equal(mutex.nr_waiters, 0);
	assert_false(rwsem_is_held(&sem));
	assert_int_equal(sem.state, 0);
}

static void unlock_anothers(void)
{
	mutex_unlock(&mutex);
}

SCHED_TEST(unlocking_what_one_does_not_hold_is_caught)
{
	struct task_struct *holder;

	story_begin();
	holder = spawn(holder_main, (void *)'h');
	host_expect_panic("owner == ", unlock_anothers());
	host_expect_panic("rwsem_is_write_held", rwsem_write_unlock(&sem));
	host_expect_panic("READER", rwsem_read_unlock(&sem));
	task_wake(holder);
	settle();
	join(holder);
}

/* ---- reader-writer semaphores ---------------------------------------------------------------- */

static int reader_main(void *arg)
{
	rwsem_read_lock(&sem);
	tell((char)(uintptr_t)arg);
	sleep_now();
	rwsem_read_unlock(&sem);
	return 0;
}

static int writer_main(void *arg)
{
	rwsem_write_lock(&sem);
	assert_true(rwsem_is_write_held(&sem));
	tell((char)(uintptr_t)arg);
	sleep_now();
	rwsem_write_unlock(&sem);
	return 0;
}

SCHED_TEST(readers_share_and_writers_come_in_turn)
{
	struct task_struct *a, *b, *w, *c, *d;

	story_begin();
	a = spawn(reader_main, (void *)'a');
	b = spawn(reader_main, (void *)'b');
	assert_string_equal(story, "ab");
	w = spawn(writer_main, (void *)'W');
	c = spawn(reader_main, (void *)'c'); /* behind the writer: it shall not starve */
	d = spawn(reader_main, (void *)'d');
	assert_string_equal(story, "ab");
	assert_false(rwsem_read_trylock(&sem));
	task_wake(a);
	settle();
	assert_string_equal(story, "ab");
	task_wake(b);
	settle();
	assert_string_equal(story, "abW");
	task_wake(w);
	settle();
	assert_int_equal(strlen(story), 5);
	assert_true(rwsem_is_held(&sem));
	task_wake(c);
	task_wake(d);
	settle();
	assert_int_equal(sem.state, 0);
	join(a);
	join(b);
	join(w);
	join(c);
	join(d);
}

static int downgrade_main(void *arg)
{
	rwsem_write_lock(&sem);
	tell('W');
	sleep_now();
	rwsem_downgrade(&sem);
	tell('r');
	sleep_now();
	rwsem_read_unlock(&sem);
	return 0;
}

SCHED_TEST(a_downgrade_lets_readers_in_but_no_writer)
{
	struct task_struct *w, *a, *v;

	story_begin();
	w = spawn(downgrade_main, NULL);
	a = spawn(reader_main, (void *)'a');
	v = spawn(writer_main, (void *)'V');
	assert_string_equal(story, "W");
	task_wake(w);
	settle();
	assert_int_equal(strlen(story), 3);
	assert_null(strchr(story, 'V'));
	task_wake(w);
	task_wake(a);
	settle();
	assert_non_null(strchr(story, 'V'));
	task_wake(v);
	settle();
	assert_int_equal(sem.state, 0);
	join(w);
	join(a);
	join(v);
}

static int killed_writer_main(void *arg)
{
	assert_int_equal(rwsem_write_lock_killable(&sem), -ERESTARTSYS);
	return 0;
}

SCHED_TEST(readers_behind_a_writer_that_gives_up_are_let_in)
{
	struct task_struct *a, *w, *b;

	story_begin();
	a = spawn(reader_main, (void *)'a');
	w = spawn(killed_writer_main, NULL);
	b = spawn(reader_main, (void *)'b');
	assert_string_equal(story, "a");
	w->pending_mask = 1ULL << 8;
	atomic_fetch_or_seqcst(&w->work, WORK_SIGNAL);
	task_wake_state(w, TASK_KILLABLE);
	settle();
	assert_string_equal(story, "ab");
	w->pending_mask = 0;
	task_wake(a);
	task_wake(b);
	settle();
	assert_int_equal(sem.state, 0);
	join(a);
	join(w);
	join(b);
}
