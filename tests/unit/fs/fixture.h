/*
 * What the tests of fs/ share: the real scheduler, mm and fs on one CPU, and what the ranks above would
 * supply, adjustable. The test itself is init_task, which never sleeps; with fs_begin() it has a
 * descriptor table and directories of its own. Threads are kernel threads that share them.
 */
#ifndef FS_FIXTURE_H
#define FS_FIXTURE_H

#include "test.h"
#include <string.h>
#include <kern/assert.h>
#include <kern/cred.h>
#include <kern/entry.h>
#include <kern/file.h>
#include <kern/fs.h>
#include <kern/iov.h>
#include <kern/kcache.h>
#include <kern/kthread.h>
#include <kern/life.h>
#include <kern/mm.h>
#include <kern/rlimit.h>
#include <kern/sched.h>
#include <kern/signal.h>
#include <kern/wait.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include <uapi/signal.h>
#include <arch/cpu.h>

#include "../../../kernel/fs/files.h"
#include "../../../kernel/fs/names.h"

/* ---- the ranks above ---- */

struct cred init_cred = {.refs = {1}, .cap_effective = UINT64_MAX, .cap_permitted = UINT64_MAX};
static struct cred test_cred = {
	.refs = {1}, .cap_effective = UINT64_MAX, .cap_permitted = UINT64_MAX};

const struct cred *current_cred(void)
{
	return &test_cred;
}
bool capable(unsigned nr)
{
	return test_cred.cap_effective >> nr & 1;
}
bool cred_in_group(const struct cred *cred, uint32_t gid)
{
	if (cred->fsgid == gid)
		return true;
	for (uint32_t i = 0; i < cred->nr_groups; i++) {
		if (cred->groups[i] == gid)
			return true;
	}
	return false;
}
struct cred *cred_copy(void)
{
	return NULL;
}
void cred_install_move(struct cred *cred)
{
}
void cred_put(struct cred *cred)
{
}
struct cred *task_cred_get(struct task_struct *task)
{
	return &test_cred;
}

/* Root, or a user without rights. */
static inline void be_root(void)
{
	test_cred = init_cred;
}
static inline void be_user(uint32_t uid, uint32_t gid)
{
	test_cred = (struct cred){.refs = {1},
				  .uid = uid,
				  .euid = uid,
				  .suid = uid,
				  .fsuid = uid,
				  .gid = gid,
				  .egid = gid,
				  .sgid = gid,
				  .fsgid = gid};
}

static uint64_t limit_nofile = 1024, limit_fsize = UINT64_MAX;

uint64_t rlimit_current(unsigned resource)
{
	return resource == RLIMIT_NOFILE  ? limit_nofile
	       : resource == RLIMIT_FSIZE ? limit_fsize
					  : UINT64_MAX;
}

bool fatal_signal_pending(const struct task_struct *task)
{
	return task->pending_mask & (1ULL << 8);
}

/* Signals that were sent to the running task, as a set. */
static uint64_t signals_sent;

static int note_signal(struct task_struct *task, int signal, const struct signal_info *info)
{
	signals_sent |= SIGNAL_BIT(signal);
	return 0;
}

struct signal_hooks signal_hooks = {.send_task = note_signal, .send_process = note_signal};

static inline bool took_signal(int signal)
{
	bool was_sent = signals_sent & SIGNAL_BIT(signal);

	signals_sent &= ~SIGNAL_BIT(signal);
	return was_sent;
}

/* ---- the machine ---- */

void entry_cpu_start(void)
{
	sched_cpu_online(arch_cpu_id());
	sched_idle();
}

static __attribute__((constructor)) void set_current(void)
{
	host_cpus[0].hot.task = &init_task;
}

void test_machine_ready(void)
{
	life_init(NULL);
	sched_init();
	mm_init();
	fs_init();
}

/* ---- a test with a process around it ---- */

static inline void fs_begin(void)
{
	be_root();
	limit_nofile = 1024;
	limit_fsize = UINT64_MAX;
	signals_sent = 0;
	current->files = files_create();
	current->fs = fs_create();
	assert(current->files && current->fs);
}

/* Takes away what is left in the root but the folders of bring-up. */
static void fs_sweep(void);

static inline void fs_end(void)
{
	struct files_struct *files = current->files;
	struct fs_struct *fs = current->fs;

	be_root();
	current->files = NULL;
	files_put(files);
	current->fs = NULL;
	fs_put(fs);
	fs_sweep();
}

static UNUSED int fs_setup(void **state)
{
	int result = machine_setup(state);

	fs_begin();
	return result;
}

static UNUSED int fs_teardown(void **state)
{
	fs_end();
	task_drain_stacks();
	return machine_teardown(state);
}

#define FS_TEST(behaviour) TEST_WITH(behaviour, fs_setup, fs_teardown)

/* A test that runs a scenario with each allocation failing, after a preparation: the account is taken
 * anew behind that, and not at the end. */
static UNUSED int sweep_teardown(void **state)
{
	alloc_fail_nth(0);
	fs_end();
	return 0;
}

#define SWEEP_TEST(behaviour) TEST_WITH(behaviour, fs_setup, sweep_teardown)

static UNUSED unsigned each_allocation_failing(void (*scenario)(void))
{
	machine_setup(NULL);
	return test_each_allocation_failing(scenario);
}

struct sweep {
	struct dir_context context;
	char name[NAME_MAX + 1];
	bool is_dir;
};

static UNUSED bool sweep_emit(struct dir_context *context, const char *name, size_t len,
			      uint64_t ino, unsigned type, int64_t next_pos)
{
	struct sweep *sweep = container_of(context, struct sweep, context);

	if (name[0] == '.' || (len == 3 && memcmp(name, "dev", 3) == 0))
		return true;
	memcpy(sweep->name, name, len);
	sweep->name[len] = 0;
	sweep->is_dir = type == 4;
	return false;
}

/* The first name in path that bring-up did not make; false: none. */
static UNUSED bool first_name(const char *path, struct sweep *sweep)
{
	struct file *file;

	sweep->context = (struct dir_context){sweep_emit, 2};
	sweep->name[0] = 0;
	if (file_open(path, O_RDONLY | O_DIRECTORY, 0, &file) != 0)
		return false;
	assert(file_readdir(file, &sweep->context) == 0);
	file_put(file);
	return sweep->name[0];
}

/* Descends to a leaf and removes it, until the root is empty. */
static void fs_sweep(void)
{
	struct sweep sweep;

	while (first_name("/", &sweep)) {
		char path[PATH_MAX] = "/";
		bool is_dir;

		do {
			size_t len = strlen(path);
			is_dir = sweep.is_dir;
			if (len > 1)
				path[len++] = '/';
			strcpy(path + len, sweep.name);
		} while (is_dir && first_name(path, &sweep));
		assert(path_remove(AT_FDCWD, path, is_dir) == 0);
	}
}

/* ---- files, by kernel strings ---- */

static UNUSED inline struct file *must_open(const char *path, int flags)
{
	struct file *file;
	int error = file_open(path, flags, 0644, &file);

	if (error)
		panic("open %s: error %d", path, error);
	return file;
}

static UNUSED inline void write_file(const char *path, const char *text)
{
	struct file *file = must_open(path, O_WRONLY | O_CREAT | O_TRUNC);

	assert(file_write_kernel(file, text, strlen(text), 0) == (ssize_t)strlen(text));
	file_put(file);
}

static UNUSED inline bool file_is(const char *path, const char *text)
{
	char buf[256] = "";
	struct file *file = must_open(path, O_RDONLY);
	ssize_t len = file_read_kernel(file, buf, sizeof(buf) - 1, 0);

	file_put(file);
	return len == (ssize_t)strlen(text) && memcmp(buf, text, strlen(text)) == 0;
}

static UNUSED inline bool exists(const char *name)
{
	struct path path;

	if (path_lookup(AT_FDCWD, name, 0, &path) != 0)
		return false;
	path_put(&path);
	return true;
}

/* ---- threads ---- */

/* Runs the others until all sleep or are dead. Context: the test itself. */
static inline void settle(void)
{
	assert(current == &init_task);
	schedule();
}

static inline struct task_struct *spawn(int (*fn)(void *arg), void *arg)
{
	struct task_struct *task = kthread_create(fn, arg, 0, "test");

	assert(task);
	settle();
	return task;
}

static UNUSED inline bool is_dead(const struct task_struct *task)
{
	return task->state == TASK_DEAD;
}

static UNUSED inline void join(struct task_struct *task)
{
	settle();
	assert(is_dead(task));
	put_task_struct(task);
}

/* ---- numbers ---- */

struct dice {
	uint64_t state;
};

static inline uint64_t roll(struct dice *dice, uint64_t below)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return (dice->state >> 8) % below;
}

#endif
