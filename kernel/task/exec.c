/*
 * Becoming another program: execve(2). All that can fail is done first, into an address space of its
 * own (exec_args.c, elf_load.c, exec_stack.c); then the other threads are ended, and from there on
 * nothing fails: the task changes over to the new memory and loses what a new program must not have.
 */
#include <kern/assert.h>
#include <kern/file.h>
#include <kern/format.h>
#include <kern/fs.h>
#include <kern/kcache.h>
#include <kern/mm.h>
#include <kern/process.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>
#include <uapi/stat.h>
#include <uapi/statfs.h>
#include <uapi/uio.h>
#include <arch/switch.h>
#include <arch/trapframe.h>

#include "exec.h"
#include "task_private.h"

/* ---- the file ----------------------------------------------------------------------------------------- */

static int head_read(struct exec *exec)
{
	ssize_t len;

	memset(exec->head, 0, sizeof(exec->head));
	len = file_read_kernel(exec->file, exec->head, sizeof(exec->head), 0);
	if (len < 0)
		return (int)len;
	exec->head_len = (size_t)len;
	return 0;
}

/* The interpreter of a script takes the script's place. */
static int script_follow(struct exec *exec, const char *path)
{
	struct script_line line;
	struct file *file;
	int err = script_parse(exec->head, exec->head_len, &line);

	if (!err)
		err = exec_args_script(exec->args, line.interpreter,
				       line.has_word ? line.word : NULL, path);
	if (!err)
		err = file_open_exec(AT_FDCWD, line.interpreter, 0, &file);
	if (err)
		return err;
	file_put(exec->file);
	exec->file = file;
	return 0;
}

/* The name of the file that the current interpreter is to read: what is in front of the arguments. */
static const char *script_path(const struct exec *exec)
{
	const struct exec_args *args = exec->args;

	return args->nr_prefix ? args->prefix + args->prefix_start : exec->name;
}

static int program_open(struct exec *exec, int dirfd, const char *path, int flags)
{
	char script[EXEC_HEAD_LEN];
	unsigned depth;
	int err = file_open_exec(dirfd, path, flags, &exec->file);

	for (depth = 0; !err; depth++) {
		err = head_read(exec);
		if (err || exec->head_len < 2 || memcmp(exec->head, "#!", 2) != 0)
			return err;
		if (depth == EXEC_SCRIPT_DEPTH)
			return -ELOOP;
		if (depth == 0) {
			err = script_follow(exec, exec->name);
		} else {
			/* The prefix is about to change under its own first word. */
			string_copy(script, script_path(exec), sizeof(script));
			err = script_follow(exec, script);
		}
	}
	return err;
}

/* ---- who it will be -------------------------------------------------------------------------------------- */

/* Set-user-ID and set-group-ID bits of the program file (execve(2)). */
static void ids_of_file(const struct exec *exec, uint32_t *euid, uint32_t *egid)
{
	const struct inode *inode = exec->file->inode;
	uint32_t mode = atomic_load_relaxed(&inode->mode);

	if (current->attributes & TASK_ATTR_NO_NEW_PRIVS)
		return;
	if (exec->file->path.mount && (exec->file->path.mount->flags & MS_NOSUID))
		return;
	if (mode & S_ISUID)
		*euid = atomic_load_relaxed(&inode->uid);
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		*egid = atomic_load_relaxed(&inode->gid);
}

/* exec->cred: what the task becomes, or NULL if that is what it is. capabilities(7),
 * "Transformation of capabilities during execve()". */
static int cred_prepare(struct exec *exec)
{
	const struct cred *old = current->cred;
	uint32_t euid = old->euid, egid = old->egid;
	uint64_t permitted = old->cap_ambient, effective = old->cap_ambient;
	struct cred *cred;

	ids_of_file(exec, &euid, &egid);
	if (!(old->securebits & SECBIT_NOROOT)) {
		if (euid == 0 || old->uid == 0)
			permitted = old->cap_inheritable | old->cap_bounding;
		if (euid == 0)
			effective = permitted;
	}
	exec->is_secure = euid != old->uid || egid != old->gid;
	if (euid == old->euid && egid == old->egid && old->suid == euid && old->fsuid == euid &&
	    old->sgid == egid && old->fsgid == egid && permitted == old->cap_permitted &&
	    effective == old->cap_effective)
		return 0;
	cred = cred_copy();
	if (!cred)
		return -ENOMEM;
	cred->euid = cred->suid = cred->fsuid = euid;
	cred->egid = cred->sgid = cred->fsgid = egid;
	cred->cap_permitted = permitted;
	cred->cap_effective = effective;
	exec->cred = cred;
	return 0;
}

/* ---- the new address space ----------------------------------------------------------------------------- */

static void limits_copy(struct mm_contents *contents)
{
	contents->stack_limit = rlimit_current(RLIMIT_STACK);
	contents->as_limit = rlimit_current(RLIMIT_AS);
	contents->data_limit = rlimit_current(RLIMIT_DATA);
	contents->memlock_limit =
		capable(CAP_IPC_LOCK) ? UINT64_MAX : rlimit_current(RLIMIT_MEMLOCK);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int memory_build(struct exec *exec)
{
	struct mm_contents *contents;
	int err;

	exec->mm = mm_new();
	if (!exec->mm)
		return -ENOMEM;
	contents = exec->mm->contents;
	limits_copy(contents);
	exec_places_choose(&exec->places, contents->stack_limit);
	contents->mmap_top = exec->places.mmap_top;
	string_copy(exec->mm->owner_comm, base_name(exec->name), sizeof(exec->mm->owner_comm));
	err = elf_load(exec);
	if (!err)
		err = exec_stack_build(exec);
	if (err)
		return err;
	file_get(exec->file);
	contents->exe_file = exec->file;
	return 0;
}

/* ---- the point of no return ------------------------------------------------------------------------------ */

/* Own handlers do not survive; what is ignored stays ignored. */
static void handlers_reset(void)
{
	struct sighand_struct *sighand = current->sighand;
	unsigned long flags = spin_lock_irqsave(&current->signal->lock);
	unsigned i;

	spin_lock(&sighand->lock);
	for (i = 0; i < NR_SIGNALS; i++) {
		struct abi_sigaction *action = &sighand->action[i];
		uint64_t handler = action->handler == SIG_IGN ? SIG_IGN : SIG_DFL;

		action->flags = 0;
		action->restorer = 0;
		action->mask = 0;
		atomic_store_relaxed(&action->handler, handler);
	}
	spin_unlock(&sighand->lock);
	spin_unlock_irqrestore(&current->signal->lock, flags);
}

/* A table of handlers of one's own, if another process shares it. */
static int sighand_unshare(void)
{
	struct sighand_struct *old = current->sighand, *fresh;
	unsigned long flags;

	if (refcount_read(&old->refs) == 1)
		return 0;
	fresh = sighand_create(old);
	if (!fresh)
		return -ENOMEM;
	flags = spin_lock_irqsave(&current->signal->lock);
	current->sighand = fresh;
	spin_unlock_irqrestore(&current->signal->lock, flags);
	sighand_put(old);
	return 0;
}

static void cred_commit(struct exec *exec)
{
	unsigned long flags;

	if (exec->is_secure)
		current->pdeath_signal = 0;
	flags = spin_lock_irqsave(&current->signal->lock);
	current->signal->is_undumpable = exec->is_secure;
	if (exec->is_secure)
		current->signal->personality &= ~PERSONALITY_UNSAFE;
	spin_unlock_irqrestore(&current->signal->lock, flags);
	if (exec->cred) {
		cred_install_move(exec->cred);
		exec->cred = NULL;
	}
}

/* Nothing below fails. */
static void exec_commit(struct exec *exec)
{
	mm_release(current);
	exec_mmap_move(exec->mm);
	exec->mm = NULL;
	posix_timers_exit(current->signal);
	handlers_reset();
	cred_commit(exec);
	task_comm_write(current, base_name(exec->name));
	current->flags &= ~(uint32_t)(PF_FORKNOEXEC | PF_KTHREAD);
	current->attributes |= TASK_ATTR_EXEC_DONE;
	current->altstack_base = current->altstack_size = 0;
	current->altstack_flags = SS_DISABLE;
	current->set_child_tid = NULL;
	current->clear_child_tid = NULL;
	current->robust_list = NULL;
	current->restart_fn = NULL;
	files_close_on_exec(current->files);
	arch_frame_exec(arch_task_frame(current), exec->start, exec->sp);
}

/* Privates of what was shared with other processes; still undoable in that nobody sees a difference. */
static int unshare_for_exec(void)
{
	int err = files_unshare();

	if (!err && (current->flags & PF_KTHREAD))
		err = arch_thread_make_user(current);
	if (!err)
		err = exec_dethread();
	if (!err)
		err = sighand_unshare();
	return err;
}

static void exec_discard(struct exec *exec)
{
	if (exec->mm)
		mm_discard(exec->mm);
	cred_put(exec->cred);
	if (exec->file)
		file_put(exec->file);
}

static int exec_run(int dirfd, const char *path, int flags, const char *name,
		    const struct exec_vector *argv, const struct exec_vector *envp)
{
	struct exec_args args;
	struct exec exec = {.name = name, .args = &args};
	int err = exec_args_gather(&args, argv, envp, name);

	if (err)
		return err;
	err = program_open(&exec, dirfd, path, flags);
	if (!err)
		err = cred_prepare(&exec);
	if (!err)
		err = memory_build(&exec);
	if (!err)
		err = unshare_for_exec();
	if (!err)
		exec_commit(&exec);
	exec_discard(&exec);
	exec_args_free(&args);
	return err;
}

/* ---- callers ------------------------------------------------------------------------------------------------ */

int kernel_exec(const char *path, const char *const *argv, const char *const *envp)
{
	const struct exec_vector arguments = {argv, true}, environment = {envp, true};

	return exec_run(AT_FDCWD, path, 0, path, &arguments, &environment);
}

static int path_from_user(const char *user_path, bool may_be_empty, char **result)
{
	char *path = kmalloc(PATH_MAX, 0);
	ssize_t len;

	if (!path)
		return -ENOMEM;
	len = string_from_user(path, user_path, PATH_MAX);
	if (len == 0 && !may_be_empty)
		len = -ENOENT;
	if (len < 0) {
		kfree(path);
		return (int)len;
	}
	*result = path;
	return 0;
}

static long exec_user(int dirfd, const char *user_path, int flags, const char *const *argv,
		      const char *const *envp)
{
	const struct exec_vector arguments = {argv, false}, environment = {envp, false};
	char *path = NULL, fd_name[32];
	const char *name;
	int err = path_from_user(user_path, flags & AT_EMPTY_PATH, &path);

	if (err)
		return err;
	name = path;
	if (!path[0]) {
		format_string(fd_name, sizeof(fd_name), "/dev/fd/%d", dirfd);
		name = fd_name;
	}
	err = exec_run(dirfd, path, flags, name, &arguments, &environment);
	kfree(path);
	return err;
}

long sys_execve(const char *path, const char *const *argv, const char *const *envp)
{
	return exec_user(AT_FDCWD, path, 0, argv, envp);
}

long sys_execveat(int dirfd, const char *path, const char *const *argv, const char *const *envp,
		  int flags)
{
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return exec_user(dirfd, path, flags, argv, envp);
}
