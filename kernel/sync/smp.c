/*
 * Running functions on other CPUs.
 *
 * A CPU that waits has one call under way at most (preemption is off until it is answered, and
 * interrupts do not make such calls), so the call lies in the caller's per-CPU data and a receiver
 * only needs to know *who* calls: one bit for each caller in the receiver's inbox. Works that
 * nobody waits for form a list there. Whoever finds the inbox empty sends the interrupt; the others
 * know that one is on its way. No locks: the inbox is exchanged as a whole.
 *
 * Going offline: a caller reads cpus_online and posts with interrupts off. After clearing its bit,
 * a CPU's last smp_call() to all others therefore returns only when every earlier post is in its
 * inbox; it then runs smp_call_interrupt() once more.
 */
#include <kern/smp.h>
#include <kern/preempt.h>
#include <arch/cpu.h>
#include <arch/ipi.h>
#include <arch/irq.h>

uint64_t cpus_online = 1;
uint64_t cpus_present = 1;

struct CACHE_ALIGNED smp_caller {
	void (*fn)(void *arg); /* [cpu] while it calls */
	void *arg;
	uint64_t waiting; /* [atomic] CPUs that have not finished */
};

struct CACHE_ALIGNED smp_inbox {
	uint64_t callers;	/* [atomic] CPUs whose smp_caller is to be served */
	struct smp_work *works; /* [atomic] newest first */
};

static DEFINE_PER_CPU(struct smp_caller, smp_caller);
static DEFINE_PER_CPU(struct smp_inbox, smp_inbox);

static void run_as_interrupt(void (*fn)(void *arg), void *arg)
{
	arch_hot_add(preempt_count, PREEMPT_IRQ);
	fn(arg);
	arch_hot_add(preempt_count, -PREEMPT_IRQ);
}

/* Puts this CPU's call into the inboxes of others. Context: interrupts off. */
static void post_call(uint64_t others, void (*fn)(void *arg), void *arg)
{
	struct smp_caller *caller = &this_cpu(smp_caller);
	uint64_t self = 1ULL << arch_cpu_id(), idle = 0;
	unsigned cpu;

	caller->fn = fn;
	caller->arg = arg;
	atomic_store_relaxed(&caller->waiting, others);
	/* The release half pairs with the exchange in serve_callers(). */
	for_each_cpu (cpu, others)
		if (atomic_fetch_or_acqrel(&per_cpu(smp_inbox, cpu).callers, self) == 0)
			idle |= 1ULL << cpu;
	if (idle)
		arch_ipi_send_mask(idle, IPI_CALL);
}

void smp_call(uint64_t mask, void (*fn)(void *arg), void *arg)
{
	preempt_disable();
	bool irqs_were_on = arch_irqs_enabled();
	unsigned long flags = arch_irq_save();
	uint64_t online = atomic_load_acquire(&cpus_online);
	uint64_t self = 1ULL << arch_cpu_id();
	uint64_t others = mask & online & ~self;

	assert_msg((irqs_were_on && !in_irq()) || online == self,
		   "waiting for an IPI in atomic context (I19)");
	if (others)
		post_call(others, fn, arg);
	if (mask & self)
		run_as_interrupt(fn, arg);
	arch_irq_restore(flags);

	/* Pairs with the release in serve_callers(): what fn did over there is visible. */
	if (others)
		while (atomic_load_acquire(&this_cpu(smp_caller).waiting))
			arch_cpu_relax();
	preempt_enable();
}

void smp_work_init(struct smp_work *work, void (*fn)(struct smp_work *work))
{
	*work = (struct smp_work){.fn = fn};
}

void smp_work_queue(struct smp_work *work, unsigned cpu)
{
	struct smp_work *head;

	/* What the caller wrote before is seen by fn, also by a run that was due already: pairs
	 * with the exchange in serve_works(). */
	if (atomic_exchange_acqrel(&work->is_queued, 1))
		return;
	preempt_disable();
	assert(cpu != arch_cpu_id());
	struct smp_work **list = &per_cpu(smp_inbox, cpu).works;
	head = atomic_load_relaxed(list);
	do {
		work->next = head;
	} while (!atomic_cmpxchg_acqrel(list, &head, work));
	if (!head)
		arch_ipi_send(cpu, IPI_CALL);
	preempt_enable();
}

static void serve_callers(uint64_t callers)
{
	uint64_t self = 1ULL << arch_cpu_id();
	unsigned cpu;

	for_each_cpu (cpu, callers) {
		struct smp_caller *caller = &per_cpu(smp_caller, cpu);
		run_as_interrupt(caller->fn, caller->arg);
		/* Release, for the caller's wait. From here on the call may be gone. */
		atomic_fetch_and_acqrel(&caller->waiting, ~self);
	}
}

static struct smp_work *reverse(struct smp_work *newest)
{
	struct smp_work *oldest = NULL;

	while (newest) {
		struct smp_work *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

static void run_work(void *arg)
{
	struct smp_work *work = arg;

	work->fn(work);
}

static void serve_works(struct smp_work *work)
{
	while (work) {
		struct smp_work *next = work->next;
		/* From here on it may be queued again, and next is ours no more. */
		(void)atomic_exchange_acqrel(&work->is_queued, 0);
		run_as_interrupt(run_work, work);
		work = next;
	}
}

void smp_call_interrupt(void)
{
	struct smp_inbox *inbox = &this_cpu(smp_inbox);

	if (atomic_load_relaxed(&inbox->callers))
		serve_callers(atomic_exchange_acqrel(&inbox->callers, 0));
	if (atomic_load_relaxed(&inbox->works))
		serve_works(reverse(atomic_exchange_acqrel(&inbox->works, NULL)));
}
