/*
 * What must hold (docs/life.md, section 6): looked at after every step. "Calm": no task is in the
 * middle of something that moves a reference, and no CPU is switching; then counts must equal the sum
 * of those who hold one, exactly.
 */
#include <kern/assert.h>
#include <kern/string.h>
#include <arch/cpu.h>
#include <stdio.h>

#include "../../kernel/sched/rq.h"
#include "world.h"

static struct task_struct *running(unsigned cpu)
{
	return world_cpu(cpu)->hot.task;
}

static bool is_live(const void *object)
{
	return prove_object_is_live(object);
}

/* ---- each CPU ---------------------------------------------------------------------------------------- */

static void check_root(unsigned cpu)
{
	const struct tlb_state *tlb = &per_cpu(tlb_state, cpu);
	struct mm_struct *seen = tlb->loaded_mm; /* as others see it */
	struct mm_struct *own =
		(struct mm_struct *)prove_peek(cpu, &tlb->loaded_mm, sizeof(tlb->loaded_mm));
	paddr_t root = world_cpu(cpu)->root;

	if (own == MM_SWITCHING) {
		if (world_cpu(cpu)->irqs_on)
			prove_fail("I2 RootShadow: CPU %u is SWITCHING with interrupts on", cpu);
	} else {
		if (!is_live(own))
			prove_fail("I1 RootLive: CPU %u's loaded_mm was freed", cpu);
		if (own->root != root)
			prove_fail("I2 RootShadow: CPU %u's root is not loaded_mm's", cpu);
		if (prove_peek(cpu, &tlb->gen, 8) > own->tlb_gen)
			prove_fail("I16 GenOrder: CPU %u is ahead of its mm's generation", cpu);
	}
	/* Whoever flushes finds it. */
	for (unsigned i = 0; i < WORLD_MMS; i++) {
		const struct mm_struct *mm = world->mms[i];
		if (!mm || mm->state == MM_FREE || mm->root != root)
			continue;
		if (!(mm->cpumask >> cpu & 1))
			prove_fail("I15 MaskCover: CPU %u stands on mm%u and is not in its mask",
				   cpu, i + 1);
		if (seen != mm && seen != MM_SWITCHING)
			prove_fail("I15 MaskCover: CPU %u stands on mm%u and does not show it", cpu,
				   i + 1);
	}
}

void world_check_user(unsigned cpu)
{
	const struct world_tlb *tlb = &world->tlbs[cpu];

	for (unsigned page = 0; page < WORLD_PAGES; page++)
		if (tlb->stale[page])
			prove_fail(
				"I14 TlbFresh: CPU %u is in user mode with a translation to a page "
				"that was freed",
				cpu);
	if (prove_peek(cpu, &per_cpu(tlb_state, cpu).is_lazy, 4))
		prove_fail("I14 TlbFresh: CPU %u is in user mode and still lazy", cpu);
}

static void check_running(unsigned cpu)
{
	const struct task_struct *task = running(cpu);

	if (!is_live(task))
		prove_fail("the task that runs on CPU %u was freed", cpu);
	if (world_cpu(cpu)->irqs_on && !world->switching[cpu]) {
		/* As the CPU itself sees them. */
		uint64_t mm = prove_peek(cpu, &task->mm, sizeof(task->mm));
		if (mm && mm != prove_peek(cpu, &task->active_mm, sizeof(task->active_mm)))
			prove_fail(
				"I7 ActivePair: CPU %u runs a task whose active_mm is not its mm",
				cpu);
		if (!task->active_mm)
			prove_fail("I8 AnonActive: CPU %u stands on nothing", cpu);
		if (per_cpu(rq, cpu).prev_mm)
			prove_fail("I10 PrevWindow: CPU %u has a prev_mm outside a switch", cpu);
	}
	if (prove_point_of(cpu) == POINT_USER && !world->irq_depth[cpu])
		world_check_user(cpu);
}

/* ---- each task, each address space ---------------------------------------------------------------------- */

static void check_task(const struct world_task *v)
{
	const struct task_struct *task = v->task;

	if (task->mm) {
		if (!is_live(task->mm))
			prove_fail("I3 UsersPin: a task's mm was freed");
		if (task->mm->mm_users.n <= 0)
			prove_fail("I6 NoOrphanUser: a task has an mm whose users are gone");
	} else if (!task->on_cpu && task->active_mm && !v->busy) {
		prove_fail("I8 AnonActive: a task that does not run borrows");
	}
}

static bool is_calm(void)
{
	for (unsigned cpu = 0; cpu < scenario->cpus; cpu++)
		if (world->switching[cpu] || !world_cpu(cpu)->irqs_on || prove_buffered(cpu))
			return false;
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (world->tasks[i].task && world->tasks[i].busy)
			return false;
	return true;
}

static unsigned users_expected(const struct mm_struct *mm)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORLD_TASKS; i++)
		n += world->tasks[i].task && world->tasks[i].task->mm == mm;
	return n;
}

static unsigned count_expected(const struct mm_struct *mm)
{
	unsigned n = mm->mm_users.n > 0;

	for (unsigned cpu = 0; lazy->is_counted && cpu < scenario->cpus; cpu++)
		n += !running(cpu)->mm && running(cpu)->active_mm == mm;
	return n;
}

static void check_counts(unsigned number)
{
	const struct mm_struct *mm = world->mms[number];
	unsigned users = users_expected(mm), count = count_expected(mm);

	if ((unsigned)mm->mm_users.n != users)
		prove_fail("I5 UsersExact: mm%u has users %d, and %u hold one", number + 1,
			   mm->mm_users.n, users);
	/* Where zombies are not counted, whoever still stands on one keeps the users' pin. */
	if (!lazy->is_counted && !users && mm->mm_count.n == 1)
		return;
	if ((unsigned)mm->mm_count.n != count)
		prove_fail("I4 CountExact: mm%u has count %d, and %u hold one", number + 1,
			   mm->mm_count.n, count);
}

static unsigned zombie_bound(void)
{
	if (!strcmp(lazy->name, "eager") || !strcmp(lazy->name, "shootdown") ||
	    !strcmp(lazy->name, "hazard-ipi"))
		return 0;
	return scenario->cpus;
}

static void check_calm(void)
{
	unsigned zombies = 0;

	for (unsigned i = 0; i < WORLD_MMS; i++) {
		if (!world->mms[i] || world->mms[i]->state == MM_FREE)
			continue;
		check_counts(i);
		zombies += !world->mms[i]->mm_users.n;
	}
	if (zombies > zombie_bound())
		prove_fail("I21 ZombieBound: %u zombies under %s", zombies, lazy->name);
	if (init_mm.state != MM_LIVE || init_mm.mm_users.n != 1)
		prove_fail("I17 InitImmortal: init_mm is dying");
	if (lazy->is_counted && (unsigned)init_mm.mm_count.n != count_expected(&init_mm))
		prove_fail("I4 CountExact: init_mm has count %d, and %u hold one",
			   init_mm.mm_count.n, count_expected(&init_mm));
}

static void note_coverage(void)
{
	unsigned zombies = 0;

	for (unsigned i = 0; i < WORLD_MMS; i++) {
		const struct mm_struct *mm = world->mms[i];
		unsigned lazy_cpus = 0;
		if (!mm)
			continue;
		zombies += mm->state == MM_ZOMBIE;
		for (unsigned cpu = 0; cpu < scenario->cpus; cpu++)
			lazy_cpus += world_cpu(cpu)->root == mm->root && !running(cpu)->mm;
		if (mm->mm_users.n == 0 && lazy_cpus)
			cover(EXIT_WHILE_LAZY);
		if (lazy_cpus >= 2 && mm->mm_users.n <= 1)
			cover(TWO_LAZY);
	}
	if (zombies)
		cover(ZOMBIE);
	if (zombies >= 2)
		cover(BOTH_RETIRE);
}

void world_check(void)
{
	for (unsigned cpu = 0; cpu < scenario->cpus; cpu++) {
		check_root(cpu);
		check_running(cpu);
	}
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (world->tasks[i].task)
			check_task(&world->tasks[i]);
	for (unsigned i = 0; i < WORLD_MMS; i++)
		if (world->mms[i] && world->mms[i]->mm_users.n > 0 && world->mms[i]->mm_count.n < 1)
			prove_fail("I3 UsersPin: mm%u has users and no count", i + 1);
	if (is_calm())
		check_calm();
	note_coverage();
}

bool world_is_end(void)
{
	if (!tasks_are_done())
		return false;
	for (unsigned cpu = 0; cpu < scenario->cpus; cpu++)
		if (!world->is_quiet[cpu])
			return false;
	/* Every CPU switches once more: what was left to it to finish is finished. */
	for (unsigned cpu = 0; cpu < scenario->cpus && !lazy->is_counted; cpu++) {
		host_cpu = world_cpu(cpu);
		lazy->release(&init_mm, PIN_LAZY);
	}
	if (prove_objects_live() != world->baseline)
		prove_fail("I20 NoLeak: %u objects are left, %u were there in the beginning",
			   prove_objects_live(), world->baseline);
	return true;
}

/* ---- for reports --------------------------------------------------------------------------------------------- */

static unsigned number_of(const struct task_struct *task)
{
	for (unsigned i = 0; i < WORLD_TASKS; i++)
		if (world->tasks[i].task == task)
			return i;
	return 99;
}

void world_describe(char *text, size_t size)
{
	static const char *const states[] = {"live", "ZOMBIE", "FREE"};
	size_t len = 0;

	for (unsigned cpu = 0; cpu < scenario->cpus; cpu++) {
		unsigned on = 0;
		for (unsigned i = 0; i < WORLD_MMS; i++)
			if (world->mms[i] && world->mms[i]->state != MM_FREE &&
			    world->mms[i]->root == world_cpu(cpu)->root)
				on = i + 1;
		len += (size_t)snprintf(text + len, size - len, "%u:t%u@mm%u%s%s ", cpu,
					number_of(running(cpu)), on,
					per_cpu(tlb_state, cpu).is_lazy ? "~" : "",
					per_cpu(rq, cpu).prev_mm ? "+prev" : "");
	}
	for (unsigned i = 0; i < WORLD_MMS; i++) {
		const struct mm_struct *mm = world->mms[i];
		if (mm)
			len += (size_t)snprintf(text + len, size - len, " mm%u %d/%d %s", i + 1,
						mm->mm_users.n, mm->mm_count.n,
						states[mm->state % 3]);
	}
}

static bool field_name(char *text, size_t size, const char *what, size_t at)
{
	static const struct {
		const char *name;
		size_t at, size;
	} mm_fields[] =
		{
#define FIELD(f) {#f, offsetof(struct mm_struct, f), sizeof(((struct mm_struct *)0)->f)}
			FIELD(mm_users), FIELD(mm_count), FIELD(root),	FIELD(tlb_gen),
			FIELD(cpumask),	 FIELD(contents), FIELD(state), FIELD(zombie_since_ns),
			FIELD(all_node), FIELD(registry),
		},
	  task_fields[] = {
#undef FIELD
#define FIELD(f) {#f, offsetof(struct task_struct, f), sizeof(((struct task_struct *)0)->f)}
		  FIELD(state), FIELD(on_cpu),	   FIELD(mm),	  FIELD(active_mm),
		  FIELD(usage), FIELD(alloc_lock), FIELD(thread),
#undef FIELD
	  };
	bool is_mm = what[0] == 'm';
	size_t n = is_mm ? ARRAY_LEN(mm_fields) : ARRAY_LEN(task_fields);

	for (size_t i = 0; i < n; i++) {
		size_t from = is_mm ? mm_fields[i].at : task_fields[i].at;
		size_t len = is_mm ? mm_fields[i].size : task_fields[i].size;
		if (at - from < len) {
			snprintf(text, size, "%s.%s", what,
				 is_mm ? mm_fields[i].name : task_fields[i].name);
			return true;
		}
	}
	snprintf(text, size, "%s+%zu", what, at);
	return true;
}

void world_name_address(char *text, size_t size, const void *address)
{
	const char *p = address;
	char what[16];
	size_t at;

	for (unsigned i = 0; i < WORLD_MMS; i++) {
		at = (size_t)(p - (char *)world->mms[i]);
		if (world->mms[i] && at < sizeof(struct mm_struct)) {
			snprintf(what, sizeof(what), "mm%u", i + 1);
			field_name(text, size, what, at);
			return;
		}
	}
	for (unsigned i = 0; i < WORLD_TASKS; i++) {
		at = (size_t)(p - (char *)world->tasks[i].task);
		if (world->tasks[i].task && at < sizeof(struct task_struct)) {
			snprintf(what, sizeof(what), "t%u", i);
			field_name(text, size, what, at);
			return;
		}
	}
	at = (size_t)(p - (char *)&init_mm);
	if (at < sizeof(init_mm)) {
		field_name(text, size, "mminit", at);
		return;
	}
	at = (size_t)(p - (char *)percpu_tlb_state);
	if (at < sizeof(percpu_tlb_state)) {
		size_t in = at % sizeof(struct tlb_state);
		snprintf(text, size, "CPU %zu %s", at / sizeof(struct tlb_state),
			 in < 8	   ? "loaded_mm"
			 : in < 16 ? "gen"
				   : "is_lazy");
		return;
	}
	at = (size_t)(p - prove_frame_base());
	if (at < PROVE_FRAMES * PAGE_SIZE) {
		snprintf(text, size, "frame %zu [%zu]", at / PAGE_SIZE, at % PAGE_SIZE / 8);
		return;
	}
	snprintf(text, size, "%p", address);
}
