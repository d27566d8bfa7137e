/*
 * Bring-up as one story, and the start of the first program. entry_start() runs on the boot CPU as
 * init_task, which must not sleep and ends as the idle task; what may sleep is done by pid 1 before
 * it becomes a program.
 */
#include <kern/assert.h>
#include <kern/bitmap.h>
#include <kern/boot.h>
#include <kern/entry.h>
#include <kern/fs.h>
#include <kern/init.h>
#include <kern/kcache.h>
#include <kern/kthread.h>
#include <kern/life.h>
#include <kern/log.h>
#include <kern/mm.h>
#include <kern/page.h>
#include <kern/preempt.h>
#include <kern/process.h>
#include <kern/procfs.h>
#include <kern/sched.h>
#include <kern/smp.h>
#include <kern/string.h>
#include <kern/uart.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/switch.h>
#include <uapi/errno.h>
#include <uapi/fcntl.h>

enum { INIT_ARGS_MAX = 64 };

static paddr_t initrd_start; /* [const] after entry_start */
static size_t initrd_len;    /* [const] after entry_start */

/* ---- the first program --------------------------------------------------------------------------- */

/* The words behind `--` are the first program's arguments. Returns how many, argv[0] included. */
static unsigned init_args(char *line, const char *path, const char **argv)
{
	unsigned nr = 0;
	char *pos;

	argv[nr++] = path;
	pos = strstr(line, " -- ");
	if (pos) {
		pos += strlen(" -- ");
	} else if (!strncmp(line, "-- ", 3)) {
		pos = line + 3;
	} else {
		pos = line + strlen(line);
	}
	while (*pos && nr < INIT_ARGS_MAX - 1) {
		while (*pos == ' ')
			pos++;
		if (!*pos)
			break;
		argv[nr++] = pos;
		while (*pos && *pos != ' ')
			pos++;
		if (*pos)
			*pos++ = '\0';
	}
	argv[nr] = NULL;
	return nr;
}

/* Returns only if it cannot be started. */
static int first_program_run(const char *path)
{
	static const char *const envp[] = {"HOME=/", "TERM=linux", NULL};
	static const char *argv[INIT_ARGS_MAX];
	static char line[BOOT_CMDLINE_MAX];
	int err;

	string_copy(line, boot_cmdline(), sizeof(line));
	init_args(line, path, argv);
	err = kernel_exec(path, argv, envp);
	if (err)
		return err;
	arch_return_to_user();
}

NORETURN static void give_up(const char *path, int err)
{
	if (err == -ENOENT)
		log_print("no first program: there is no %s\n", path);
	else
		log_print("no first program: cannot execute %s (error %d)\n", path, -err);
	uart_console_force();
	arch_machine_exit(MACHINE_PANIC);
}

/* Standard input, output and error of the first program; a machine may have no console. */
static void console_open(void)
{
	struct file *file;
	int fd;

	if (file_open("/dev/console", O_RDWR, 0, &file)) {
		log_print("no /dev/console for the first program\n");
		return;
	}
	for (fd = 0; fd < 3; fd++) {
		file_get(file);
		if (fd_install_move(file, 0, 0) != fd)
			panic("descriptors of the first program");
	}
	file_put(file);
}

/* ---- what may sleep -------------------------------------------------------------------------------- */

static void cpus_start(void)
{
	uint64_t max = boot_option_u64("maxcpus", MAX_CPUS), started = 1;
	struct task_struct *idle;
	unsigned cpu;

	for_each_cpu (cpu, cpus_present & ~atomic_load_acquire(&cpus_online)) {
		if (bit_count(started) >= MAX(max, (uint64_t)1))
			break;
		idle = sched_idle_create(cpu);
		if (!idle || arch_cpu_start(cpu, idle))
			log_print("CPU %u does not start; going on without it\n", cpu);
		else
			started |= 1ULL << cpu;
	}
	/* They come by themselves now; programs shall find them all. */
	while (started & ~atomic_load_acquire(&cpus_online))
		arch_cpu_relax();
}

static void flush_here(void *arg)
{
	arch_tlb_flush_kernel();
}

/* Frames of bring-up code; other CPUs forget how they were mapped before anybody else uses them. */
static void init_memory_give(paddr_t start, paddr_t end)
{
	smp_call(atomic_load_acquire(&cpus_online), flush_here, NULL);
	page_add_range(start, end);
}

static void init_main(void *arg)
{
	char path[256] = "/init";

	may_sleep_at_all = true;
	users_init();
	workqueue_init();
	cpus_start();
	drivers_init();
	arch_init_release(init_memory_give);
	if (initrd_len && initramfs_load(initrd_start, initrd_len))
		log_print("the initramfs is damaged; going on with what there is\n");
	boot_option("init", path, sizeof(path));
	console_open();
	log_print("CPUs: %u; starting %s\n", bit_count(atomic_load_acquire(&cpus_online)), path);
	give_up(path, first_program_run(path));
}

/* ---- bring-up ------------------------------------------------------------------------------------------ */

static void strategy_choose(void)
{
	char name[32];

	if (!life_init(boot_option("lazy", name, sizeof(name)) ? name : NULL))
		log_print("no strategy is called '%s'; using '%s'\n", name, lazy->name);
}

void entry_start(const struct boot_info *boot)
{
	uart_console_init();
	log_print("Lodger\n");
	initrd_start = boot->initrd;
	initrd_len = boot->initrd_len;

	page_init(boot);
	kcache_init();
	strategy_choose();
	sched_init();
	arch_irq_enable();
	mm_init();
	task_init(); /* before fs_init: files have owners, and init_task is one */
	fs_init();
	tty_init();
	procfs_init();
	procfs_lodger_init();
	if (process_start_init(init_main))
		panic("no memory for the first process");
	sched_idle();
}

void entry_cpu_start(void)
{
	sched_cpu_online(arch_cpu_id());
	sched_idle();
}
