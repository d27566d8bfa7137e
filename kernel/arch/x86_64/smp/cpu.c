/*
 * Each CPU's own tables and memory. Owns the GDTs, the TSSs, the interrupt stacks and the per-CPU
 * areas. Written by the boot CPU before the others start, then by each CPU for itself (tss.rsp0 at
 * every switch).
 */
#include <kern/smp.h>
#include <kern/assert.h>
#include <kern/string.h>
#include <kern/task.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <port/features.h>
#include <port/image.h>
#include <port/x86.h>
#include "../boot/memory.h"
#include "../entry/entry.h"
#include "../entry/fpu.h"
#include "smp.h"

struct cpu_hot cpu_hot SECTION(".bss..percpu.first");
uintptr_t percpu_offset[MAX_CPUS];

DEFINE_PER_CPU(struct tss, tss);
static DEFINE_PER_CPU(uint64_t[GDT_ENTRIES], gdt);
/* A double fault must find a stack even before cpus_set_up gives CPU 0 its guarded ones. */
static char first_ist_stack[4096] ALIGNED(16) SECTION(".bss..init");

/* Interrupt stacks lie behind the kernel stacks' part of the small mappings, an unmapped page
 * between any two. */
#define IST_MAP_BASE (ARCH_KERNEL_MAP_BASE + ARCH_KERNEL_MAP_SIZE / 2)
enum { IST_STRIDE = IST_STACK_SIZE + 4096 };

static uint64_t tss_descriptor_low(uintptr_t base)
{
	return (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 |
	       (base >> 24 & 0xff) << 56;
}

static void gdt_fill(unsigned cpu)
{
	uint64_t *entries = per_cpu(gdt, cpu);
	struct tss *t = &per_cpu(tss, cpu);

	entries[SEL_KERNEL_CODE / 8] = 0x00af9b000000ffff;
	entries[SEL_KERNEL_DATA / 8] = 0x00cf93000000ffff;
	entries[SEL_USER_DATA / 8] = 0x00cff3000000ffff;
	entries[SEL_USER_CODE / 8] = 0x00affb000000ffff;
	entries[SEL_TSS / 8] = tss_descriptor_low((uintptr_t)t);
	entries[SEL_TSS / 8 + 1] = (uintptr_t)t >> 32;
	t->io_map_base = sizeof(*t); /* no I/O permission map: user port access faults */
}

void cpu_tables_load(void)
{
	struct PACKED {
		uint16_t limit;
		const void *base;
	} pointer = {sizeof(uint64_t) * GDT_ENTRIES - 1, this_cpu(gdt)};

	gdt_fill(arch_cpu_id());
	features_apply();
	__asm__ volatile("lgdt %0" ::"m"(pointer));
	/* CS is right already: the boot GDT has the same numbers. Data segments stay null. */
	__asm__ volatile("ltr %w0" ::"r"(SEL_TSS));
	/* After a reset it is 64 KiB at address 0, and user code may name its selectors. */
	__asm__ volatile("lldt %w0" ::"r"(0));
	idt_load();
	msr_write(MSR_STAR, (uint64_t)SEL_USER_BASE << 48 | (uint64_t)SEL_KERNEL_CODE << 32);
	msr_write(MSR_LSTAR, (uintptr_t)syscall_entry);
	msr_write(MSR_FMASK, RFLAGS_IF | RFLAGS_DF | RFLAGS_TF | RFLAGS_NT | RFLAGS_AC |
				     RFLAGS_IOPL | RFLAGS_ARITHMETIC);
	msr_write(MSR_KERNEL_GS_BASE, 0);
	msr_write(MSR_FS_BASE, 0);
}

/* CPU 0's per-CPU data are the image's own; boot/pvh.S has set GS to fit. */
INIT_TEXT void cpu_first_init(void)
{
	percpu_offset[0] = PHYS_BASE - KERNEL_IMAGE_BASE;
	cpu_hot_at(0)->self = percpu_offset[0];
	cpu_hot_at(0)->task = &init_task;
	for (unsigned i = 0; i < NR_ISTS; i++)
		per_cpu(tss, 0).ist[i] = (uintptr_t)first_ist_stack + sizeof(first_ist_stack);
	cpu_tables_load();
}

static INIT_TEXT void percpu_area_make(unsigned cpu)
{
	size_t len = (size_t)(percpu_end - percpu_start);
	paddr_t area = boot_memory_alloc(PAGES_FOR(len));

	percpu_offset[cpu] = (uintptr_t)phys_to_virt(area) - (uintptr_t)percpu_start;
	cpu_hot_at(cpu)->self = percpu_offset[cpu];
	cpu_hot_at(cpu)->cpu = cpu;
}

static INIT_TEXT void ist_stacks_make(unsigned cpu)
{
	for (unsigned i = 0; i < NR_ISTS; i++) {
		vaddr_t va = IST_MAP_BASE + (cpu * NR_ISTS + i) * IST_STRIDE + PAGE_SIZE;
		size_t nr_pages = IST_STACK_SIZE / PAGE_SIZE;
		paddr_t frames = boot_memory_alloc(nr_pages);

		if (arch_kernel_map(va, frames, nr_pages, PTE_READ | PTE_WRITE))
			panic("boot: no memory for interrupt stacks");
		per_cpu(tss, cpu).ist[i] = va + IST_STACK_SIZE;
	}
}

INIT_TEXT void cpus_set_up(void)
{
	for (unsigned cpu = 0; cpu < arch_cpu_count(); cpu++) {
		if (cpu > 0)
			percpu_area_make(cpu);
		ist_stacks_make(cpu);
		cpus_present |= 1ULL << cpu;
	}
}
