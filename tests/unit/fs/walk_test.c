/* Path lookup: a table of paths over a small tree, links and their limits, rights on the way. */
#include "fixture.h"
#include <stdio.h>

/*
 *	/a/b/c		a file
 *	/a/dir		-> b		(relative)
 *	/a/abs		-> /a/b		(absolute)
 *	/a/up		-> ..
 *	/a/slash	-> b/
 *	/a/file		-> b/c
 *	/a/loop1, loop2	-> each other
 *	/a/gone		-> nowhere
 *	/a/root		-> /
 */
static void make_tree(void)
{
	assert(fs_mkdir("/a", 0755) == 0);
	assert(fs_mkdir("/a/b", 0755) == 0);
	write_file("/a/b/c", "c");
	assert(fs_symlink("b", "/a/dir") == 0);
	assert(fs_symlink("/a/b", "/a/abs") == 0);
	assert(fs_symlink("..", "/a/up") == 0);
	assert(fs_symlink("b/", "/a/slash") == 0);
	assert(fs_symlink("b/c", "/a/file") == 0);
	assert(fs_symlink("loop2", "/a/loop1") == 0);
	assert(fs_symlink("loop1", "/a/loop2") == 0);
	assert(fs_symlink("nowhere", "/a/gone") == 0);
	assert(fs_symlink("/", "/a/root") == 0);
}

/* Error, or 0 and the place. */
static int place_of(const char *name, unsigned flags, char *text)
{
	struct path path;
	int error = path_lookup(AT_FDCWD, name, flags, &path);

	text[0] = 0;
	if (error)
		return error;
	assert(path_describe(&path, text, PATH_MAX, true) > 0);
	path_put(&path);
	return 0;
}

FS_TEST(paths_lead_where_they_say)
{
	static const struct {
		const char *path;
		unsigned flags;
		int error;
		const char *place;
	} table[] = {
		{"/", 0, 0, "/"},
		{"//", 0, 0, "/"},
		{"/.", 0, 0, "/"},
		{"/..", 0, 0, "/"},
		{"/../../a", 0, 0, "/a"},
		{"", 0, -ENOENT, ""},
		{"", LOOKUP_EMPTY, 0, "/"},
		{".", 0, 0, "/"},
		{"a", 0, 0, "/a"},
		{"a/", 0, 0, "/a"},
		{"a///b", 0, 0, "/a/b"},
		{"/a/b/c", 0, 0, "/a/b/c"},
		{"/a/b/c/", 0, -ENOTDIR, ""},
		{"/a/b/c/.", 0, -ENOTDIR, ""},
		{"/a/b/c/..", 0, -ENOTDIR, ""},
		{"/a/b/c/d", 0, -ENOTDIR, ""},
		{"/a/b/./../b/c", 0, 0, "/a/b/c"},
		{"/a/x", 0, -ENOENT, ""},
		{"/a/x/c", 0, -ENOENT, ""},
		{"/a/b/c", LOOKUP_DIRECTORY, -ENOTDIR, ""},
		{"/a/dir", 0, 0, "/a/dir"},
		{"/a/dir", LOOKUP_FOLLOW, 0, "/a/b"},
		{"/a/dir/", 0, 0, "/a/b"},
		{"/a/dir/c", 0, 0, "/a/b/c"},
		{"/a/dir/..", 0, 0, "/a"},
		{"/a/abs/c", 0, 0, "/a/b/c"},
		{"/a/up/a/up/a/b", 0, 0, "/a/b"},
		{"/a/slash", LOOKUP_FOLLOW, 0, "/a/b"},
		{"/a/slash/c", 0, 0, "/a/b/c"},
		{"/a/file", LOOKUP_FOLLOW, 0, "/a/b/c"},
		{"/a/file/", 0, -ENOTDIR, ""},
		{"/a/file/x", 0, -ENOTDIR, ""},
		{"/a/loop1", 0, 0, "/a/loop1"},
		{"/a/loop1", LOOKUP_FOLLOW, -ELOOP, ""},
		{"/a/loop1/x", 0, -ELOOP, ""},
		{"/a/gone", 0, 0, "/a/gone"},
		{"/a/gone", LOOKUP_FOLLOW, -ENOENT, ""},
		{"/a/root", LOOKUP_FOLLOW, 0, "/"},
		{"/a/root/a/root/a/b/c", 0, 0, "/a/b/c"},
		{"/a/file", LOOKUP_FOLLOW | LOOKUP_NO_LINKS, -ELOOP, ""},
		{"/a/abs/c", LOOKUP_BENEATH, -EXDEV, ""},
		{"a/up/..", LOOKUP_BENEATH, -EXDEV, ""},
		{"a/dir/c", LOOKUP_BENEATH, 0, "/a/b/c"},
		{"/a/../../a/b", LOOKUP_IN_ROOT, 0, "/a/b"},
		{"/dev/null", LOOKUP_NO_XDEV, -EXDEV, ""},
		{"/dev/null", 0, 0, "/dev/null"},
		{"/dev/..", 0, 0, "/"},
		{"/dev/shm/../..", 0, 0, "/"},
	};
	char text[PATH_MAX];

	make_tree();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int error = place_of(table[i].path, table[i].flags, text);

		if (error != table[i].error || strcmp(text, table[i].place) != 0)
			fail_msg("'%s' with %#x: error %d, '%s'", table[i].path, table[i].flags,
				 error, text);
	}
}

FS_TEST(forty_links_are_followed_and_no_more)
{
	char name[32], target[32], text[PATH_MAX];

	write_file("/end", "x");
	assert(fs_symlink("end", "/l0") == 0);
	for (int i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "/l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		assert(fs_symlink(target, name) == 0);
	}
	assert_int_equal(place_of("/l39", LOOKUP_FOLLOW, text), 0); /* forty of them */
	assert_string_equal(text, "/end");
	assert_int_equal(place_of("/l40", LOOKUP_FOLLOW, text), -ELOOP);
}

FS_TEST(names_have_a_longest_length)
{
	char name[NAME_MAX + 3] = "/", text[PATH_MAX];

	memset(name + 1, 'n', NAME_MAX);
	name[NAME_MAX + 1] = 0;
	write_file(name, "x");
	assert_int_equal(place_of(name, 0, text), 0);
	assert_string_equal(text, name);
	name[NAME_MAX + 1] = 'n';
	assert_int_equal(place_of(name, 0, text), -ENAMETOOLONG);
	assert_int_equal(fs_mkdir(name, 0755), -ENAMETOOLONG);
}

FS_TEST(each_directory_on_the_way_must_let_one_pass)
{
	struct path path;

	make_tree();
	assert(path_lookup(AT_FDCWD, "/a", 0, &path) == 0);
	path.dentry->inode->mode = S_IFDIR | 0644;
	path_put(&path);
	be_user(1000, 1000);
	assert_int_equal(path_lookup(AT_FDCWD, "/a/b", 0, &path), -EACCES);
	assert_int_equal(path_lookup(AT_FDCWD, "/a", 0, &path), 0);
	path_put(&path);
	assert_int_equal(path_lookup(AT_FDCWD, "/a/x", 0, &path), -EACCES); /* tells nothing */
	be_root();
	assert_int_equal(path_lookup(AT_FDCWD, "/a/b", 0, &path), 0);
	path_put(&path);
}

FS_TEST(a_removed_directory_leads_nowhere_but_up)
{
	struct file *dir;
	struct path path;
	int fd;

	assert(fs_mkdir("/d", 0755) == 0);
	dir = must_open("/d", O_RDONLY | O_DIRECTORY);
	fd = fd_install_move(dir, 0, 0);
	assert_int_equal(fd, 0);
	assert_int_equal(path_remove(AT_FDCWD, "/d", true), 0);
	assert_int_equal(path_lookup(fd, "x", 0, &path), -ENOENT);
	assert_int_equal(path_make(fd, "x", S_IFREG | 0644, 0, NULL), -ENOENT);
	assert_int_equal(path_lookup(fd, ".", 0, &path), 0);
	path_put(&path);
	assert_int_equal(path_lookup(fd, "..", 0, &path), 0);
	assert_ptr_equal(path.dentry, path.mount->root);
	path_put(&path);
}

static void lookup_scenario(void)
{
	struct path path;

	if (path_lookup(AT_FDCWD, "/a/up/a/abs/c", LOOKUP_FOLLOW, &path) == 0)
		path_put(&path);
}

SWEEP_TEST(lookup_without_memory_leaves_nothing)
{
	make_tree();
	assert_true(each_allocation_failing(lookup_scenario) > 0);
}
