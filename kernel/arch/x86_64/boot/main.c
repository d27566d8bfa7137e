/*
 * The boot CPU's way from the loader to entry_start, on the boot stack, interrupts off.
 */
#include <kern/assert.h>
#include <kern/boot.h>
#include <kern/entry.h>
#include <kern/log.h>
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <port/features.h>
#include <port/image.h>
#include "../entry/entry.h"
#include "../entry/fpu.h"
#include "../irq/ioapic.h"
#include "../irq/irq.h"
#include "../machine/machine.h"
#include "../mm/tables.h"
#include "../smp/smp.h"
#include "../time/time.h"
#include "memory.h"

NORETURN void boot_main(paddr_t start_info);

INIT_TEXT void boot_main(paddr_t start_info)
{
	features_init();
	smap_patch(); /* while text is still writable */
	idt_init();
	cpu_first_init(); /* from here on mistakes are reported */
	boot_memory_init(start_info);
	boot_options_init(boot_info.cmdline);
	paging_init();

	machine_find();
	machine_exit_init();
	cpus_set_up();
	ap_start_init();
	fpu_init();
	fpu_enable();
	apic_init();
	ioapic_init();
	clock_init();
	entry_start(boot_memory_finish());
}
