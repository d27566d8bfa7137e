/*
 * Tasks and who runs where: what stands for the scheduler. Any task that can run may be taken up by
 * any CPU, whenever a CPU has to decide; the switch itself is kernel/sched/switch.c.
 */
#include <kern/assert.h>
#include <kern/entry.h>
#include <kern/kcache.h>
#include <kern/kthread.h>
#include <kern/preempt.h>
#include <kern/string.h>
#include <kern/wait.h>
#include <arch/cpu.h>
#include <arch/irq.h>

#include "../../kernel/sched/rq.h"
#include "../../kernel/mm/users.h"
#include "world.h"

struct rq percpu_rq[MAX_CPUS] SECTION("kbss");

unsigned task_number(const struct task_struct *task)
{
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (world->tasks[i].task == task)
			return i;
	prove_fail("a task that is gone is used: %p", (const void *)task);
}

unsigned current_number(void)
{
	return task_number(current);
}

/* ---- who may run ------------------------------------------------------------------------------------ */

bool task_is_candidate(unsigned number, unsigned cpu)
{
	const struct world_task *v = &world->tasks[number];

	return v->task && !v->is_idle && v->is_runnable && (v->cpus >> cpu & 1) &&
	       !v->task->on_cpu && (!v->ready || v->ready(v->ready_arg));
}

bool any_candidate(unsigned cpu)
{
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (task_is_candidate(i, cpu))
			return true;
	return false;
}

bool tasks_are_done(void)
{
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (world->tasks[i].task && !world->tasks[i].is_idle &&
		    world->tasks[i].task->state != TASK_DEAD)
			return false;
	return true;
}

static struct task_struct *pick(unsigned cpu, struct task_struct *prev, bool is_preempt)
{
	struct task_struct *choice[WORLD_TASKS + 1];
	unsigned n = 0;
	struct rq *rq = &this_cpu(rq);

	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (task_is_candidate(i, cpu))
			choice[n++] = world->tasks[i].task;
	if (prev == rq->idle && !n)
		return prev;
	if (prev != rq->idle && (!is_preempt || !n))
		choice[n++] = rq->idle;
	return choice[prove_choose(n)];
}

/* The running task gives its CPU away. */
void world_schedule(bool is_preempt)
{
	struct rq *rq;
	struct task_struct *prev = current, *next;
	unsigned cpu;

	if (preempt_count() || in_irq())
		prove_fail("a switch in atomic context");
	if (is_preempt || prev->state == TASK_DEAD)
		host_cpu->irqs_on = false; /* an interrupt; or it never was on since DEAD */
	else
		arch_irq_disable();
	cpu = arch_cpu_id();
	rq = &this_cpu(rq);
	spin_lock(&rq->lock);
	prove_point(POINT_PICK, NULL);
	next = pick(cpu, prev, is_preempt);
	if (next == prev) {
		spin_unlock_no_resched(&rq->lock);
		host_cpu->irqs_on = true;
		preempt_enable_no_resched();
		return;
	}
	rq->curr = next;
	next->cpu = cpu;
	next->on_cpu = 1;
	prove_lock_grant(&next->on_cpu);
	world->switching[cpu] = 1;
	context_switch(rq, prev, next);
	world->switching[arch_cpu_id()] = 0;
	preempt_enable_no_resched();
}

void world_block(bool (*ready)(void *arg), void *arg)
{
	struct world_task *v = &world->tasks[current_number()];

	v->ready = ready;
	v->ready_arg = arg;
	world_schedule(false);
	v->ready = NULL;
	v->ready_arg = NULL;
}

void rq_push(struct rq *rq)
{
	prove_fail("the model's tasks are never pushed");
}

void preempt_check(void)
{
	prove_window(); /* preemption has just become possible */
}

/* ---- their threads ------------------------------------------------------------------------------------- */

static unsigned count_mms(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORLD_MMS; i++)
		n += world->mms[i] != NULL;
	return n;
}

static void thread_main(void *arg)
{
	unsigned number, nr_mms = count_mms();

	entry_task_start(current->thread.switched_from);
	if (count_mms() < nr_mms)
		cover(NEWBORN_FREES);
	world->switching[arch_cpu_id()] = 0;
	number = current_number();
	world->tasks[number].busy = 0;
	world->tasks[number].script();
	op_exit();
}

static bool idle_can_go_on(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg;

	return any_candidate(cpu) || (tasks_are_done() && !world->is_quiet[cpu]);
}

/* The idle task. When there is nothing left to run, its last deed is to leave what it borrows. */
static void idle_main(void *arg)
{
	unsigned cpu = (unsigned)(uintptr_t)arg;

	for (;;) {
		prove_wait(idle_can_go_on, arg, POINT_IDLE);
		if (any_candidate(cpu)) {
			world_schedule(false);
			continue;
		}
		arch_irq_disable();
		world->switching[cpu] = 1;
		life_unlazy_cpu();
		world->switching[cpu] = 0;
		world->is_quiet[cpu] = 1;
		host_irqs_enable();
	}
}

void *stack_alloc(struct page **frames);
void *stack_alloc(struct page **frames)
{
	*frames = NULL;
	return (void *)(uintptr_t)(prove_stack_new(thread_main, NULL) + 1);
}

void stack_free(void *stack, struct page *frames);
void stack_free(void *stack, struct page *frames)
{
	prove_stack_free((unsigned)(uintptr_t)stack - 1);
}

void task_trim_stacks(void)
{
}

/* ---- their birth, in setup and in fork ------------------------------------------------------------------ */

unsigned task_enter(struct task_struct *task, void (*script)(void));
unsigned task_enter(struct task_struct *task, void (*script)(void))
{
	unsigned i = 0;

	while (i < WORLD_TASKS && (world->tasks[i].task || world->tasks[i].is_gone))
		i++;
	assert(i < WORLD_TASKS);
	world->tasks[i] = (struct world_task){
		.task = task,
		.script = script,
		.stack = (uint8_t)((unsigned)(uintptr_t)task->stack - 1),
		.is_gone = 1,
		.busy = 1,
		.cpus = 0xff,
	};
	return i;
}

static void cpu_setup(unsigned cpu, struct task_struct *idle, unsigned stack)
{
	struct rq *rq = &per_cpu(rq, cpu);
	unsigned number = task_enter(idle, NULL);

	prove_track(rq, offsetof(struct rq, nr_running));
	prove_track(idle, sizeof(*idle));
	world->tasks[number].is_idle = 1;
	world->tasks[number].busy = 0;
	world->tasks[number].stack = (uint8_t)stack;
	idle->on_cpu = 1;
	idle->cpu = cpu;
	idle->flags |= PF_KTHREAD | PF_IDLE;
	idle->state = TASK_RUNNING;
	rq->cpu = cpu;
	rq->curr = rq->idle = idle;
	world_cpu(cpu)->hot.task = idle;
	world_cpu(cpu)->irqs_on = true;
	prove_agent_start(cpu, stack);
	prove_agent_holds(cpu, &idle->on_cpu);
}

void tasks_setup(void)
{
	cpu_setup(0, &init_task, prove_stack_new(idle_main, (void *)0));
	for (unsigned cpu = 1; cpu < scenario->cpus; cpu++) {
		struct task_struct *idle = task_alloc();

		prove_stack_free((unsigned)(uintptr_t)idle->stack - 1);
		cpu_setup(cpu, idle, prove_stack_new(idle_main, (void *)(uintptr_t)cpu));
		per_cpu(tlb_state, cpu).loaded_mm = &init_mm;
		host_cpu = world_cpu(cpu);
		idle->active_mm = lazy->borrow(&init_mm);
		host_cpu = world_cpu(0);
	}
}

static unsigned start(struct task_struct *task, void (*script)(void))
{
	unsigned number;

	assert(task);
	number = task_enter(task, script);
	task->state = TASK_RUNNING;
	world->tasks[number].is_runnable = 1;
	return number;
}

unsigned user_new(void (*script)(void))
{
	unsigned number = start(task_alloc(), script);
	struct task_struct *task = world->tasks[number].task;

	task->mm = task->active_mm = mm_new();
	assert(task->mm);
	return number;
}

unsigned thread_new(unsigned of, void (*script)(void))
{
	unsigned number = start(task_alloc(), script);
	struct task_struct *task = world->tasks[number].task;

	task->mm = task->active_mm = world->tasks[of].task->mm;
	mmget_as(task->mm, USER_TASK);
	return number;
}

unsigned kthread_new(void (*script)(void))
{
	unsigned number = start(task_alloc(), script);

	world->tasks[number].task->flags |= PF_KTHREAD;
	return number;
}

void task_hold(unsigned number)
{
	get_task_struct(world->tasks[number].task);
}

/* ---- sleeping, for the reaper of kernel/mm/users.c --------------------------------------------------------- */

struct task_struct *kthread_create(int (*fn)(void *arg), void *arg, uint64_t affinity,
				   const char *name, ...)
{
	prove_fail("no scenario starts the reaper");
}

void wait_entry_init(struct wait_entry *entry)
{
}
void wait_prepare(struct wait_queue *queue, struct wait_entry *entry, uint32_t state)
{
}
void wait_finish(struct wait_queue *queue, struct wait_entry *entry)
{
}
int wait_sleep(uint32_t state, uint64_t deadline_ns)
{
	return 0;
}
void wake_up_all(struct wait_queue *queue)
{
}
