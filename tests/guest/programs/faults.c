/* Faults as signals, the alternate stack, floating-point state: sigaltstack(2), sigreturn(2). */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "tap.h"

static void nothing(int signal)
{
	(void)signal;
}

static void block(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static char *alternate;
static volatile bool was_on_alternate;
static volatile uintptr_t fault_address;
static volatile int fault_code;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	char here;

	(void)signal;
	(void)context;
	was_on_alternate = &here > alternate && &here < alternate + SIGSTKSZ;
	fault_address = (uintptr_t)info->si_addr;
	fault_code = info->si_code;
	ucontext_t *uc = context;

	/* Go on behind the two-byte instruction that failed. */
	uc->uc_mcontext.gregs[REG_RIP] += 2;
}

static void test_faults(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {0}, old;
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	alternate = malloc((size_t)SIGSTKSZ);
	stack.ss_sp = alternate;
	stack.ss_size = (size_t)SIGSTKSZ;
	ok(sigaltstack(&stack, NULL) == 0, "an alternate stack");
	ok(sigaltstack(NULL, &old) == 0 && old.ss_sp == alternate && old.ss_flags == 0,
	   "it is told back");
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	__asm__ volatile("movb %%al, (%0)" : : "D"(page) : "memory"); /* 2 bytes */
	ok(was_on_alternate && fault_address == (uintptr_t)page && fault_code == SEGV_ACCERR,
	   "a write to read-only memory: SIGSEGV, SEGV_ACCERR, on the alternate stack");
	munmap(page, 4096);
	__asm__ volatile("movb %%al, (%0)" : : "D"(page) : "memory");
	ok(fault_address == (uintptr_t)page && fault_code == SEGV_MAPERR, "no memory: SEGV_MAPERR");
	fault_code = 0;
	__asm__ volatile("ud2");
	ok(fault_code == ILL_ILLOPN, "ud2: SIGILL");
	fault_code = 0;
	__asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; mov $1, %%eax; div %%ecx"
			 :
			 :
			 : "eax", "ecx", "edx");
	ok(fault_code == FPE_INTDIV, "division by zero: SIGFPE, FPE_INTDIV");
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGILL, SIG_DFL);
	signal(SIGFPE, SIG_DFL);
}

static int blocked_fault_main(void)
{
	signal(SIGSEGV, SIG_IGN);
	block(SIGSEGV);
	*(volatile char *)8 = 0;
	return 1;
}

static int bad_stack_main(void)
{
	signal(SIGUSR1, nothing);
	__asm__ volatile("mov $8, %%rsp; mov $39, %%eax; syscall; mov %%eax, %%edi; mov $10, %%esi;"
			 "mov $62, %%eax; syscall"
			 :
			 :
			 : "rax", "rdi", "rsi", "rcx", "r11", "memory");
	return 1;
}

static int bad_return_main(void)
{
	__asm__ volatile("mov $8, %%rsp; mov $15, %%eax; syscall" : : : "memory");
	return 1;
}

static void test_fatal(void)
{
	ok(killed(run(blocked_fault_main), SIGSEGV), "a fault kills even if blocked and ignored");
	ok(killed(run(bad_stack_main), SIGSEGV), "a handler without a stack: SIGSEGV");
	ok(killed(run(bad_return_main), SIGSEGV), "sigreturn without a frame: SIGSEGV");
}

/* FPU state survives a handler that uses it. */
static void on_float(int signal)
{
	volatile double x = 3.0;
	int i;

	(void)signal;
	for (i = 0; i < 100; i++)
		x = x * 1.01 + 0.5;
}

static void test_float(void)
{
	double a = 1.0, b = 2.0, c;
	int i;

	signal(SIGUSR1, on_float);
	for (i = 0; i < 100; i++) {
		double sum;
		long result = SYS_tkill;

		__asm__ volatile(
			"movsd %2, %%xmm7; movsd %3, %%xmm6; syscall; addsd %%xmm6, %%xmm7;"
			"movsd %%xmm7, %0"
			: "=m"(sum), "+a"(result)
			: "m"(a), "m"(b), "D"((long)syscall(SYS_gettid)), "S"((long)SIGUSR1)
			: "xmm6", "xmm7", "rcx", "r11", "memory");
		c = sum;
		if (c != a + b)
			break;
		a = b;
		b = c / 1.5;
	}
	ok(i == 100, "floating-point registers survive a handler");
	signal(SIGUSR1, SIG_DFL);
}

int main(void)
{
	test_faults();
	test_fatal();
	test_float();
	return tap_end();
}
