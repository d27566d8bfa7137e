/*
 * Finds out what the machine is made of: ACPI, then the MP table, then QEMU's configuration device,
 * then the boot CPU alone. Owns `machine`, which is constant afterwards. Boot CPU.
 */
#include <kern/boot.h>
#include <kern/log.h>
#include <arch/mmu.h>
#include <port/x86.h>
#include "../boot/memory.h"
#include "../mm/tables.h"
#include "machine.h"

enum {
	FW_CFG_SELECTOR = 0x510,
	FW_CFG_DATA = 0x511,
	FW_CFG_SIGNATURE = 0,
	FW_CFG_NB_CPUS = 5,
	LOCAL_APIC_DEFAULT = 0xfee00000,
	IO_APIC_DEFAULT = 0xfec00000,
};

struct machine_facts machine;

bool fw_cfg_is_present(void)
{
	static const char signature[4] = {'Q', 'E', 'M', 'U'};

	io_write16(FW_CFG_SELECTOR, FW_CFG_SIGNATURE);
	for (unsigned i = 0; i < sizeof(signature); i++) {
		if (io_read8(FW_CFG_DATA) != (uint8_t)signature[i])
			return false;
	}
	return true;
}

unsigned fw_cfg_nr_cpus(void)
{
	unsigned low;

	if (!fw_cfg_is_present())
		return 0;
	io_write16(FW_CFG_SELECTOR, FW_CFG_NB_CPUS);
	low = io_read8(FW_CFG_DATA);
	return low | (unsigned)io_read8(FW_CFG_DATA) << 8;
}

/* Firmware tables: where RAM is they are in the direct map already. */
static INIT_TEXT const void *reach_firmware(paddr_t paddr, size_t len)
{
	for (unsigned i = 0; i < boot_info.nr_ram; i++) {
		if (paddr >= boot_info.ram[i].start && paddr < boot_info.ram[i].end &&
		    len <= boot_info.ram[i].end - paddr)
			return phys_to_virt(paddr);
	}
	return device_map(paddr, len, true);
}

static INIT_TEXT void take_defaults(struct machine_facts *facts)
{
	unsigned nr = fw_cfg_nr_cpus();

	if (facts->nr_cpus == 0) {
		/* Nobody names the APIC numbers: they count up from 0 on machines this plain. */
		facts->nr_cpus = MIN(MAX(nr, 1U), (unsigned)MAX_CPUS);
		for (unsigned i = 0; i < facts->nr_cpus; i++)
			facts->apic_ids[i] = i;
	}
	if (facts->local_apic == 0)
		facts->local_apic = LOCAL_APIC_DEFAULT;
	if (facts->nr_io_apics == 0)
		facts->io_apics[facts->nr_io_apics++] = (struct io_apic_facts){IO_APIC_DEFAULT, 0};
}

/* The boot CPU is CPU 0, wherever the tables name it. If they don't, it is the only one to trust. */
static INIT_TEXT void put_boot_cpu_first(struct machine_facts *facts, uint32_t boot_apic_id)
{
	for (unsigned i = 0; i < facts->nr_cpus; i++) {
		if (facts->apic_ids[i] == boot_apic_id) {
			facts->apic_ids[i] = facts->apic_ids[0];
			facts->apic_ids[0] = boot_apic_id;
			return;
		}
	}
	log_print("boot: the firmware does not name the boot CPU (APIC %u)\n", boot_apic_id);
	facts->nr_cpus = 1;
	facts->apic_ids[0] = boot_apic_id;
}

INIT_TEXT void machine_find(void)
{
	uint64_t limit = boot_option_u64("cpus", MAX_CPUS);

	machine_facts_init(&machine);
	if (!acpi_parse(boot_rsdp, reach_firmware, &machine) || machine.nr_cpus == 0)
		mp_parse(reach_firmware, &machine);
	take_defaults(&machine);
	put_boot_cpu_first(&machine, cpuid_read(1, 0).ebx >> 24);
	machine.nr_cpus = (unsigned)MAX(MIN(machine.nr_cpus, limit), 1UL);
}
