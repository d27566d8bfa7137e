/* /sys: the few files that C libraries and tools look for to count CPUs. Context: task. */
#include "procfs.h"
#include <kern/format.h>
#include <kern/smp.h>

/* A mask as ranges: "0-3,5". */
static void show_ranges(struct text *text, uint64_t mask)
{
	const char *separator = "";

	while (mask) {
		unsigned first = bit_lowest(mask), last = first;

		while (last + 1 < MAX_CPUS && (mask >> (last + 1) & 1))
			last++;
		text_print(text, first == last ? "%s%u" : "%s%u-%u", separator, first, last);
		separator = ",";
		mask &= last + 1 < MAX_CPUS ? ~((1ULL << (last + 1)) - 1) : 0;
	}
	text_add(text, "\n", 1);
}

static int show_online(struct text *text, void *arg)
{
	show_ranges(text, atomic_load_acquire(&cpus_online));
	return 0;
}

static int show_present(struct text *text, void *arg)
{
	show_ranges(text, cpus_present);
	return 0;
}

static int show_none(struct text *text, void *arg)
{
	text_add(text, "\n", 1);
	return 0;
}

/* arg: the CPU. */
static int show_cpu_online(struct text *text, void *arg)
{
	uint64_t bit = 1ULL << (uintptr_t)arg;

	text_print(text, "%d\n", (atomic_load_acquire(&cpus_online) & bit) != 0);
	return 0;
}

static int show_core_id(struct text *text, void *arg)
{
	text_print(text, "%u\n", (unsigned)(uintptr_t)arg);
	return 0;
}

static int show_zero(struct text *text, void *arg)
{
	text_add(text, "0\n", 2);
	return 0;
}

INIT_TEXT void sysfs_init(void)
{
	static const struct {
		const char *file;
		int (*show)(struct text *text, void *arg);
	} per_cpu_files[] = {
		{"online", show_cpu_online},
		{"topology/core_id", show_core_id},
		{"topology/physical_package_id", show_zero},
	};
	char name[80];
	unsigned cpu;

	sysfs_register("devices/system/cpu/online", 0444, show_online, NULL);
	sysfs_register("devices/system/cpu/possible", 0444, show_present, NULL);
	sysfs_register("devices/system/cpu/present", 0444, show_present, NULL);
	sysfs_register("devices/system/cpu/offline", 0444, show_none, NULL);
	sysfs_register("devices/system/node/online", 0444, show_zero, NULL);
	for_each_cpu (cpu, cpus_present) {
		for (size_t i = 0; i < ARRAY_LEN(per_cpu_files); i++) {
			format_string(name, sizeof(name), "devices/system/cpu/cpu%u/%s", cpu,
				      per_cpu_files[i].file);
			sysfs_register(name, 0444, per_cpu_files[i].show, (void *)(uintptr_t)cpu);
		}
	}
}
