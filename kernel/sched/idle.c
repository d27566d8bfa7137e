/*
 * What a CPU does when it has nothing to do, and how it comes online. The idle task is a kernel
 * thread that stands on whatever address space was there before, like any other; it is on no run
 * queue, and is picked when nothing else is.
 *
 * Before it halts, an idle CPU polls: it watches its own work word, where a waker leaves
 * WORK_RESCHED, and cpus_crowded. A waker that finds WORK_POLLING sends no interrupt. To be woken
 * from a halt takes an emulated CPU's thread through the host's scheduler, which costs both sides
 * more than the polling. How long to poll is learnt: halts that turn out short widen the window,
 * long ones narrow it to nothing, so that a machine which is really idle leaves the host alone.
 */
#include <kern/entry.h>
#include <kern/format.h>
#include <kern/life.h>
#include <arch/irq.h>

#include "rq.h"

enum { POLL_MIN_NS = 10000, POLL_MAX_NS = 200000, POLL_RETRY_NS = 50000 };

static DEFINE_PER_CPU(uint64_t, poll_window_ns); /* [cpu] */

bool cpu_is_polling(unsigned cpu)
{
	struct task_struct *idle = per_cpu(rq, cpu).idle;

	return idle && (atomic_load_seqcst(&idle->work) & WORK_POLLING);
}

/* Until when to poll, if nothing comes: through the window, unless there is nobody who could bring
 * work, and until a timer that is due too soon for a halt has fired. */
static uint64_t poll_end(uint64_t now, uint64_t others)
{
	uint64_t end_ns = now, timer_ns = this_cpu(timer_hw_ns);

	if (atomic_load_relaxed(&cpus_online) & others)
		end_ns += this_cpu(poll_window_ns);
	if (timer_ns < now + POLL_MAX_NS)
		end_ns = MAX(end_ns, timer_ns + POLL_MAX_NS);
	return end_ns;
}

/* The timer is due and its interrupt is still on its way: through another thread of the emulator,
 * which may have to wait for a processor of the host. Does what it would; returns the clock. */
static uint64_t serve_timer(void)
{
	arch_irq_disable();
	entry_irq_enter();
	entry_timer(false);
	entry_irq_exit();
	arch_irq_enable();
	return arch_clock_ns();
}

/* Interrupts on, preemption off. Returns when there is something to do, or no hope of it soon. */
static void idle_poll(struct rq *rq)
{
	uint64_t others = ~(1ULL << rq->cpu);
	uint64_t now = arch_clock_ns(), retry_ns = now, end_ns = poll_end(now, others);

	if (now >= end_ns)
		return;
	atomic_fetch_or_relaxed(&current->work, WORK_POLLING);
	while (!resched_is_due() && now < end_ns) {
		if ((atomic_load_relaxed(&cpus_crowded) & others) && now >= retry_ns) {
			arch_irq_disable();
			balance_pull_idle();
			arch_irq_enable();
			retry_ns = now + POLL_RETRY_NS;
		}
		if (now >= this_cpu(timer_hw_ns))
			end_ns = MAX(end_ns, poll_end(serve_timer(), others));
		arch_cpu_relax();
		now = arch_clock_ns();
	}
}

/* From here on wakers send interrupts. What they left before is seen by the caller's next look
 * at the work word (pairs with rq_resched()) and at cpus_crowded (pairs with send_for_idle()). */
static void idle_stop_polling(void)
{
	atomic_fetch_and_seqcst(&current->work, ~(uint32_t)WORK_POLLING);
}

/* asked_ns: how long after the CPU had decided to halt it was wanted again. Not how long it slept:
 * a host that is slow to wake it up is a reason to poll more, not less. */
static void idle_learn(uint64_t asked_ns)
{
	uint64_t *window = &this_cpu(poll_window_ns);

	if (asked_ns < POLL_MAX_NS)
		*window = MIN(MAX(*window * 2, (uint64_t)POLL_MIN_NS), (uint64_t)POLL_MAX_NS);
	else
		*window = *window > POLL_MIN_NS ? *window / 2 : 0;
}

/* Interrupts on, preemption off. Waits for an interrupt if there is really nothing to do. */
static void idle_halt(struct rq *rq)
{
	uint64_t start_ns, queued_ns;

	arch_irq_disable();
	idle_stop_polling();
	if (resched_is_due() || balance_pull_idle()) {
		arch_irq_enable();
		return;
	}
	start_ns = arch_clock_ns();
	/* What comes from here on comes with an interrupt, and that stays pending until the
	 * halt. */
	arch_idle_wait();
	if (resched_is_due()) {
		queued_ns = atomic_load_relaxed(&rq->clock_ns); /* the waker's look at the clock */
		idle_learn(queued_ns > start_ns ? queued_ns - start_ns : 0);
	}
}

void sched_idle(void)
{
	struct rq *rq = &this_cpu(rq); /* an idle task never leaves its CPU */

	assert(task_is_idle(current) && current == rq->idle && !in_atomic());
	arch_irq_enable();
	for (;;) {
		/* Not to be preempted by interrupts: it polls, or learns, while it runs only. */
		preempt_disable();
		idle_poll(rq);
		idle_halt(rq);
		preempt_enable_no_resched();
		if (resched_is_due())
			schedule();
	}
}

/* ---- bring-up -------------------------------------------------------------------------------- */

/* idle is, or will be, cpu's idle task. */
static void set_idle_entity(struct task_struct *idle, unsigned cpu)
{
	idle->flags |= PF_KTHREAD | PF_IDLE | PF_BOUND;
	idle->cpu = cpu;
	idle->affinity = 1ULL << cpu;
	idle->state = TASK_RUNNING;
	idle->on_cpu = 1;
	idle->se.policy = SCHED_IDLE;
	fair_set_weight(&idle->se);
	format_string(idle->comm, sizeof(idle->comm), "idle/%u", cpu);
}

struct task_struct *sched_idle_create(unsigned cpu)
{
	struct task_struct *idle = task_alloc();

	if (!idle)
		return NULL;
	set_idle_entity(idle, cpu);
	return idle;
}

static void rq_init(struct rq *rq, unsigned cpu, struct task_struct *idle)
{
	spin_init(&rq->lock, LOCK_RANK_RUNQUEUE, "rq");
	rq->cpu = cpu;
	rq->idle = idle;
	rq->clock_ns = arch_clock_ns();
	rq->exec_start_ns = rq->run_start_ns = rq->online_ns = rq->clock_ns;
	rq->slice_end_ns = rq->crowd_check_ns = UINT64_MAX;
	rq->rt.head_order = rq->rt.tail_order = 1ULL << 62;
	atomic_store_relaxed(&rq->curr, idle);
	this_cpu(poll_window_ns) = POLL_MAX_NS / 4;
}

void sched_init(void)
{
	set_idle_entity(&init_task, arch_cpu_id());
	rq_init(&this_cpu(rq), arch_cpu_id(), &init_task);
	timer_init_cpu();
	realtime_init();
}

void sched_cpu_online(unsigned cpu)
{
	struct rq *rq = &this_cpu(rq);

	assert(cpu == arch_cpu_id() && task_is_idle(current) && current->cpu == cpu);
	assert(!arch_irqs_enabled());
	/* The port came here on init_mm's root. */
	this_cpu(tlb_state).loaded_mm = &init_mm;
	this_cpu(tlb_state).gen = atomic_load_acquire(&init_mm.tlb_gen);
	current->active_mm = lazy->borrow(&init_mm);
	enter_lazy_tlb(&init_mm);

	rq_init(rq, cpu, current);
	timer_init_cpu();
	rq_lock(rq);
	cpu_mask_show(&cpus_idle, &rq->is_idle_shown, cpu, true);
	rq_unlock(rq);
	atomic_fetch_or_seqcst(&cpus_online, 1ULL << cpu);
	workqueue_cpu_online(cpu);
}
