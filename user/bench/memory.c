/* Mappings and faults. Where only the faults are meant, only they are timed. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { PAGE = 4096, BIG_LEN = 4 << 20, NR_PAGES = BIG_LEN / PAGE };

static char *region_map(size_t len)
{
	char *region = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (region == MAP_FAILED)
		bench_fail("mmap");
	/* Small pages are what is measured, also where large ones are offered. */
	madvise(region, len, MADV_NOHUGEPAGE);
	return region;
}

static void region_touch(volatile char *region, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE)
		region[i] = 1;
}

static uint64_t map_touch_unmap(unsigned n, size_t len)
{
	uint64_t start = clock_ns();

	while (n--) {
		char *region =
			mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (region == MAP_FAILED)
			bench_fail("mmap");
		region_touch(region, len);
		munmap(region, len);
	}
	return clock_ns() - start;
}

static uint64_t run_map_page(unsigned n)
{
	return map_touch_unmap(n, PAGE);
}

static uint64_t run_map_big(unsigned n)
{
	return map_touch_unmap(n, BIG_LEN);
}

/* n counts pages, up to NR_PAGES. */
static uint64_t run_anonymous_fault(unsigned n)
{
	char *region = region_map(BIG_LEN);
	uint64_t start = clock_ns(), ns;

	region_touch(region, (size_t)n * PAGE);
	ns = clock_ns() - start;
	munmap(region, BIG_LEN);
	return ns;
}

/* A child keeps the pages shared while the parent writes to them. */
static uint64_t run_cow_fault(unsigned n)
{
	char *region = region_map(BIG_LEN);
	uint64_t start, ns;
	pid_t pid;

	region_touch(region, BIG_LEN);
	pid = fork();
	if (pid < 0)
		bench_fail("fork");
	if (pid == 0) {
		for (;;)
			pause();
	}
	start = clock_ns();
	region_touch(region, (size_t)n * PAGE);
	ns = clock_ns() - start;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(region, BIG_LEN);
	return ns;
}

static char *page;

static void page_set_up(void)
{
	pin_to_cpu(0);
	page = region_map(PAGE);
	region_touch(page, PAGE);
}

static void page_tear_down(void)
{
	munmap(page, PAGE);
}

static uint64_t run_mprotect(unsigned n)
{
	uint64_t start = clock_ns();

	for (unsigned i = 0; i < n; i++)
		mprotect(page, PAGE, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ);
	return clock_ns() - start;
}

const struct bench memory_benches[] = {
	{.name = "mmap-page",
	 .set_up = page_set_up,
	 .tear_down = page_tear_down,
	 .run = run_map_page},
	{.name = "mmap-4m", .run = run_map_big, .max_n = 8},
	{.name = "fault", .run = run_anonymous_fault, .max_n = NR_PAGES},
	{.name = "cow", .run = run_cow_fault, .max_n = NR_PAGES},
	{.name = "mprotect",
	 .set_up = page_set_up,
	 .tear_down = page_tear_down,
	 .run = run_mprotect},
	{.name = NULL},
};
