/* /proc/sys: the kernel's settings, most of them fixed, as programs look for them (proc(5)); and
 * /proc/version. Context: task. */
#include "procfs.h"
#include <kern/random.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <uapi/errno.h>

static int show_number(struct text *text, void *arg)
{
	text_print(text, "%llu\n", (unsigned long long)(uintptr_t)arg);
	return 0;
}

static int show_text(struct text *text, void *arg)
{
	text_print(text, "%s\n", (const char *)arg);
	return 0;
}

/* arg: the field's offset in struct uts_name. */
static int show_uts(struct text *text, void *arg)
{
	struct uts_name name;

	uts_name_read(&name);
	text_print(text, "%s\n", (const char *)&name + (uintptr_t)arg);
	return 0;
}

static int show_version(struct text *text, void *arg)
{
	struct uts_name name;

	uts_name_read(&name);
	text_print(text, "%s version %s (%s) %s\n", name.sysname, name.release, name.machine,
		   name.version);
	return 0;
}

/* ---- random identifiers (RFC 9562, version 4) ---- */

static void show_uuid(struct text *text, const uint8_t id[16])
{
	static const uint8_t groups[] = {4, 2, 2, 2, 6};
	unsigned at = 0;

	for (unsigned group = 0; group < ARRAY_LEN(groups); group++) {
		if (group)
			text_add(text, "-", 1);
		for (unsigned i = 0; i < groups[group]; i++)
			text_print(text, "%02x", id[at++]);
	}
	text_add(text, "\n", 1);
}

static void make_uuid(uint8_t id[16])
{
	random_bytes(id, 16);
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
}

static int show_fresh_uuid(struct text *text, void *arg)
{
	uint8_t id[16];

	make_uuid(id);
	show_uuid(text, id);
	return 0;
}

static uint8_t boot_id[16]; /* [const] after bring-up */

static int show_boot_id(struct text *text, void *arg)
{
	show_uuid(text, boot_id);
	return 0;
}

/* Settings that programs write at start-up and that have one value here: writing that value, or any for
 * those without effect, succeeds. */
static int store_ignored(const char *data, size_t len, void *arg)
{
	return 0;
}

static INIT_TEXT void register_numbers(void)
{
	static const struct {
		const char *name;
		uint64_t value;
		bool is_writable;
	} numbers[] = {
		{"sys/kernel/pid_max", PID_MAX, false},
		{"sys/kernel/threads-max", PID_MAX, false},
		{"sys/kernel/ngroups_max", NR_GROUPS_MAX, false},
		{"sys/kernel/cap_last_cap", 40, false},
		{"sys/kernel/randomize_va_space", 2, true},
		{"sys/kernel/kptr_restrict", 0, true},
		{"sys/kernel/dmesg_restrict", 0, true},
		{"sys/kernel/perf_event_paranoid", 4, true},
		{"sys/kernel/sched_rt_runtime_us", 950000, true},
		{"sys/kernel/sched_rt_period_us", 1000000, true},
		{"sys/kernel/core_uses_pid", 0, true},
		{"sys/kernel/shmmni", 4096, true},
		{"sys/kernel/random/entropy_avail", 256, false},
		{"sys/kernel/random/poolsize", 256, false},
		{"sys/vm/overcommit_memory", 0, true},
		{"sys/vm/overcommit_ratio", 50, true},
		{"sys/vm/max_map_count", AREAS_MAX, true},
		{"sys/vm/mmap_min_addr", MMAP_LOWEST, true},
		{"sys/vm/swappiness", 60, true},
		{"sys/vm/nr_hugepages", 0, false},
		{"sys/vm/drop_caches", 0, true},
		{"sys/fs/file-max", 1048576, true},
		{"sys/fs/nr_open", 1048576, true},
		{"sys/fs/pipe-max-size", 1048576, true},
		{"sys/fs/pipe-user-pages-soft", 16384, true},
		{"sys/fs/pipe-user-pages-hard", 0, true},
		{"sys/fs/lease-break-time", 45, true},
		{"sys/fs/protected_hardlinks", 0, true},
		{"sys/fs/protected_symlinks", 0, true},
		{"sys/fs/inotify/max_user_watches", 65536, true},
		{"sys/fs/inotify/max_user_instances", 128, true},
		{"sys/fs/inotify/max_queued_events", 16384, true},
		{"sys/net/core/somaxconn", 4096, true},
		{"sys/net/core/rmem_default", 212992, true},
		{"sys/net/core/wmem_default", 212992, true},
		{"sys/net/core/rmem_max", 212992, true},
		{"sys/net/core/wmem_max", 212992, true},
		{"sys/net/unix/max_dgram_qlen", 512, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		void *value = (void *)(uintptr_t)numbers[i].value;

		if (numbers[i].is_writable)
			procfs_register_writable(numbers[i].name, 0644, show_number, store_ignored,
						 value);
		else
			procfs_register(numbers[i].name, 0444, show_number, value);
	}
}

INIT_TEXT void procfs_sysctl_init(void)
{
	static const struct {
		const char *name;
		size_t offset;
	} uts[] = {
		{"sys/kernel/ostype", offsetof(struct uts_name, sysname)},
		{"sys/kernel/hostname", offsetof(struct uts_name, nodename)},
		{"sys/kernel/osrelease", offsetof(struct uts_name, release)},
		{"sys/kernel/version", offsetof(struct uts_name, version)},
		{"sys/kernel/domainname", offsetof(struct uts_name, domainname)},
	};
	static const struct {
		const char *name, *text;
	} texts[] = {
		{"sys/kernel/core_pattern", "core"},
		{"sys/kernel/printk", "7\t4\t1\t7"},
		{"sys/kernel/sem", "32000\t1024000000\t500\t32000"},
		{"sys/kernel/tainted", "0"},
		{"sys/fs/file-nr", "0\t0\t1048576"},
	};

	make_uuid(boot_id);
	register_numbers();
	for (size_t i = 0; i < ARRAY_LEN(uts); i++)
		procfs_register(uts[i].name, 0444, show_uts, (void *)uts[i].offset);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		procfs_register(texts[i].name, 0444, show_text, (void *)(uintptr_t)texts[i].text);
	procfs_register("version", 0444, show_version, NULL);
	procfs_register("sys/kernel/random/uuid", 0444, show_fresh_uuid, NULL);
	procfs_register("sys/kernel/random/boot_id", 0444, show_boot_id, NULL);
}
