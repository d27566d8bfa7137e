/*
 * Exceptions of user code on x86-64: the signal, its code and address; and the states that system
 * calls and returns must cope with.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "tap.h"

static sigjmp_buf back;
static volatile int caught_signal, caught_code;
static void *volatile caught_address;
static volatile uintptr_t caught_rip;
static volatile int nr_steps;

static void catch (int signal, siginfo_t *info, void *context)
{
	caught_signal = signal;
	caught_code = info->si_code;
	caught_address = info->si_addr;
	caught_rip = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	siglongjmp(back, 1);
}

static void catch_all(void)
{
	static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};
	struct sigaction action = {.sa_sigaction = catch, .sa_flags = SA_SIGINFO | SA_NODEFER};

	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

/* Runs code, which must not come back by itself; what the signal was is then known. */
#define TRY(...)                                       \
	do {                                           \
		caught_signal = 0;                     \
		if (!sigsetjmp(back, 1)) {             \
			__asm__ volatile(__VA_ARGS__); \
		}                                      \
	} while (0)

extern char at_divide[], at_invalid[], at_halt[], at_port[], at_canonical[], at_x87[];

static void test_signals(void)
{
	TRY(".globl at_divide\n xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx\n at_divide: div "
	    "%%ecx" ::
		    : "rax", "rcx", "rdx");
	ok(caught_signal == SIGFPE && caught_code == FPE_INTDIV && caught_address == at_divide,
	   "division by zero");
	TRY(".globl at_invalid\n at_invalid: ud2");
	ok(caught_signal == SIGILL && caught_code == ILL_ILLOPN && caught_address == at_invalid,
	   "an invalid instruction");
	TRY("int3");
	ok(caught_signal == SIGTRAP && caught_code == SI_KERNEL, "a breakpoint");
	TRY(".globl at_halt\n at_halt: hlt");
	ok(caught_signal == SIGSEGV && caught_code == SI_KERNEL && caught_address == NULL &&
		   caught_rip == (uintptr_t)at_halt,
	   "a privileged instruction");
	TRY(".globl at_port\n mov $0x3f8, %%edx\n at_port: in %%dx, %%al" ::: "rax", "rdx");
	ok(caught_signal == SIGSEGV && caught_rip == (uintptr_t)at_port, "port access");
	TRY("cli");
	ok(caught_signal == SIGSEGV, "turning interrupts off");
	TRY("mov %%cr3, %%rax" ::: "rax");
	ok(caught_signal == SIGSEGV, "a control register");
	TRY("mov $0x1234, %%eax; mov %%eax, %%es" ::: "rax");
	ok(caught_signal == SIGSEGV && caught_code == SI_KERNEL, "a selector of a local table");
	TRY(".globl at_canonical\n mov $0x800000000000, %%rax\n at_canonical: mov (%%rax), %%rax" ::
		    : "rax");
	ok(caught_signal == SIGSEGV && caught_code == SI_KERNEL && caught_address == NULL &&
		   caught_rip == (uintptr_t)at_canonical,
	   "a non-canonical address");
	TRY("mov $0x800000000000, %%rax; jmp *%%rax" ::: "rax");
	ok(caught_signal == SIGSEGV && caught_code == SI_KERNEL, "a jump to one");
	TRY("mov (%0), %%eax" ::"r"(0xffff888000000000) : "rax");
	ok(caught_signal == SIGSEGV && caught_address == (void *)0xffff888000000000,
	   "reading the kernel");
	TRY("jmp *%0" ::"r"(0xffffffff80100000));
	ok(caught_signal == SIGSEGV && caught_rip == 0xffffffff80100000, "running the kernel");
	TRY("fninit; push $0x37b; fldcw (%%rsp); pop %%rax; fld1; fldz; fdivrp; fwait" ::: "rax");
	ok(caught_signal == SIGFPE && caught_code == FPE_FLTDIV, "x87 division by zero");
	__asm__ volatile("fninit");
}

/* ---- single steps ------------------------------------------------------------------------------- */

static void on_step(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_code == TRAP_TRACE || info->si_code == TRAP_BRKPT)
		nr_steps++;
}

static void test_single_step(void)
{
	struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO}, old;
	long pid = 0;

	sigaction(SIGTRAP, &action, &old);
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf\n"
			 "nop; nop; nop\n"
			 "pushf; andl $~0x100, (%%rsp); popf" ::
				 : "memory", "cc");
	ok(nr_steps >= 4 && nr_steps <= 8, "the trap flag steps (%d)", nr_steps);
	nr_steps = 0;
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf\n"
			 "mov $39, %%eax; syscall\n"
			 "pushf; andl $~0x100, (%%rsp); popf"
			 : "=a"(pid)::"rcx", "r11", "memory", "cc");
	ok(pid == getpid() && nr_steps >= 3, "through a system call too");
	sigaction(SIGTRAP, &old, NULL);
}

/* ---- odd states around system calls ---------------------------------------------------------------- */

static void test_flags(void)
{
	long pid;
	uint64_t flags;

	__asm__ volatile("std; mov $39, %%eax; syscall; pushf; cld; pop %1"
			 : "=&a"(pid), "=r"(flags)::"rcx", "r11", "memory", "cc");
	ok(pid == getpid() && (flags & 0x400),
	   "a system call with the direction flag set keeps it");
	__asm__ volatile("pushf; orl $0x40000, (%%rsp); popf; mov $39, %%eax; syscall\n"
			 "pushf; mov (%%rsp), %1; andl $~0x40000, (%%rsp); popf"
			 : "=&a"(pid), "=&r"(flags)::"rcx", "r11", "memory", "cc");
	ok(pid == getpid() && (flags & 0x40000), "and the alignment flag");
	__asm__ volatile("pushf; orl $0x4000, (%%rsp); popf; mov $39, %%eax; syscall\n"
			 "pushf; mov (%%rsp), %1; andl $~0x4000, (%%rsp); popf"
			 : "=&a"(pid), "=&r"(flags)::"rcx", "r11", "memory", "cc");
	ok(pid == getpid(), "and the nested-task flag does no harm");
}

static void test_arguments_survive(void)
{
	uint64_t rdi = 1, rsi = 2, rdx = 3, rbx = 9, rbp = 0;
	register uint64_t r8 __asm__("r8") = 4, r9 __asm__("r9") = 5, r10 __asm__("r10") = 6;
	register uint64_t r12 __asm__("r12") = 7, r15 __asm__("r15") = 8;
	long result;

	__asm__ volatile("push %%rbp; mov $0x1234, %%ebp; syscall; mov %%rbp, %1; pop %%rbp"
			 : "=a"(result), "=&r"(rbp), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+b"(rbx),
			   "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r12), "+r"(r15)
			 : "a"(39L)
			 : "rcx", "r11", "memory");
	ok(result == getpid() && rdi == 1 && rsi == 2 && rdx == 3 && rbx == 9 && r8 == 4 &&
		   r9 == 5 && r10 == 6 && r12 == 7 && r15 == 8 && rbp == 0x1234,
	   "a system call changes rax, rcx and r11 only");
}

static void test_unknown_calls(void)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(-1L) : "rcx", "r11", "memory");
	ok(result == -ENOSYS, "call -1 does not exist");
	__asm__ volatile("syscall" : "=a"(result) : "a"(100000L) : "rcx", "r11", "memory");
	ok(result == -ENOSYS, "nor does call 100000");
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(0x8000000000000027L)
			 : "rcx", "r11", "memory");
	ok(result == -ENOSYS || result == getpid(), "nor one with odd high bits, or it is cut");
}

/* The last instruction of user memory: behind it there is only the hole. */
static int call_at_the_end(void)
{
	uint8_t *page = mmap((void *)0x7fffffffe000, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (page == MAP_FAILED)
		return 1;
	page[4094] = 0x0f;
	page[4095] = 0x05;
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	__asm__ volatile("jmp *%0" ::"r"(page + 4094), "a"(39L));
	return 2;
}

/* A stack pointer that is no address. */
static int signal_without_stack(void)
{
	signal(SIGUSR1, SIG_IGN);
	__asm__ volatile("mov $0x8000000000000000, %rax; mov %rax, %rsp; ud2");
	return 0;
}

static int call_without_stack(void)
{
	__asm__ volatile("mov $0x8000000000000000, %rax; mov %rax, %rsp\n"
			 "mov $39, %eax; syscall\n"
			 "mov $60, %eax; mov $33, %edi; syscall");
	return 0;
}

static void test_ends(void)
{
	static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGTRAP};

	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	ok(killed(run(call_at_the_end), SIGSEGV), "a system call in the last bytes of user memory");
	ok(killed(run(signal_without_stack), SIGILL), "a fatal exception without a stack");
	ok(exited(run(call_without_stack), 33), "system calls need no stack");
	catch_all();
}

static int handler_without_stack(void)
{
	catch_all();
	__asm__ volatile("mov $0x8000000000000000, %rax; mov %rax, %rsp; ud2");
	return 0;
}

int main(void)
{
	catch_all();
	test_signals();
	test_single_step();
	test_flags();
	test_arguments_survive();
	test_unknown_calls();
	test_ends();
	ok(killed(run(handler_without_stack), SIGSEGV), "a handler that has no stack: SIGSEGV");
	return tap_end();
}
