/*
 * Registers of user mode on x86-64: what switches, forks, signals and thread pointers do to them.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>

#include "tap.h"

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS };

static long arch_prctl(int code, unsigned long address)
{
	return syscall(SYS_arch_prctl, code, address);
}

/* ---- the FPU's registers ---------------------------------------------------------------------- */

/* Registers xmm0 to xmm15, the SSE control word and the x87 one, all made from a seed. */
struct fpu {
	uint64_t xmm[16][2];
	uint32_t mxcsr;
	uint16_t control;
};

static void fpu_make(struct fpu *f, uint64_t seed)
{
	for (int i = 0; i < 16; i++) {
		f->xmm[i][0] = seed * 0x9e3779b97f4a7c15 + i;
		f->xmm[i][1] = ~seed ^ (uint64_t)i << 40;
	}
	f->mxcsr = 0x1f80 | (uint32_t)(seed & 3) << 13; /* rounding mode */
	f->control = (uint16_t)(0x37f | (seed & 3) << 10);
}

#define XMM_ALL(op, a, b)                                                                   \
	op(0, a, b) op(1, a, b) op(2, a, b) op(3, a, b) op(4, a, b) op(5, a, b) op(6, a, b) \
		op(7, a, b) op(8, a, b) op(9, a, b) op(10, a, b) op(11, a, b) op(12, a, b)  \
			op(13, a, b) op(14, a, b) op(15, a, b)
#define XMM_LOAD(n, a, b)  "movdqu " #n "*16(%0), %%xmm" #n "\n"
#define XMM_STORE(n, a, b) "movdqu %%xmm" #n ", " #n "*16(%1)\n"
#define XMM_CLOBBER                                                                              \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
		"xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/* Loads all registers, runs `spins` loops without touching memory (so the scheduler has time to put
 * others in between), with a system call in each thousand, and stores them. */
static __attribute__((noinline)) void fpu_carry(const struct fpu *in, struct fpu *out, long spins)
{
	struct fpu plain;

	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(plain.mxcsr), "=m"(plain.control));
	__asm__ volatile("ldmxcsr %0; fldcw %1" ::"m"(in->mxcsr), "m"(in->control));
	__asm__ volatile(XMM_ALL(XMM_LOAD, 0, 0) "1: mov $1000, %%ecx\n"
						 "2: dec %%ecx; jnz 2b\n"
						 "push %%rax; push %%r11; mov $24, %%eax; syscall; "
						 "pop %%r11; pop %%rax\n" /* yield */
						 "dec %2; jnz 1b\n" XMM_ALL(XMM_STORE, 0, 0)
			 : "+r"(in), "+r"(out), "+r"(spins)
			 :
			 : "rcx", "r11", "rax", "memory", XMM_CLOBBER);
	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(out->mxcsr), "=m"(out->control));
	__asm__ volatile("ldmxcsr %0; fldcw %1" ::"m"(plain.mxcsr), "m"(plain.control));
}

static bool fpu_equal(const struct fpu *a, const struct fpu *b)
{
	return memcmp(a->xmm, b->xmm, sizeof(a->xmm)) == 0 &&
	       ((a->mxcsr ^ b->mxcsr) & ~0x3fU) == 0 && a->control == b->control;
}

static bool carries(uint64_t seed, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		struct fpu in, out;

		fpu_make(&in, seed + (uint64_t)i * 17);
		memset(&out, 0, sizeof(out));
		fpu_carry(&in, &out, 20);
		if (!fpu_equal(&in, &out))
			return false;
	}
	return true;
}

static void *carry_thread(void *arg)
{
	return (void *)(intptr_t)carries((uint64_t)(intptr_t)arg, 60);
}

static int carry_process(void)
{
	return carries((uint64_t)getpid(), 60) ? 7 : 8;
}

static void test_switches(void)
{
	pthread_t threads[4];
	pid_t children[4];
	bool good = true;

	for (intptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, carry_thread, (void *)(i * 1000 + 1));
	for (int i = 0; i < 4; i++) {
		void *result;

		pthread_join(threads[i], &result);
		good &= result != NULL;
	}
	ok(good, "four threads keep their FPU registers and control words");
	for (int i = 0; i < 4; i++)
		children[i] = spawn(carry_process);
	for (int i = 0; i < 4; i++)
		good &= exited(reap(children[i]), 7);
	ok(good, "four processes do too");
}

static volatile sig_atomic_t nr_signals;

static void trample(int signal)
{
	struct fpu other, seen;

	fpu_make(&other, 0xdead + (uint64_t)signal);
	fpu_carry(&other, &seen, 1);
	if (fpu_equal(&other, &seen))
		nr_signals++;
}

static void test_signals_keep_registers(void)
{
	struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
	bool good;

	signal(SIGALRM, trample);
	setitimer(ITIMER_REAL, &often, NULL);
	good = carries(77, 300);
	while (nr_signals == 0) /* a fast machine */
		good &= carries(78, 10);
	setitimer(ITIMER_REAL, &never, NULL);
	ok(good, "handlers that use the FPU leave the interrupted code's registers alone");
	ok(nr_signals > 0, "and it was interrupted");
}

static void test_fork_copies(void)
{
	uint64_t value = 0x1234567890abcdef, seen = 0;
	pid_t pid;

	/* fork without the C library, which would use the registers itself. */
	__asm__ volatile("movq %2, %%xmm9\n"
			 "mov $57, %%eax\n"
			 "syscall\n"
			 "movq %%xmm9, %1\n"
			 : "=&a"(pid), "=r"(seen)
			 : "r"(value)
			 : "rcx", "r11", "memory", "xmm9");
	if (pid == 0)
		_exit(seen == value ? 11 : 12);
	ok(seen == value, "fork keeps the parent's registers");
	ok(exited(reap(pid), 11), "fork copies them to the child");
}

/* ---- what a handler sees and may change ------------------------------------------------------------ */

static uintptr_t seen_rip, seen_rsp, seen_cs;
static uint32_t seen_magic;
static bool is_frame_aligned;

extern char trap_here[], trap_behind[];

static void on_trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;
	uint8_t *state = (uint8_t *)uc->uc_mcontext.fpregs;
	uint64_t changed = 0x600d600d600d600d;

	(void)signal;
	(void)info;
	seen_rip = (uintptr_t)regs[REG_RIP];
	seen_rsp = (uintptr_t)regs[REG_RSP];
	seen_cs = (uintptr_t)regs[REG_CSGSFS] & 0xffff;
	memcpy(&seen_magic, state + 464, 4);
	is_frame_aligned = (uintptr_t)state % 64 == 0;
	regs[REG_RIP] = (greg_t)trap_behind;
	regs[REG_R12] = 0x5eed;
	memcpy(state + 160 + 5 * 16, &changed, 8); /* xmm5 */
}

static void test_handler_changes_registers(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	uint64_t r12 = 0, xmm5 = 0, rsp = 0;

	sigaction(SIGILL, &action, NULL);
	__asm__ volatile("mov %%rsp, %2\n"
			 ".globl trap_here, trap_behind\n"
			 "trap_here: ud2; ud2; ud2\n"
			 "trap_behind: mov %%r12, %0; movq %%xmm5, %1\n"
			 : "=&r"(r12), "=&r"(xmm5), "=&r"(rsp)
			 :
			 : "r12", "xmm5", "memory");
	ok(seen_rip == (uintptr_t)trap_here, "the handler sees where");
	ok(seen_rsp == rsp && seen_cs == 0x33, "and the stack pointer, and selector 0x33");
	ok(r12 == 0x5eed, "it changes an integer register");
	ok(xmm5 == 0x600d600d600d600d, "it changes an FPU register");
	ok(is_frame_aligned && (seen_magic == 0x46505853 || seen_magic == 0),
	   "the FPU state is aligned, and has its magic number if it is extended");
	signal(SIGILL, SIG_DFL);
}

static volatile int depth;

static void on_altstack(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char here;

	(void)signal;
	(void)info;
	depth = &here >= (char *)uc->uc_stack.ss_sp &&
		&here < (char *)uc->uc_stack.ss_sp + uc->uc_stack.ss_size;
}

static void test_red_zone_and_altstack(void)
{
	struct sigaction action = {.sa_sigaction = on_altstack,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	uint64_t kept = 0, pid = (uint64_t)getpid();

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	ok(depth == 1, "the handler runs on the alternate stack");
	stack.ss_flags = SS_DISABLE;
	sigaltstack(&stack, NULL);
	__asm__ volatile("movq $0x7e57, -120(%%rsp)\n"
			 "mov $62, %%eax; mov %1, %%rdi; mov $10, %%esi; syscall\n"
			 "mov -120(%%rsp), %0\n"
			 : "=&r"(kept)
			 : "r"(pid)
			 : "rax", "rdi", "rsi", "rcx", "r11", "memory");
	ok(kept == 0x7e57, "a handler leaves the 128 bytes below the stack pointer alone");
	signal(SIGUSR1, SIG_DFL);
	free(stack.ss_sp);
}

/* ---- sigreturn with contents that nobody should send ---------------------------------------------------- */

/* A frame as the kernel would have pushed it, at `frame`; then sigreturn. */
static void sigreturn_with(void *frame)
{
	__asm__ volatile("lea 8(%0), %%rsp; mov $15, %%eax; syscall; hlt" ::"r"(frame) : "memory");
	__builtin_unreachable();
}

static uint8_t *frame_page;

static void frame_fill(uint8_t byte)
{
	if (!frame_page)
		frame_page = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);
	memset(frame_page, byte, 16384);
}

static int return_all_ones(void)
{
	frame_fill(0xff);
	sigreturn_with(frame_page + 4096);
	return 0;
}

static int return_zeros(void)
{
	frame_fill(0);
	sigreturn_with(frame_page + 4096);
	return 0;
}

static int return_unmapped(void)
{
	sigreturn_with((void *)0x1000);
	return 0;
}

static int return_kernel_address(void)
{
	sigreturn_with((void *)0xffff888000000000);
	return 0;
}

/* A frame that would be right but for its FPU state: reserved bits of MXCSR. */
static int return_bad_mxcsr(void)
{
	uint32_t mxcsr = UINT32_MAX;
	uint64_t state;

	frame_fill(0);
	state = (uint64_t)(frame_page + 8192);
	memcpy(frame_page + 4096 + 48 + 184, &state, 8);
	memcpy((void *)(state + 24), &mxcsr, 4);
	sigreturn_with(frame_page + 4096);
	return 0;
}

/* Selectors of the kernel, flags that only it may set: they must not stick. */
static int return_to_ring_0(void)
{
	uint64_t rip, rsp = (uint64_t)(frame_page + 12288), rflags = 0x3202 | 1 << 17, zero = 0;
	uint16_t selectors[4] = {0x10, 0, 0, 0x18};
	static uint8_t code[] = {0xb8, 0x3c, 0, 0, 0, /* mov $exit, %eax */
				 0xbf, 0x2a, 0, 0, 0, /* mov $42, %edi */
				 0x0f, 0x05};	      /* syscall */

	frame_fill(0);
	memcpy(frame_page, code, sizeof(code));
	mprotect(frame_page, 4096, PROT_READ | PROT_EXEC);
	rip = (uint64_t)frame_page;
	rsp = (uint64_t)(frame_page + 12288);
	memcpy(frame_page + 4096 + 48 + 120, &rsp, 8);
	memcpy(frame_page + 4096 + 48 + 128, &rip, 8);
	memcpy(frame_page + 4096 + 48 + 136, &rflags, 8);
	memcpy(frame_page + 4096 + 48 + 144, selectors, 8);
	memcpy(frame_page + 4096 + 48 + 184, &zero, 8);
	sigreturn_with(frame_page + 4096);
	return 0;
}

static void test_hostile_sigreturn(void)
{
	int status;

	ok(killed(run(return_all_ones), SIGSEGV), "sigreturn with all bits set: SIGSEGV");
	ok(killed(run(return_zeros), SIGSEGV), "with zeros: SIGSEGV");
	ok(killed(run(return_unmapped), SIGSEGV), "without a frame: SIGSEGV");
	ok(killed(run(return_kernel_address), SIGSEGV), "with a kernel address: SIGSEGV");
	ok(killed(run(return_bad_mxcsr), SIGSEGV), "with impossible FPU state: SIGSEGV");
	status = run(return_to_ring_0);
	ok(killed(status, SIGSEGV) || exited(status, 42),
	   "kernel selectors and flags do not stick");
}

/* ---- thread pointers and selectors ------------------------------------------------------------------------ */

static void test_bases(void)
{
	unsigned long fs = 0, gs = 1, value = 0xabcdef;
	uint64_t through;

	ok(arch_prctl(ARCH_GET_FS, (unsigned long)&fs) == 0 && fs != 0, "the C library set FS");
	ok(arch_prctl(ARCH_GET_GS, (unsigned long)&gs) == 0 && gs == 0, "GS begins as 0");
	ok(arch_prctl(ARCH_SET_GS, (unsigned long)&value) == 0, "GS can be set");
	sched_yield();
	__asm__ volatile("mov %%gs:0, %0" : "=r"(through));
	ok(through == value, "and used");
	ok(arch_prctl(ARCH_SET_GS, 0xffff800000000000) == -1 && errno == EPERM,
	   "not to a kernel address");
	ok(arch_prctl(ARCH_SET_FS, 1UL << 47) == -1 && errno == EPERM, "nor past user memory");
	ok(arch_prctl(0x7777, 0) == -1 && errno == EINVAL, "an unknown code is refused");
	ok(arch_prctl(ARCH_GET_GS, 0xffff800000000000) == -1 && errno == EFAULT,
	   "results do not go to a kernel address");
	arch_prctl(ARCH_SET_GS, 0);
}

static int leave_selectors(void)
{
	for (int i = 0; i < 200; i++) {
		__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%gs" ::"r"(0x2b));
		sched_yield();
	}
	return 21;
}

static int see_selectors(void)
{
	for (int i = 0; i < 200; i++) {
		unsigned ds, es, gs;

		__asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%gs, %2"
				 : "=r"(ds), "=r"(es), "=r"(gs));
		if (ds | es | gs)
			return 23;
		sched_yield();
	}
	return 22;
}

static void test_selectors(void)
{
	pid_t one = spawn(leave_selectors), two = spawn(see_selectors);

	ok(exited(reap(one), 21), "a process may load selectors");
	ok(exited(reap(two), 22), "another one does not see them");
}

int main(void)
{
	test_switches();
	test_signals_keep_registers();
	test_fork_copies();
	test_handler_changes_registers();
	test_red_zone_and_altstack();
	test_hostile_sigreturn();
	test_bases();
	test_selectors();
	return tap_end();
}
