/*
 * Signals as Linux programs on x86-64 see them: signal(7), sigaction(2), the x86-64 psABI. Only
 * numbers and layouts.
 */
#ifndef UAPI_SIGNAL_H
#define UAPI_SIGNAL_H

#include <stdint.h>

#define NR_SIGNALS 64 /* numbers 1 .. 64 */

#define SIGHUP	  1
#define SIGINT	  2
#define SIGQUIT	  3
#define SIGILL	  4
#define SIGTRAP	  5
#define SIGABRT	  6
#define SIGBUS	  7
#define SIGFPE	  8
#define SIGKILL	  9
#define SIGUSR1	  10
#define SIGSEGV	  11
#define SIGUSR2	  12
#define SIGPIPE	  13
#define SIGALRM	  14
#define SIGTERM	  15
#define SIGSTKFLT 16
#define SIGCHLD	  17
#define SIGCONT	  18
#define SIGSTOP	  19
#define SIGTSTP	  20
#define SIGTTIN	  21
#define SIGTTOU	  22
#define SIGURG	  23
#define SIGXCPU	  24
#define SIGXFSZ	  25
#define SIGVTALRM 26
#define SIGPROF	  27
#define SIGWINCH  28
#define SIGIO	  29
#define SIGPWR	  30
#define SIGSYS	  31
#define SIGRTMIN  32 /* the kernel's; C libraries keep the first ones for themselves */
#define SIGRTMAX  64

/* A set of signals: signal n is bit n - 1. */
#define SIGNAL_BIT(n)	(1ULL << ((n)-1))
#define ABI_SIGSET_SIZE 8 /* bytes; what the rt_ calls want as sigsetsize */

/* sigaction.flags */
#define SA_NOCLDSTOP 0x00000001ULL
#define SA_NOCLDWAIT 0x00000002ULL
#define SA_SIGINFO   0x00000004ULL
#define SA_UNSUPPORTED \
	0x00000400ULL /* never set in what sigaction returns: how support is probed */
#define SA_EXPOSE_TAGBITS 0x00000800ULL
#define SA_RESTORER	  0x04000000ULL
#define SA_ONSTACK	  0x08000000ULL
#define SA_RESTART	  0x10000000ULL
#define SA_NODEFER	  0x40000000ULL
#define SA_RESETHAND	  0x80000000ULL

/* sigaction.handler */
#define SIG_DFL 0UL
#define SIG_IGN 1UL
#define SIG_ERR (~0UL)

/* rt_sigprocmask's how */
#define SIG_BLOCK   0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

/* stack_t.flags */
#define SS_ONSTACK    1U
#define SS_DISABLE    2U
#define SS_AUTODISARM 0x80000000U
#define MINSIGSTKSZ   2048

/* siginfo.code: who sent it */
#define SI_USER	   0
#define SI_KERNEL  0x80
#define SI_QUEUE   (-1)
#define SI_TIMER   (-2)
#define SI_MESGQ   (-3)
#define SI_ASYNCIO (-4)
#define SI_SIGIO   (-5)
#define SI_TKILL   (-6)
/* … of SIGILL */
#define ILL_ILLOPC 1
#define ILL_ILLOPN 2
#define ILL_ILLADR 3
#define ILL_ILLTRP 4
#define ILL_PRVOPC 5
#define ILL_PRVREG 6
#define ILL_COPROC 7
#define ILL_BADSTK 8
/* … of SIGFPE */
#define FPE_INTDIV 1
#define FPE_INTOVF 2
#define FPE_FLTDIV 3
#define FPE_FLTOVF 4
#define FPE_FLTUND 5
#define FPE_FLTRES 6
#define FPE_FLTINV 7
#define FPE_FLTSUB 8
/* … of SIGSEGV */
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define SEGV_BNDERR 3
#define SEGV_PKUERR 4
/* … of SIGBUS */
#define BUS_ADRALN 1
#define BUS_ADRERR 2
#define BUS_OBJERR 3
/* … of SIGTRAP */
#define TRAP_BRKPT  1
#define TRAP_TRACE  2
#define TRAP_BRANCH 3
#define TRAP_HWBKPT 4
/* … of SIGCHLD */
#define CLD_EXITED    1
#define CLD_KILLED    2
#define CLD_DUMPED    3
#define CLD_TRAPPED   4
#define CLD_STOPPED   5
#define CLD_CONTINUED 6
/* … of SIGIO */
#define POLL_IN	 1
#define POLL_OUT 2
#define POLL_MSG 3
#define POLL_ERR 4
#define POLL_PRI 5
#define POLL_HUP 6
/* … of SIGSYS */
#define SYS_SECCOMP 1

/*
 * siginfo_t without its unused tail: byte for byte the first 48 of its 128 bytes. Whoever writes
 * one to user memory clears the rest; whoever reads one from there reads these 48.
 */
struct signal_info {
	int32_t signo, error, code;
	int32_t reserved;
	union {
		struct { /* kill, tkill, sigqueue */
			int32_t pid;
			uint32_t uid;
			uint64_t value;
		} sender;
		struct { /* POSIX timers */
			int32_t id;
			int32_t overrun;
			uint64_t value;
			int32_t private;
		} timer;
		struct { /* SIGCHLD; times in clock ticks of 10 ms */
			int32_t pid;
			uint32_t uid;
			int32_t status;
			int64_t utime, stime;
		} child;
		struct { /* SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP */
			uint64_t address;
			int16_t address_lsb;
			uint64_t lower, upper;
		} fault;
		struct { /* SIGIO */
			int64_t band;
			int32_t fd;
		} poll;
		struct { /* SIGSYS */
			uint64_t call_address;
			int32_t syscall;
			uint32_t arch;
		} sys;
	};
};
_Static_assert(sizeof(struct signal_info) == 48, "siginfo_t's used part");
#define ABI_SIGINFO_SIZE 128

/* struct sigaction as the rt_sigaction call takes it. */
struct abi_sigaction {
	uint64_t handler;
	uint64_t flags; /* SA_ */
	uint64_t restorer;
	uint64_t mask;
};

/* stack_t */
struct abi_stack {
	uint64_t base;
	uint32_t flags; /* SS_ */
	uint32_t reserved;
	uint64_t size; /* bytes */
};

/* struct sigevent, its used part (the whole is 64 bytes) */
struct abi_sigevent {
	uint64_t value;
	int32_t signo;
	int32_t notify; /* SIGEV_ */
	int32_t tid;	/* SIGEV_THREAD_ID */
	int32_t reserved[11];
};
_Static_assert(sizeof(struct abi_sigevent) == 64, "struct sigevent");
#define SIGEV_SIGNAL	0
#define SIGEV_NONE	1
#define SIGEV_THREAD	2
#define SIGEV_THREAD_ID 4

#endif
