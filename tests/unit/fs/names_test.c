/* Names: random changes of a tree against a model, the rules of rename and removal, links, limits, and
 * what is left when memory runs out in the middle. */
#include "fixture.h"
#include <stdio.h>

/* ---- a model: every path of two levels is absent, a file or a directory ---- */

enum { NR_DIRS = 3, NR_NAMES = 4, NR_STEPS = 6000 };
enum kind { ABSENT, FILE_THERE, DIR_THERE };

/* Top level: names 0 .. NR_DIRS - 1 are directories for good; below each NR_NAMES names. */
static enum kind model[NR_DIRS][NR_NAMES];
static unsigned content[NR_DIRS][NR_NAMES]; /* which file, or whose directory it is */
static unsigned next_content;

static const char *path_to(unsigned dir, unsigned name)
{
	static char buf[4][32];
	static unsigned turn;
	char *text = buf[turn++ % 4];

	snprintf(text, sizeof(buf[0]), "/d%u/n%u", dir, name);
	return text;
}

static void step_create(unsigned d, unsigned n)
{
	struct file *file;
	char text[16];
	int error = file_open(path_to(d, n), O_WRONLY | O_CREAT | O_EXCL, 0644, &file);

	assert_int_equal(error, model[d][n] == ABSENT ? 0 : -EEXIST);
	if (error)
		return;
	snprintf(text, sizeof(text), "%u", next_content);
	assert_int_equal(file_write_kernel(file, text, strlen(text), 0), strlen(text));
	file_put(file);
	model[d][n] = FILE_THERE;
	content[d][n] = next_content++;
}

static void step_mkdir(unsigned d, unsigned n)
{
	int error = fs_mkdir(path_to(d, n), 0755);

	assert_int_equal(error, model[d][n] == ABSENT ? 0 : -EEXIST);
	if (!error) {
		model[d][n] = DIR_THERE;
		content[d][n] = next_content++;
	}
}

static void step_remove(unsigned d, unsigned n, bool wants_dir)
{
	static const int errors[2][3] = {{-ENOENT, 0, -EISDIR}, {-ENOENT, -ENOTDIR, 0}};
	int error = path_remove(AT_FDCWD, path_to(d, n), wants_dir);

	assert_int_equal(error, errors[wants_dir][model[d][n]]);
	if (!error)
		model[d][n] = ABSENT;
}

static void step_link(unsigned d, unsigned n, unsigned d2, unsigned n2)
{
	int error = fs_link(path_to(d, n), path_to(d2, n2)), want = 0;

	if (model[d][n] == ABSENT)
		want = -ENOENT;
	else if (model[d][n] == DIR_THERE)
		want = -EPERM;
	else if (model[d2][n2] != ABSENT)
		want = -EEXIST;
	assert_int_equal(error, want);
	if (!error) {
		model[d2][n2] = FILE_THERE;
		content[d2][n2] = content[d][n];
	}
}

static int expected_rename(unsigned d, unsigned n, unsigned d2, unsigned n2, unsigned flags)
{
	enum kind from = model[d][n], to = model[d2][n2];

	if (from == ABSENT)
		return -ENOENT;
	if (flags & RENAME_EXCHANGE)
		return to == ABSENT ? -ENOENT : 0;
	if (to == ABSENT)
		return 0;
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (from == DIR_THERE && to == FILE_THERE)
		return -ENOTDIR;
	if (from == FILE_THERE && to == DIR_THERE)
		return -EISDIR;
	return 0;
}

static void step_rename(unsigned d, unsigned n, unsigned d2, unsigned n2, unsigned flags)
{
	int want = expected_rename(d, n, d2, n2, flags);
	enum kind kind = model[d][n];
	unsigned what = content[d][n];

	assert_int_equal(path_rename(AT_FDCWD, path_to(d, n), AT_FDCWD, path_to(d2, n2), flags),
			 want);
	if (want || (d == d2 && n == n2))
		return;
	if (flags & RENAME_EXCHANGE) {
		model[d][n] = model[d2][n2];
		content[d][n] = content[d2][n2];
	} else if (kind == FILE_THERE && model[d2][n2] == FILE_THERE && what == content[d2][n2]) {
		return; /* two names of one file: nothing happens */
	} else {
		model[d][n] = ABSENT;
	}
	model[d2][n2] = kind;
	content[d2][n2] = what;
}

/* ---- what is there against what should be ---- */

struct listing {
	struct dir_context context;
	unsigned seen[NR_NAMES], nr;
};

static bool list_emit(struct dir_context *context, const char *name, size_t len, uint64_t ino,
		      unsigned type, int64_t next_pos)
{
	struct listing *listing = container_of(context, struct listing, context);

	if (name[0] == 'n') {
		listing->seen[name[1] - '0']++;
		listing->nr++;
	}
	return true;
}

static void check_directory(unsigned d)
{
	struct listing listing = {.context = {list_emit, 0}};
	char path[16], text[16];
	unsigned nr_dirs = 0;
	struct file *dir;

	snprintf(path, sizeof(path), "/d%u", d);
	dir = must_open(path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(file_readdir(dir, &listing.context), 0);
	for (unsigned n = 0; n < NR_NAMES; n++) {
		assert_int_equal(listing.seen[n], model[d][n] != ABSENT);
		assert_int_equal(exists(path_to(d, n)), model[d][n] != ABSENT);
		nr_dirs += model[d][n] == DIR_THERE;
		snprintf(text, sizeof(text), "%u", content[d][n]);
		if (model[d][n] == FILE_THERE)
			assert_true(file_is(path_to(d, n), text));
	}
	assert_int_equal(dir->inode->nlink, 2 + nr_dirs);
	file_put(dir);
}

static void check_links(void)
{
	for (unsigned i = 0; i < NR_DIRS * NR_NAMES; i++) {
		unsigned d = i / NR_NAMES, n = i % NR_NAMES, same = 0;
		struct path path;

		if (model[d][n] != FILE_THERE)
			continue;
		for (unsigned j = 0; j < NR_DIRS * NR_NAMES; j++)
			same += model[j / NR_NAMES][j % NR_NAMES] == FILE_THERE &&
				content[j / NR_NAMES][j % NR_NAMES] == content[d][n];
		assert(path_lookup(AT_FDCWD, path_to(d, n), 0, &path) == 0);
		assert_int_equal(path.dentry->inode->nlink, same);
		path_put(&path);
	}
}

static void random_step(struct dice *dice)
{
	unsigned d = (unsigned)roll(dice, NR_DIRS), n = (unsigned)roll(dice, NR_NAMES);
	unsigned d2 = (unsigned)roll(dice, NR_DIRS), n2 = (unsigned)roll(dice, NR_NAMES);

	switch (roll(dice, 9)) {
	case 0:
	case 1:
		step_create(d, n);
		break;
	case 2:
		step_mkdir(d, n);
		break;
	case 3:
		step_remove(d, n, false);
		break;
	case 4:
		step_remove(d, n, true);
		break;
	case 5:
		step_link(d, n, d2, n2);
		break;
	case 6:
		step_rename(d, n, d2, n2, RENAME_NOREPLACE);
		break;
	case 7:
		step_rename(d, n, d2, n2, RENAME_EXCHANGE);
		break;
	default:
		step_rename(d, n, d2, n2, 0);
	}
}

FS_TEST(the_tree_is_what_a_table_would_be)
{
	struct dice dice = {.state = 20240607};
	char path[16];

	for (unsigned d = 0; d < NR_DIRS; d++) {
		snprintf(path, sizeof(path), "/d%u", d);
		assert_int_equal(fs_mkdir(path, 0755), 0);
	}
	for (unsigned i = 0; i < NR_STEPS; i++) {
		random_step(&dice);
		if (i % 16)
			continue;
		for (unsigned d = 0; d < NR_DIRS; d++)
			check_directory(d);
		check_links();
	}
}

/* ---- rules ---- */

FS_TEST(a_directory_never_ends_up_in_itself)
{
	assert_int_equal(fs_mkdir("/a", 0755), 0);
	assert_int_equal(fs_mkdir("/a/b", 0755), 0);
	assert_int_equal(fs_mkdir("/a/b/c", 0755), 0);
	assert_int_equal(path_rename(AT_FDCWD, "/a", AT_FDCWD, "/a/b/c/x", 0), -EINVAL);
	assert_int_equal(path_rename(AT_FDCWD, "/a", AT_FDCWD, "/a/x", 0), -EINVAL);
	assert_int_equal(path_rename(AT_FDCWD, "/a/b/c", AT_FDCWD, "/a", 0), -ENOTEMPTY);
	assert_int_equal(path_rename(AT_FDCWD, "/a/b/c", AT_FDCWD, "/a", RENAME_EXCHANGE), -EINVAL);
	assert_int_equal(path_rename(AT_FDCWD, "/a/b/c", AT_FDCWD, "/c", 0), 0);
	assert_int_equal(path_rename(AT_FDCWD, "/a", AT_FDCWD, "/c/a", 0), 0);
	assert_true(exists("/c/a/b/../b"));
}

FS_TEST(odd_ends_are_refused)
{
	static const struct {
		const char *from, *to;
		int error;
	} table[] = {
		{"/", "/x", -EBUSY},	     {"/d/.", "/x", -EBUSY},	 {"/d/..", "/x", -EBUSY},
		{"/d", "/", -EBUSY},	     {"/f", "/d/.", -EBUSY},	 {"/dev", "/x", -EBUSY},
		{"/f", "/dev/f", -EXDEV},    {"/f/", "/x", -ENOTDIR},	 {"/f", "/x/", -ENOTDIR},
		{"/missing", "/x", -ENOENT}, {"/d", "/f", -ENOTDIR},	 {"/f", "/d", -EISDIR},
		{"/f", "/d/e", -EISDIR},     {"/d/e", "/d", -ENOTEMPTY}, {"/f", "/f", 0},
	};

	write_file("/f", "f");
	assert_int_equal(fs_mkdir("/d", 0755), 0);
	assert_int_equal(fs_mkdir("/d/e", 0755), 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int error = path_rename(AT_FDCWD, table[i].from, AT_FDCWD, table[i].to, 0);
		if (error != table[i].error)
			fail_msg("%s to %s: %d", table[i].from, table[i].to, error);
	}
	assert_int_equal(path_remove(AT_FDCWD, "/d", true), -ENOTEMPTY);
	assert_int_equal(path_remove(AT_FDCWD, "/d/.", true), -EINVAL);
	assert_int_equal(path_remove(AT_FDCWD, "/d/e/..", true), -ENOTEMPTY);
	assert_int_equal(path_remove(AT_FDCWD, "/", true), -EBUSY);
	assert_int_equal(path_remove(AT_FDCWD, "/dev", true), -EBUSY);
	assert_int_equal(path_remove(AT_FDCWD, "/f/", false), -ENOTDIR);
	assert_int_equal(path_remove(AT_FDCWD, "/d/", false), -EISDIR);
	assert_int_equal(path_make(AT_FDCWD, "/f/", S_IFREG | 0644, 0, NULL), -EEXIST);
	assert_int_equal(fs_mkdir("/n/", 0755), 0);
}

FS_TEST(an_unlinked_file_lives_while_it_is_open)
{
	struct file *file;
	char buf[8], name[64];

	write_file("/f", "alive");
	file = must_open("/f", O_RDWR);
	assert_int_equal(fs_unlink("/f"), 0);
	assert_false(exists("/f"));
	assert_int_equal(file->inode->nlink, 0);
	assert_int_equal(file_read_kernel(file, buf, 5, 0), 5);
	assert_memory_equal(buf, "alive", 5);
	assert_true(file_path(file, name, sizeof(name)) > 0);
	assert_string_equal(name, "/f (deleted)");
	file_put(file);
}

FS_TEST(a_sticky_directory_protects_others_files)
{
	struct path path;

	assert_int_equal(fs_mkdir("/t", 01777), 0);
	write_file("/t/roots", "r");
	be_user(1000, 1000);
	assert_int_equal(fs_unlink("/t/roots"), -EPERM);
	write_file("/t/own", "o");
	assert_int_equal(fs_link("/t/own", "/t/own2"), 0);
	be_user(1001, 1001);
	assert_int_equal(fs_unlink("/t/own"), -EPERM);
	assert_int_equal(path_rename(AT_FDCWD, "/t/own", AT_FDCWD, "/t/mine", 0), -EPERM);
	be_user(1000, 1000);
	assert_int_equal(fs_unlink("/t/own"), 0);
	assert_int_equal(fs_mkdir("/x", 0755), -EACCES);
	be_root();
	assert_int_equal(path_lookup(AT_FDCWD, "/t/own2", 0, &path), 0);
	assert_int_equal(path.dentry->inode->uid, 1000);
	path_put(&path);
}

FS_TEST(a_set_gid_directory_hands_its_group_on)
{
	struct path path;

	assert_int_equal(fs_mkdir("/g", 0777), 0);
	assert(path_lookup(AT_FDCWD, "/g", 0, &path) == 0);
	path.dentry->inode->gid = 77;
	path.dentry->inode->mode |= S_ISGID;
	path_put(&path);
	be_user(1000, 1000);
	assert_int_equal(fs_mkdir("/g/sub", 0755), 0);
	write_file("/g/sub/f", "x");
	assert(path_lookup(AT_FDCWD, "/g/sub/f", 0, &path) == 0);
	assert_int_equal(path.dentry->inode->gid, 77);
	path_put(&path);
}

FS_TEST(a_reader_of_a_directory_meets_what_stays_once)
{
	enum { NR = 60 };
	struct listing listing;
	struct file *dir;
	char name[32];

	assert_int_equal(fs_mkdir("/d", 0755), 0);
	for (int i = 0; i < NR; i++) {
		snprintf(name, sizeof(name), "/d/x%02d", i);
		write_file(name, "");
	}
	/* Names that begin with n stay; those with x go one by one while the reader is at them. */
	write_file("/d/n0", "");
	write_file("/d/n1", "");
	dir = must_open("/d", O_RDONLY | O_DIRECTORY);
	listing = (struct listing){.context = {list_emit, 0}};
	for (int i = 0; i < NR; i++) {
		snprintf(name, sizeof(name), "/d/x%02d", i);
		assert_int_equal(fs_unlink(name), 0);
		listing.context.pos = MIN(listing.context.pos, (int64_t)i);
	}
	assert_int_equal(file_readdir(dir, &listing.context), 0);
	assert_int_equal(listing.seen[0], 1);
	assert_int_equal(listing.seen[1], 1);
	file_put(dir);
}

/* ---- without memory ---- */

static void churn(void)
{
	char longer[100] = "/";
	struct file *file;

	memset(longer + 1, 'l', 80);
	longer[81] = 0;
	(void)!fs_mkdir("/dir", 0755);
	(void)!fs_symlink("dir", "/link");
	(void)!fs_mknod("/node", S_IFIFO | 0600, 0);
	if (file_open("/file", O_CREAT | O_RDWR, 0644, &file) == 0) {
		ssize_t done = file_write_kernel(file, "some text", 9, 4090);
		(void)done;
		file_put(file);
	}
	(void)!fs_link("/file", "/dir/second");
	(void)!path_rename(AT_FDCWD, "/file", AT_FDCWD, longer, 0);
	(void)!path_rename(AT_FDCWD, longer, AT_FDCWD, "/dir/third", 0);
	(void)!path_rename(AT_FDCWD, "/dir/second", AT_FDCWD, longer, 0);
	alloc_fail_nth(0);
	fs_sweep();
}

SWEEP_TEST(changes_without_memory_leave_nothing)
{
	for (uint64_t nth = 1; nth < 60; nth++) {
		machine_setup(NULL);
		alloc_fail_nth(nth);
		churn();
		assert_int_equal(machine_teardown(NULL), 0);
	}
}

/* ---- limits ---- */

FS_TEST(a_full_file_system_says_so)
{
	struct superblock *sb = root_mount->sb;
	uint64_t max_pages = sb->max_pages, max_inodes = sb->max_inodes;
	static char page[PAGE_SIZE];
	struct file *file;

	file = must_open("/big", O_RDWR | O_CREAT);
	sb->max_pages = sb->used_pages + 3;
	for (int i = 0; i < 3; i++)
		assert_int_equal(file_write_kernel(file, page, sizeof(page), i * 4096), PAGE_SIZE);
	assert_int_equal(file_write_kernel(file, page, sizeof(page), 3 * 4096), -ENOSPC);
	mapping_truncate(file->inode->mapping, PAGE_SIZE);
	assert_int_equal(sb->used_pages, sb->max_pages - 2);
	assert_int_equal(file_write_kernel(file, page, sizeof(page), 4096), PAGE_SIZE);
	file_put(file);
	sb->max_inodes = sb->used_inodes + 1;
	write_file("/one", "");
	assert_int_equal(fs_mkdir("/two", 0755), -ENOSPC);
	assert_int_equal(fs_link("/one", "/two"), -ENOSPC);
	assert_int_equal(fs_unlink("/one"), 0);
	assert_int_equal(fs_link("/big", "/two"), 0);
	sb->max_pages = max_pages;
	sb->max_inodes = max_inodes;
}
