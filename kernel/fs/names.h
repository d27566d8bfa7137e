/* Making and removing names, between the files of fs/. Each checks current's rights to the directory. */
#ifndef FS_NAMES_H
#define FS_NAMES_H

#include <kern/fs.h>

/* A regular file name in directory dir: *path with references. -EEXIST if there is one, mode final. */
MUST_USE int name_create(const struct path *dir, const char *name, size_t len, uint32_t mode,
			 struct path *path);
/* A regular file in dir's file system without a name (O_TMPFILE). */
MUST_USE int name_create_unnamed(const struct path *dir, uint32_t mode, struct path *path);
/* What is to be made: mode with type, a device's number, a symlink's text. */
struct new_name {
	uint32_t mode;
	uint64_t rdev;
	const char *target;
};
/* Any kind; the same without asking for current's rights. */
MUST_USE int name_make(const struct path *dir, const char *name, size_t len,
		       const struct new_name *what, struct path *path);
MUST_USE int name_make_kernel(const struct path *dir, const char *name, size_t len,
			      const struct new_name *what, struct path *path);
/* Takes away a name that is no directory's, if it is there. */
void name_remove_kernel(const struct path *dir, const char *name, size_t len);
/* One more name for from's inode; one name less (has_slash: a slash followed it). */
MUST_USE int name_link(const struct path *dir, const char *name, size_t len,
		       const struct path *from);
MUST_USE int name_remove(const struct path *dir, const char *name, size_t len, bool wants_dir,
			 bool has_slash);
/* A name of inode went: counts. Context: inode->lock held. */
void name_dropped(struct inode *inode);
/* The same by path: kernel strings. */
MUST_USE int path_make(int dirfd, const char *name, uint32_t mode, uint64_t rdev,
		       const char *target);
MUST_USE int path_remove(int dirfd, const char *name, bool wants_dir);
MUST_USE int path_link(const struct path *from, int dirfd, const char *name);
MUST_USE int path_rename(int from_dirfd, const char *from, int to_dirfd, const char *to,
			 unsigned flags);
/* May current enter or remove names in dir? Context: dir's lock held. */
MUST_USE int name_may_create(const struct path *dir);
MUST_USE int name_may_remove(const struct path *dir, const struct dentry *victim, bool wants_dir);
/* Opening by place: check, truncate, open. */
MUST_USE int file_open_path(const struct path *path, int flags, struct file **file);

#endif
