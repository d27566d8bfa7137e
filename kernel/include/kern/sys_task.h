/*
 * System calls about processes, signals, time and identity (rank 7). What each does is its manual
 * page in section 2; how far ours goes is docs/abi.md. Context: task, called from the table.
 */
#ifndef KERN_SYS_TASK_H
#define KERN_SYS_TASK_H

#include <kern/types.h>
#include <uapi/futex.h>
#include <uapi/resource.h>
#include <uapi/sched.h>
#include <uapi/signal.h>
#include <uapi/time.h>

/* fork.c, clone.c, exec.c, exit.c, wait.c */
long sys_fork(void);
long sys_vfork(void);
long sys_clone(uint64_t flags, uintptr_t stack, int32_t *parent_tid, int32_t *child_tid,
	       uintptr_t tls);
long sys_clone3(const struct abi_clone_args *args, size_t size);
long sys_execve(const char *path, const char *const *argv, const char *const *envp);
long sys_execveat(int dirfd, const char *path, const char *const *argv, const char *const *envp,
		  int flags);
long sys_exit(int status);
long sys_exit_group(int status);
long sys_wait4(int32_t pid, int *status, int options, struct abi_rusage *rusage);
long sys_waitid(int which, int32_t id, void *info, int options, struct abi_rusage *rusage);
long sys_set_tid_address(int32_t *tid);
long sys_unshare(uint64_t flags);

/* pidfd.c */
long sys_pidfd_open(int32_t pid, unsigned flags);
long sys_pidfd_send_signal(int pidfd, int signal, const void *info, unsigned flags);

/* signal_calls.c */
long sys_rt_sigaction(int signal, const struct abi_sigaction *action, struct abi_sigaction *old,
		      size_t set_size);
long sys_rt_sigprocmask(int how, const uint64_t *set, uint64_t *old, size_t set_size);
long sys_rt_sigpending(uint64_t *set, size_t set_size);
long sys_rt_sigsuspend(const uint64_t *set, size_t set_size);
long sys_rt_sigtimedwait(const uint64_t *set, void *info, const struct abi_timespec *timeout,
			 size_t set_size);
long sys_rt_sigqueueinfo(int32_t pid, int signal, const void *info);
long sys_rt_tgsigqueueinfo(int32_t tgid, int32_t tid, int signal, const void *info);
long sys_rt_sigreturn(void);
long sys_sigaltstack(const struct abi_stack *stack, struct abi_stack *old);
long sys_kill(int32_t pid, int signal);
long sys_tkill(int32_t tid, int signal);
long sys_tgkill(int32_t tgid, int32_t tid, int signal);
long sys_pause(void);
long sys_restart_syscall(void);

/* futex.c and its neighbours */
long sys_futex(uint32_t *word, int op, uint32_t value, const struct abi_timespec *timeout,
	       uint32_t *word2, uint32_t value3);
long sys_set_robust_list(void *head, size_t len);
long sys_get_robust_list(int32_t pid, void **head, size_t *len);

/* clock.c, sleep.c, itimer.c, posix_timer.c */
long sys_clock_gettime(int32_t clock, struct abi_timespec *ts);
long sys_clock_settime(int32_t clock, const struct abi_timespec *ts);
long sys_clock_getres(int32_t clock, struct abi_timespec *ts);
long sys_clock_nanosleep(int32_t clock, int flags, const struct abi_timespec *request,
			 struct abi_timespec *remaining);
long sys_clock_adjtime(int32_t clock, struct abi_timex *timex);
long sys_adjtimex(struct abi_timex *timex);
long sys_nanosleep(const struct abi_timespec *request, struct abi_timespec *remaining);
long sys_gettimeofday(struct abi_timeval *tv, struct abi_timezone *tz);
long sys_settimeofday(const struct abi_timeval *tv, const struct abi_timezone *tz);
long sys_time(int64_t *seconds);
long sys_getitimer(int which, struct abi_itimerval *value);
long sys_setitimer(int which, const struct abi_itimerval *value, struct abi_itimerval *old);
long sys_alarm(unsigned seconds);
long sys_timer_create(int32_t clock, const struct abi_sigevent *event, int32_t *id);
long sys_timer_settime(int32_t id, int flags, const struct abi_itimerspec *value,
		       struct abi_itimerspec *old);
long sys_timer_gettime(int32_t id, struct abi_itimerspec *value);
long sys_timer_getoverrun(int32_t id);
long sys_timer_delete(int32_t id);
long sys_times(struct abi_tms *tms);
long sys_getrusage(int who, struct abi_rusage *rusage);

/* ids.c, cred_calls.c, job.c */
long sys_getpid(void);
long sys_gettid(void);
long sys_getppid(void);
long sys_getuid(void);
long sys_geteuid(void);
long sys_getgid(void);
long sys_getegid(void);
long sys_getresuid(uint32_t *real, uint32_t *effective, uint32_t *saved);
long sys_getresgid(uint32_t *real, uint32_t *effective, uint32_t *saved);
long sys_setuid(uint32_t uid);
long sys_setgid(uint32_t gid);
long sys_setreuid(uint32_t real, uint32_t effective);
long sys_setregid(uint32_t real, uint32_t effective);
long sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved);
long sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved);
long sys_setfsuid(uint32_t uid);
long sys_setfsgid(uint32_t gid);
long sys_getgroups(int size, uint32_t *list);
long sys_setgroups(int size, const uint32_t *list);
long sys_capget(void *header, void *data);
long sys_capset(void *header, const void *data);
long sys_setpgid(int32_t pid, int32_t pgrp);
long sys_getpgid(int32_t pid);
long sys_getpgrp(void);
long sys_setsid(void);
long sys_getsid(int32_t pid);

/* prctl.c, rlimit.c, sched_calls.c, system.c, membarrier.c */
long sys_prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
long sys_prlimit64(int32_t pid, unsigned resource, const struct abi_rlimit *limit,
		   struct abi_rlimit *old);
long sys_getrlimit(unsigned resource, struct abi_rlimit *limit);
long sys_setrlimit(unsigned resource, const struct abi_rlimit *limit);
long sys_personality(unsigned persona);
long sys_sched_yield(void);
long sys_sched_setparam(int32_t pid, const struct abi_sched_param *param);
long sys_sched_getparam(int32_t pid, struct abi_sched_param *param);
long sys_sched_setscheduler(int32_t pid, int policy, const struct abi_sched_param *param);
long sys_sched_getscheduler(int32_t pid);
long sys_sched_get_priority_max(int policy);
long sys_sched_get_priority_min(int policy);
long sys_sched_rr_get_interval(int32_t pid, struct abi_timespec *interval);
long sys_sched_setaffinity(int32_t pid, unsigned len, const uint64_t *mask);
long sys_sched_getaffinity(int32_t pid, unsigned len, uint64_t *mask);
long sys_sched_setattr(int32_t pid, const struct abi_sched_attr *attr, unsigned flags);
long sys_sched_getattr(int32_t pid, struct abi_sched_attr *attr, unsigned size, unsigned flags);
long sys_getpriority(int which, int who);
long sys_setpriority(int which, int who, int nice);
long sys_getcpu(unsigned *cpu, unsigned *node, void *unused);
long sys_uname(void *name);
long sys_sysinfo(void *info);
long sys_sethostname(const char *name, int len);
long sys_setdomainname(const char *name, int len);
long sys_reboot(int magic1, int magic2, unsigned command, const void *argument);
long sys_syslog(int type, char *buf, int len);
long sys_membarrier(int command, unsigned flags, int cpu);

/* The machine's names, for /proc/sys/kernel: NUL-terminated, at most 64 bytes. */
enum { UTS_LEN = 65 };
struct uts_name {
	char sysname[UTS_LEN], nodename[UTS_LEN], release[UTS_LEN], version[UTS_LEN],
		machine[UTS_LEN], domainname[UTS_LEN];
};
void uts_name_read(struct uts_name *name);

#endif
