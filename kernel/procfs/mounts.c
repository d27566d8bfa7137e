/* /proc/filesystems, /proc/mounts and /proc/PID/mounts, mountinfo. Context: task, may sleep. */
#include "procfs.h"
#include <kern/kcache.h>
#include <kern/string.h>
#include <uapi/errno.h>
#include <uapi/statfs.h>

void text_escaped(struct text *text, const char *string, const char *special)
{
	for (; *string; string++) {
		if (strchr(special, *string))
			text_print(text, "\\%03o", (unsigned char)*string);
		else
			text_add(text, string, 1);
	}
}

struct mount_list {
	struct text *text;
	char *buf; /* PATH_MAX */
};

static const char *const path_special = " \t\n\\";

static void show_flags(struct text *text, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {
		{MS_NOSUID, ",nosuid"},
		{MS_NODEV, ",nodev"},
		{MS_NOEXEC, ",noexec"},
		{MS_NOATIME, ",noatime"},
	};

	text_print(text, "%s", flags & MS_RDONLY ? "ro" : "rw");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (flags & names[i].flag)
			text_print(text, "%s", names[i].name);
	}
	if (!(flags & MS_NOATIME))
		text_print(text, ",relatime");
}

static void show_options(struct mount_list *list, struct superblock *sb)
{
	size_t len = sb->describe ? sb->describe(sb, list->buf, PATH_MAX) : 0;

	text_add(list->text, list->buf, len);
}

/* Where it is mounted, as current's root sees it; false: outside. */
static bool place_of(struct mount *mount, char *buf)
{
	struct path root = {mount, mount->root};
	ssize_t len = path_describe(&root, buf, PATH_MAX, false);

	return len > 0 && buf[0] == '/';
}

static int show_mount(struct mount *mount, void *arg)
{
	struct mount_list *list = arg;
	struct text *text = list->text;

	if (!place_of(mount, list->buf))
		return 0;
	text_escaped(text, mount->source, path_special);
	text_add(text, " ", 1);
	text_escaped(text, list->buf, path_special);
	text_print(text, " %s ", mount->sb->type->name);
	show_flags(text, mount->flags);
	show_options(list, mount->sb);
	text_print(text, " 0 0\n");
	return 0;
}

static int show_mount_info(struct mount *mount, void *arg)
{
	struct mount_list *list = arg;
	struct text *text = list->text;
	uint64_t dev = mount->sb->dev;

	if (!place_of(mount, list->buf))
		return 0;
	text_print(text, "%d %d %u:%u / ", mount->id, mount->parent ? mount->parent->id : mount->id,
		   device_major(dev), device_minor(dev));
	text_escaped(text, list->buf, path_special);
	text_add(text, " ", 1);
	show_flags(text, mount->flags);
	text_print(text, " - %s ", mount->sb->type->name);
	text_escaped(text, mount->source, path_special);
	text_print(text, " %s", mount->flags & MS_RDONLY ? "ro" : "rw");
	show_options(list, mount->sb);
	text_add(text, "\n", 1);
	return 0;
}

static int show_all(struct text *text, int (*show)(struct mount *mount, void *arg))
{
	struct mount_list list = {.text = text};
	int error;

	list.buf = kmalloc(PATH_MAX, ALLOC_KERNEL);
	if (!list.buf)
		return -ENOMEM;
	error = mount_for_each(show, &list);
	kfree(list.buf);
	return error;
}

int pid_show_mounts(struct text *text, struct task_struct *task)
{
	return show_all(text, show_mount);
}

int pid_show_mountinfo(struct text *text, struct task_struct *task)
{
	return show_all(text, show_mount_info);
}

static int show_filesystems(struct text *text, void *arg)
{
	for (const struct fs_type *type = fs_type_first(); type; type = type->next)
		text_print(text, "%s\t%s\n", type->is_nodev ? "nodev" : "", type->name);
	return 0;
}

static ssize_t mounts_readlink(char *buf, size_t size)
{
	static const char target[] = "self/mounts";
	size_t len = MIN(sizeof(target) - 1, size);

	memcpy(buf, target, len);
	return (ssize_t)len;
}

INIT_TEXT void procfs_mounts_init(void)
{
	procfs_register("filesystems", 0444, show_filesystems, NULL);
	procfs_register_link("mounts", mounts_readlink);
}
