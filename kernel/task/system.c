/*
 * The machine as a program sees and ends it: uname(2), sysinfo(2), sethostname(2), reboot(2),
 * syslog(2). uts_lock guards the names.
 */
#include <kern/cred.h>
#include <kern/log.h>
#include <kern/kcache.h>
#include <kern/page.h>
#include <kern/process.h>
#include <kern/sched.h>
#include <kern/string.h>
#include <kern/sys_task.h>
#include <kern/timer.h>
#include <kern/uaccess.h>
#include <uapi/errno.h>
#include <arch/cpu.h>
#include <arch/elf.h>

#include "task_private.h"

/* ---- names -------------------------------------------------------------------------------------------------- */

static struct spinlock uts_lock = SPINLOCK_INIT(LOCK_RANK_NONE, "uts");
static struct uts_name uts = {
	/* Programs choose by these what they may use: the interface is that of this Linux. */
	.sysname = "Linux",	      .nodename = "lodger",
	.release = "6.1.0-lodger",    .version = "#1 SMP PREEMPT Lodger",
	.machine = ARCH_ELF_PLATFORM, .domainname = "(none)",
};

void uts_name_read(struct uts_name *name)
{
	spin_lock(&uts_lock);
	*name = uts;
	spin_unlock(&uts_lock);
}

long sys_uname(void *user_name)
{
	struct uts_name name;

	uts_name_read(&name);
	return copy_to_user(user_name, &name, sizeof(name));
}

static long name_set(char *field, const char *user_name, int len)
{
	char name[UTS_LEN] = "";

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len >= UTS_LEN)
		return -EINVAL;
	if (copy_from_user(name, user_name, (size_t)len))
		return -EFAULT;
	spin_lock(&uts_lock);
	memcpy(field, name, sizeof(name));
	spin_unlock(&uts_lock);
	return 0;
}

long sys_sethostname(const char *user_name, int len)
{
	return name_set(uts.nodename, user_name, len);
}

long sys_setdomainname(const char *user_name, int len)
{
	return name_set(uts.domainname, user_name, len);
}

/* ---- sysinfo -------------------------------------------------------------------------------------------------- */

struct abi_sysinfo {
	int64_t uptime;
	uint64_t loads[3]; /* 16 fraction bits */
	uint64_t totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit;
};
STATIC_ASSERT(sizeof(struct abi_sysinfo) == 112);

long sys_sysinfo(void *user_info)
{
	struct abi_sysinfo info = {.mem_unit = 1};
	struct page_stats stats;
	uint64_t load[3];
	unsigned i;

	page_stats_read(&stats);
	sched_load_average(load);
	for (i = 0; i < 3; i++)
		info.loads[i] = load[i] << (16 - 11);
	info.uptime = (int64_t)(clock_monotonic_ns() / NSEC_PER_SEC);
	info.totalram = stats.total * PAGE_SIZE;
	info.freeram = stats.free * PAGE_SIZE;
	info.bufferram = 0;
	info.procs = (uint16_t)MIN(task_count(), 65535U);
	return copy_to_user(user_info, &info, sizeof(info));
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

/* reboot(2): magic numbers and commands. */
enum {
	REBOOT_MAGIC1 = (int)0xfee1dead,
	REBOOT_MAGIC2 = 672274793,
	REBOOT_MAGIC2A = 85072278,
	REBOOT_MAGIC2B = 369367448,
	REBOOT_MAGIC2C = 537993216,
};
#define REBOOT_RESTART	 0x01234567U
#define REBOOT_HALT	 0xcdef0123U
#define REBOOT_POWER_OFF 0x4321fedcU
#define REBOOT_CAD_ON	 0x89abcdefU
#define REBOOT_CAD_OFF	 0x00000000U

long sys_reboot(int magic1, int magic2, unsigned command, const void *argument)
{
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != REBOOT_MAGIC1 || (magic2 != REBOOT_MAGIC2 && magic2 != REBOOT_MAGIC2A &&
					magic2 != REBOOT_MAGIC2B && magic2 != REBOOT_MAGIC2C))
		return -EINVAL;
	switch (command) {
	case REBOOT_CAD_ON:
	case REBOOT_CAD_OFF:
		return 0; /* there is no ctrl-alt-del to be told about */
	case REBOOT_RESTART:
	case REBOOT_HALT:
	case REBOOT_POWER_OFF:
		log_print("powering off\n");
		arch_machine_exit(MACHINE_OK);
	default:
		return -EINVAL;
	}
}

/* ---- the kernel's log ---------------------------------------------------------------------------------------------- */

enum {
	SYSLOG_CLOSE,
	SYSLOG_OPEN,
	SYSLOG_READ,
	SYSLOG_READ_ALL,
	SYSLOG_READ_CLEAR,
	SYSLOG_CLEAR,
	SYSLOG_CONSOLE_OFF,
	SYSLOG_CONSOLE_ON,
	SYSLOG_CONSOLE_LEVEL,
	SYSLOG_SIZE_UNREAD,
	SYSLOG_SIZE_BUFFER,
};
enum { LOG_LEN_MAX = 64 << 10 };

static long log_to_user(char *user_buf, int len)
{
	size_t size = (size_t)MIN(len, (int)LOG_LEN_MAX), got;
	char *buf;
	long result;

	if (!user_buf || len < 0)
		return -EINVAL;
	if (!size)
		return 0;
	buf = kmalloc(size, 0);
	if (!buf)
		return -ENOMEM;
	got = log_read(buf, size);
	result = copy_to_user(user_buf, buf, got) ? -EFAULT : (long)got;
	kfree(buf);
	return result;
}

long sys_syslog(int type, char *user_buf, int len)
{
	switch (type) {
	case SYSLOG_READ_ALL:
		return log_to_user(user_buf, len);
	case SYSLOG_SIZE_BUFFER:
		return LOG_LEN_MAX;
	case SYSLOG_READ:
	case SYSLOG_READ_CLEAR:
		return capable(CAP_SYS_ADMIN) ? log_to_user(user_buf, len) : -EPERM;
	case SYSLOG_SIZE_UNREAD:
		return 0;
	case SYSLOG_CLOSE:
	case SYSLOG_OPEN:
	case SYSLOG_CLEAR:
	case SYSLOG_CONSOLE_OFF:
	case SYSLOG_CONSOLE_ON:
	case SYSLOG_CONSOLE_LEVEL:
		return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	default:
		return -EINVAL;
	}
}
