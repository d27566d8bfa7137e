/* What becomes of mappings: mremap(2), madvise(2), mlock(2), mincore(2), msync(2), brk(2), the stack, fork,
 * the kernel's own accesses, limits. */
#define _GNU_SOURCE
#include "memory.h"

/* ---- mremap -------------------------------------------------------------------------------------------- */

static int mremap_moves_contents(void)
{
	char *p = map_private(4), *q, *wall;

	for (int i = 0; i < 4; i++)
		p[i * PAGE] = (char)('a' + i);
	wall = mmap(p + 4 * PAGE, PAGE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(wall == p + 4 * PAGE || errno == EEXIST);
	CHECK_ERRNO(mremap(p, 4 * PAGE, 1000 * PAGE, 0), ENOMEM);
	q = mremap(p, 4 * PAGE, 1000 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED && q != p);
	for (int i = 0; i < 4; i++)
		CHECK(q[i * PAGE] == 'a' + i);
	CHECK(q[999 * PAGE] == 0);
	catch_faults();
	CHECK(read_signal(p) == SIGSEGV);
	CHECK(mremap(q, 1000 * PAGE, 2 * PAGE, 0) == q);
	CHECK(read_signal(q + 2 * PAGE) == SIGSEGV && q[PAGE] == 'b');
	return 0;
}

static int mremap_to_a_fixed_place(void)
{
	char *p = map_private(2), *q = map_private(4);

	p[0] = 'x';
	q[2 * PAGE] = 'y';
	CHECK(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	CHECK(q[0] == 'x' && q[2 * PAGE] == 'y');
	CHECK_ERRNO(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + PAGE), EINVAL);
	CHECK_ERRNO(mremap(q, PAGE, PAGE, MREMAP_FIXED, p), EINVAL);
	CHECK_ERRNO(mremap(q + 1, PAGE, PAGE, 0), EINVAL);
	CHECK_ERRNO(mremap(q, PAGE, 0, 0), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	return 0;
}

static int mremap_can_leave_the_old_place_mapped(void)
{
	char *p = map_private(2), *q;

	p[0] = 'x';
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	CHECK(q != MAP_FAILED);
	CHECK(q[0] == 'x' && p[0] == 0);
	return 0;
}

static int mremap_of_length_zero_maps_shared_pages_again(void)
{
	char *p = map(2, PROT_READ | PROT_WRITE, MAP_SHARED), *q;

	q = mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(q != MAP_FAILED);
	q[PAGE] = 'x';
	CHECK(p[PAGE] == 'x');
	return 0;
}

/* ---- madvise, mlock, mincore, msync ------------------------------------------------------------------- */

static int dontneed_drops_pages(void)
{
	char *p = map_private(4);

	memset(p, 'x', 4 * PAGE);
	CHECK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED) == 0);
	CHECK(p[0] == 'x' && p[PAGE] == 0 && p[3 * PAGE - 1] == 0 && p[3 * PAGE] == 'x');
	CHECK_ERRNO(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERRNO(madvise(p, PAGE, 4711), EINVAL);
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK_ERRNO(madvise(p, 4 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK(p[0] == 0 && p[3 * PAGE] == 0);
	CHECK(madvise(p, 0, MADV_DONTNEED) == 0);
	CHECK(madvise(p, PAGE, MADV_FREE) == 0);
	p[0] = 'y';
	CHECK(p[0] == 'y');
	return 0;
}

static int populate_brings_pages_in(void)
{
	char *p = map_private(4);
	unsigned char vec[4];

	if (madvise(p, 2 * PAGE, MADV_POPULATE_WRITE) && errno == EINVAL)
		return 0; /* an older Linux */
	CHECK(mincore(p, 4 * PAGE, vec) == 0);
	CHECK((vec[0] & 1) && (vec[1] & 1) && !(vec[2] & 1));
	CHECK(mprotect(p, PAGE, PROT_READ) == 0);
	CHECK_ERRNO(madvise(p, PAGE, MADV_POPULATE_WRITE), EINVAL);
	CHECK(madvise(p, PAGE, MADV_POPULATE_READ) == 0);
	CHECK_ERRNO(mincore(p + 1, PAGE, vec), EINVAL);
	CHECK(munmap(p + 3 * PAGE, PAGE) == 0);
	CHECK_ERRNO(mincore(p, 4 * PAGE, vec), ENOMEM);
	CHECK_ERRNO(madvise(p, 4 * PAGE, MADV_POPULATE_READ), ENOMEM);
	return 0;
}

static int locked_memory_is_there_and_stays(void)
{
	char *p = map_private(4);
	unsigned char vec[4];

	CHECK(mlock(p + 1, 2 * PAGE) == 0); /* three pages in all */
	CHECK(mincore(p, 4 * PAGE, vec) == 0);
	CHECK((vec[0] & 1) && (vec[2] & 1) && !(vec[3] & 1));
	CHECK_ERRNO(madvise(p, PAGE, MADV_DONTNEED), EINVAL);
	CHECK(munlock(p, 3 * PAGE) == 0);
	CHECK(madvise(p, PAGE, MADV_DONTNEED) == 0);
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK_ERRNO(mlock(p, 3 * PAGE), ENOMEM);
	CHECK(munlockall() == 0);
	return 0;
}

static int msync_looks_at_its_arguments(void)
{
	char *p = map(2, PROT_READ | PROT_WRITE, MAP_SHARED);

	CHECK(msync(p, 2 * PAGE, MS_SYNC) == 0);
	CHECK(msync(p, 2 * PAGE, MS_ASYNC | MS_INVALIDATE) == 0);
	CHECK_ERRNO(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERRNO(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_ERRNO(msync(p, PAGE, 64), EINVAL);
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK_ERRNO(msync(p, 2 * PAGE, MS_SYNC), ENOMEM);
	return 0;
}

/* ---- brk and the stack ----------------------------------------------------------------------------------- */

static int the_break_moves(void)
{
	char *start = (char *)syscall(SYS_brk, 0), *now;

	now = (char *)syscall(SYS_brk, start + 5 * PAGE);
	CHECK(now == start + 5 * PAGE);
	memset(start, 'x', 5 * PAGE);
	CHECK((char *)syscall(SYS_brk, start + PAGE) == start + PAGE);
	CHECK((char *)syscall(SYS_brk, start + 3 * PAGE) == start + 3 * PAGE);
	CHECK(start[0] == 'x' && start[2 * PAGE + 100] == 0);
	CHECK((char *)syscall(SYS_brk, 1) == start + 3 * PAGE);
	CHECK((char *)syscall(SYS_brk, (char *)0x7fffffffffff) == start + 3 * PAGE);
	CHECK((char *)syscall(SYS_brk, start) == start);
	return 0;
}

static int __attribute__((noinline)) dive(int depth)
{
	volatile char room[PAGE];

	room[0] = (char)depth;
	return depth > 0 ? dive(depth - 1) + room[0] * 0 : 0;
}

static int the_stack_grows_by_megabytes(void)
{
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_STACK, &limit) == 0);
	CHECK(limit.rlim_cur >= 8 << 20);
	CHECK(dive(6 * 256) == 0);
	return 0;
}

static int overflow(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	return dive(1 << 30);
}

static int a_stack_without_end_ends_with_sigsegv(void)
{
	CHECK(killed(run(overflow), SIGSEGV));
	return 0;
}

/* ---- fork -------------------------------------------------------------------------------------------------- */

static char *private_page, *shared_page;

static int change_both(void)
{
	CHECK(private_page[0] == 'p' && shared_page[0] == 's');
	private_page[0] = 'P';
	shared_page[0] = 'S';
	return 0;
}

static int fork_copies_private_and_shares_shared_memory(void)
{
	private_page = map_private(1);
	shared_page = map(1, PROT_READ | PROT_WRITE, MAP_SHARED);
	private_page[0] = 'p';
	shared_page[0] = 's';
	CHECK(run(change_both) == 0);
	CHECK(private_page[0] == 'p' && shared_page[0] == 'S');
	return 0;
}

/* Generations of children, each checking what it inherited and leaving its own mark. */
static void descend(char *p, int depth)
{
	for (int i = 0; i < 64; i++)
		CHECK(p[i * PAGE] == (char)(depth ? depth * 64 + i : i));
	if (depth == 6)
		return;
	for (int k = 0; k < 2; k++) {
		int status;
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			for (int i = 0; i < 64; i++)
				p[i * PAGE] = (char)((depth + 1) * 64 + i);
			descend(p, depth + 1);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	for (int i = 0; i < 64; i++)
		CHECK(p[i * PAGE] == (char)(depth ? depth * 64 + i : i));
}

static int a_tree_of_forks_keeps_its_branches_apart(void)
{
	char *p = map_private(64);

	for (int i = 0; i < 64; i++)
		p[i * PAGE] = (char)i;
	descend(p, 0);
	return 0;
}

static int look_at_advised(void)
{
	unsigned char vec[1];

	CHECK_ERRNO(mincore(private_page, PAGE, vec), ENOMEM); /* DONTFORK */
	CHECK(private_page[PAGE] == 0);			       /* WIPEONFORK */
	CHECK(private_page[2 * PAGE] == 'x');
	return 0;
}

static int fork_obeys_advice(void)
{
	private_page = map_private(3);
	memset(private_page, 'x', 3 * PAGE);
	CHECK(madvise(private_page, PAGE, MADV_DONTFORK) == 0);
	CHECK(madvise(private_page + PAGE, PAGE, 18 /* MADV_WIPEONFORK */) == 0);
	CHECK(run(look_at_advised) == 0);
	CHECK(private_page[0] == 'x' && private_page[PAGE] == 'x');
	return 0;
}

/* ---- the kernel's own accesses --------------------------------------------------------------------------- */

static int the_kernel_faults_pages_in_and_stops_where_it_may_not(void)
{
	char *p = map_private(4);
	int fds[2];

	CHECK(pipe(fds) == 0);
	CHECK(mprotect(p + 2 * PAGE, PAGE, PROT_READ) == 0);
	CHECK(munmap(p + 3 * PAGE, PAGE) == 0);
	CHECK(write(fds[1], p, 2 * PAGE) == 2 * PAGE); /* untouched pages read as zero */
	CHECK(read(fds[0], p, 2 * PAGE) == 2 * PAGE);
	CHECK(write(fds[1], "abc", 3) == 3);
	CHECK_ERRNO(read(fds[0], p + 2 * PAGE, 3), EFAULT);
	CHECK_ERRNO(write(fds[1], p + 3 * PAGE, 3), EFAULT);
	CHECK_ERRNO(read(fds[0], (void *)0xffffffff80000000, 3), EFAULT);
	return 0;
}

/* ---- limits ---------------------------------------------------------------------------------------------- */

static int the_limit_of_the_address_space_is_kept(void)
{
	struct rlimit limit = {64 << 20, 64 << 20};

	CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	CHECK_ERRNO(mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
	CHECK(mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	return 0;
}

static int more_than_the_machine_has_is_refused(void)
{
	CHECK_ERRNO(
		mmap(NULL, 1UL << 45, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		ENOMEM);
	return 0;
}

static const struct memory_test tests[] = {
	{"mremap moves contents", mremap_moves_contents},
	{"mremap to a fixed place", mremap_to_a_fixed_place},
	{"mremap can leave the old place mapped", mremap_can_leave_the_old_place_mapped},
	{"mremap of length zero maps shared pages again",
	 mremap_of_length_zero_maps_shared_pages_again},
	{"dontneed drops pages", dontneed_drops_pages},
	{"populate brings pages in", populate_brings_pages_in},
	{"locked memory is there and stays", locked_memory_is_there_and_stays},
	{"msync looks at its arguments", msync_looks_at_its_arguments},
	{"the break moves", the_break_moves},
	{"the stack grows by megabytes", the_stack_grows_by_megabytes},
	{"a stack without end ends with sigsegv", a_stack_without_end_ends_with_sigsegv},
	{"fork copies private and shares shared memory",
	 fork_copies_private_and_shares_shared_memory},
	{"a tree of forks keeps its branches apart", a_tree_of_forks_keeps_its_branches_apart},
	{"fork obeys advice", fork_obeys_advice},
	{"the kernel faults pages in and stops where it may not",
	 the_kernel_faults_pages_in_and_stops_where_it_may_not},
	{"the limit of the address space is kept", the_limit_of_the_address_space_is_kept},
	{"more than the machine has is refused", more_than_the_machine_has_is_refused},
};

int main(void)
{
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
