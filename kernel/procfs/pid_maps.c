/*
 * /proc/PID/maps, smaps, smaps_rollup (proc(5)): areas are read under the mmap lock, which text_print
 * may be called with: it only allocates. Context: task, may sleep.
 */
#include "procfs.h"
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>

struct maps {
	struct text *text;
	char *buf; /* PATH_MAX */
	struct area_usage sum;
};

/* ---- a line of maps ---- */

static const char *name_of(const struct area *area, const struct mm_contents *c)
{
	if (area->name)
		return area->name;
	if (area->flags & AREA_STACK)
		return "[stack]";
	if (!area->mapping && area->start <= c->brk && area->end >= c->brk_start &&
	    c->brk > c->brk_start)
		return "[heap]";
	return NULL;
}

static void show_line(struct maps *maps, const struct area *area, const struct mm_contents *c)
{
	struct inode *inode = area->object ? ((struct file *)area->object)->inode : NULL;
	const char *name = name_of(area, c);
	size_t start = maps->text->len, len;
	uint64_t dev = inode ? inode->sb->dev : 0;

	text_print(maps->text, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ",
		   (unsigned long long)area->start, (unsigned long long)area->end,
		   area->flags & AREA_READ ? 'r' : '-', area->flags & AREA_WRITE ? 'w' : '-',
		   area->flags & AREA_EXEC ? 'x' : '-', area->flags & AREA_SHARED ? 's' : 'p',
		   (unsigned long long)(area->mapping ? area->pgoff * PAGE_SIZE : 0),
		   device_major(dev), device_minor(dev),
		   (unsigned long long)(inode ? inode->ino : 0));
	len = area->ops && area->ops->describe ? area->ops->describe(area, maps->buf, PATH_MAX) : 0;
	if (len || name) {
		enum { NAME_COLUMN = 73 };

		while (maps->text->len - start < NAME_COLUMN && !maps->text->error)
			text_add(maps->text, " ", 1);
		if (len) {
			maps->buf[MIN(len, (size_t)PATH_MAX - 1)] = 0;
			text_escaped(maps->text, maps->buf, "\n");
		} else {
			text_print(maps->text, "%s", name);
		}
	}
	text_add(maps->text, "\n", 1);
}

/* ---- smaps ---- */

static void show_kib(struct text *text, const char *name, uint64_t pages)
{
	text_print(text, "%s:%*llu kB\n", name, (int)(23 - strlen(name)),
		   (unsigned long long)pages * (PAGE_SIZE / 1024));
}

static void show_usage(struct text *text, const struct area_usage *usage)
{
	uint64_t private_dirty = MIN(usage->private, usage->dirty);

	show_kib(text, "Rss", usage->resident);
	show_kib(text, "Pss", usage->private + usage->shared / 2);
	show_kib(text, "Shared_Clean", usage->shared);
	show_kib(text, "Shared_Dirty", 0);
	show_kib(text, "Private_Clean", usage->private - private_dirty);
	show_kib(text, "Private_Dirty", private_dirty);
	show_kib(text, "Referenced", usage->resident);
	show_kib(text, "Anonymous", usage->anon);
	show_kib(text, "LazyFree", 0);
	show_kib(text, "AnonHugePages", 0);
	show_kib(text, "Swap", 0);
	show_kib(text, "SwapPss", 0);
	show_kib(text, "Locked", 0);
}

static void show_area(struct maps *maps, const struct area *area, const struct mm_contents *c)
{
	struct area_usage usage;
	uint64_t pages = (area->end - area->start) / PAGE_SIZE;

	area_usage_read(area, &usage);
	show_line(maps, area, c);
	show_kib(maps->text, "Size", pages);
	show_kib(maps->text, "KernelPageSize", 1);
	show_kib(maps->text, "MMUPageSize", 1);
	show_usage(maps->text, &usage);
}

static void add_area(struct maps *maps, const struct area *area, const struct mm_contents *c)
{
	struct area_usage usage;

	area_usage_read(area, &usage);
	maps->sum.resident += usage.resident;
	maps->sum.anon += usage.anon;
	maps->sum.shared += usage.shared;
	maps->sum.private += usage.private;
	maps->sum.dirty += usage.dirty;
}

/* ---- all areas ---- */

static int for_each_area(struct maps *maps, struct task_struct *task,
			 void (*fn)(struct maps *maps, const struct area *area,
				    const struct mm_contents *c))
{
	struct mm_struct *mm;
	int error = procfs_may_inspect(task);

	if (error)
		return error;
	mm = get_task_mm(task);
	if (!mm)
		return 0; /* a kernel thread or a zombie: an empty file */
	maps->buf = kmalloc(PATH_MAX, ALLOC_KERNEL);
	if (!maps->buf) {
		mmput(mm);
		return -ENOMEM;
	}
	rwsem_read_lock(&mm->contents->lock);
	for (struct area *area = area_find(mm->contents, 0); area; area = area_next(area))
		fn(maps, area, mm->contents);
	rwsem_read_unlock(&mm->contents->lock);
	kfree(maps->buf);
	mmput(mm);
	return 0;
}

int pid_show_maps(struct text *text, struct task_struct *task)
{
	struct maps maps = {.text = text};

	return for_each_area(&maps, task, show_line);
}

int pid_show_smaps(struct text *text, struct task_struct *task)
{
	struct maps maps = {.text = text};

	return for_each_area(&maps, task, show_area);
}

int pid_show_smaps_rollup(struct text *text, struct task_struct *task)
{
	struct maps maps = {.text = text};
	int error = for_each_area(&maps, task, add_area);

	if (error)
		return error;
	text_print(text, "%08x-%016llx ---p 00000000 00:00 0 %26s[rollup]\n", 0,
		   (unsigned long long)ARCH_USER_END, "");
	show_usage(text, &maps.sum);
	return 0;
}
