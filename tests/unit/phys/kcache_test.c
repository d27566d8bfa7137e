/* kernel/phys/kcache.c, slab.c, redzone.c */
#include "test.h"
#include <string.h>
#include <kern/kcache.h>
#include <kern/preempt.h>

enum { MANY = 2000 };

static struct kcache *small, *odd, *large, *aligned;

void test_machine_ready(void)
{
	small = kcache_create("small", 40, 0);
	odd = kcache_create("odd", 137, 0);
	large = kcache_create("large", 2 * PAGE_SIZE, 0);
	aligned = kcache_create("aligned", 100, 256);
}

static uint64_t live(const char *name)
{
	struct kcache_stats stats[64];
	size_t nr = kcache_stats_read(stats, ARRAY_LEN(stats));

	for (size_t i = 0; i < nr; i++)
		if (strcmp(stats[i].name, name) == 0)
			return stats[i].live;
	fail_msg("no cache %s", name);
	return 0;
}

/* Objects do not overlap if each still holds what was written to it when all are there. */
static void use_many(struct kcache *cache, size_t size, size_t align, unsigned nr)
{
	static unsigned char *objects[MANY];

	for (unsigned i = 0; i < nr; i++) {
		assert_non_null(objects[i] = kcache_alloc(cache, 0));
		assert_int_equal((uintptr_t)objects[i] % align, 0);
		memset(objects[i], (int)i, size);
	}
	for (unsigned i = 0; i < nr; i++)
		for (size_t b = 0; b < size; b++)
			assert_int_equal(objects[i][b], (unsigned char)i);
	for (unsigned i = 0; i < nr; i += 2)
		kcache_free(cache, objects[i]);
	for (unsigned i = 1; i < nr; i += 2)
		kcache_free(cache, objects[i]);
}

MACHINE_TEST(objects_are_distinct_and_aligned)
{
	use_many(small, 40, 8, MANY);
	use_many(odd, 137, 8, MANY);
	use_many(large, 2 * PAGE_SIZE, 8, 50);
	use_many(aligned, 100, 256, MANY);
}

MACHINE_TEST(live_objects_are_those_in_use)
{
	void *a = kcache_alloc(small, 0), *b = kcache_alloc(small, 0);

	assert_int_equal(live("small"), 2);
	kcache_free(small, a);
	assert_int_equal(live("small"), 1);
	kcache_free(small, b);
	kcache_free(small, NULL);
	assert_int_equal(live("small"), 0);
}

MACHINE_TEST(a_used_object_is_zeroed_when_asked)
{
	unsigned char *p = kcache_alloc(odd, 0);

	memset(p, 0xee, 137);
	kcache_free(odd, p);
	p = kcache_alloc(odd, ALLOC_ZERO);
	for (int i = 0; i < 137; i++)
		assert_int_equal(p[i], 0);
	kcache_free(odd, p);
}

MACHINE_TEST(kmalloc_serves_every_size)
{
	static const size_t sizes[] = {0,    1,	   8,	 63,   64,	65,	 96,
				       128,  200,  500,	 1000, 1345,	2047,	 2048,
				       2049, 4096, 4097, 9000, 1 << 16, 3 << 20, 4 << 20};

	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t size = sizes[i];
		char *p = kmalloc(size, 0);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 64, 0);
		if (size >= 64 && size <= PAGE_SIZE && (size & (size - 1)) == 0)
			assert_int_equal((uintptr_t)p % size, 0);
		memset(p, 1, size);
		kfree(p);
	}
	kfree(NULL);
	assert_null(kmalloc((4UL << 20) + 1, 0));
	assert_null(kmalloc(SIZE_MAX, 0));
}

static void build_pair(void)
{
	char *a = kmalloc(100, 0), *b = a ? kmalloc(5000, ALLOC_ZERO) : NULL;
	void *c = b ? kcache_alloc(small, ALLOC_ZERO) : NULL;

	kcache_free(small, c);
	kfree(b);
	kfree(a);
}

MACHINE_TEST(every_request_can_be_made_to_fail)
{
	assert_int_equal(test_each_allocation_failing(build_pair), 3);
}

static void leak(void)
{
	(void)!kmalloc(3, 0);
	(void)!page_alloc(0, PAGE_USE_ANON, 0);
}

/* The account itself: what it is for. */
MACHINE_TEST(a_leak_is_seen)
{
	struct kcache_stats stats[64];
	size_t nr = kcache_stats_read(stats, 64);
	uint64_t before = live("kmalloc-64");

	assert_true(nr > 10);
	void *p = kmalloc(3, 0);
	assert_int_equal(live("kmalloc-64"), before + 1);
	kfree(p);
	host_expect_panic("", (leak(), machine_teardown(NULL) ? __builtin_trap() : (void)0));
}

MACHINE_TEST(memory_of_dead_objects_goes_back)
{
	static void *objects[MANY];
	struct page_stats before, after;

	kcache_drain();
	page_stats_read(&before);
	for (int i = 0; i < MANY; i++)
		objects[i] = kcache_alloc(odd, 0);
	for (int i = 0; i < MANY; i++)
		kcache_free(odd, objects[i]);
	kcache_drain();
	page_stats_read(&after);
	assert_int_equal(after.free, before.free);
	assert_int_equal(after.slab, before.slab);
}

static void overwrite_after_free(void)
{
	char *p = kcache_alloc(odd, 0);

	kcache_free(odd, p);
	host_memory_unpoison(p, 137);
	p[100] = 1;
	(void)!kcache_alloc(odd, 0);
}

static void overwrite_end(void)
{
	char *p = kcache_alloc(odd, 0);

	host_memory_unpoison(p, 200);
	p[137] = 1;
	kcache_free(odd, p);
}

static void free_twice_far_apart(void)
{
	void *objects[200];

	for (int i = 0; i < 200; i++)
		objects[i] = kcache_alloc(small, 0);
	for (int i = 0; i < 200; i++)
		kcache_free(small, objects[i]);
	kcache_drain();
	kcache_free(small, objects[0]);
}

MACHINE_TEST(misuse_is_noticed)
{
	char *p = kcache_alloc(small, 0);
	char *m = kmalloc(10, 0);

	host_expect_panic("freed twice", (kcache_free(small, p), kcache_free(small, p)));
	host_expect_panic("", free_twice_far_apart());
	host_expect_panic("not an object of cache", kcache_free(small, p + 8));
	host_expect_panic("not an object of cache odd", (kcache_free(odd, p), kcache_drain()));
	host_expect_panic("AddressSanitizer", (kcache_free(small, p), p[3] = 1));
	host_expect_panic("AddressSanitizer", p[40] = 1);
	host_expect_panic("AddressSanitizer", p[-1] = 1);
	host_expect_panic("AddressSanitizer", m[10] = 1);
	host_expect_panic("written to after it was freed", overwrite_after_free());
	host_expect_panic("behind its end", overwrite_end());
	host_expect_panic("may_sleep_at_all", (preempt_disable(), (void)!kmalloc(8, 0)));
	kcache_free(small, p);
	kfree(m);
}

static void *shared[2];

/* Every CPU takes objects and leaves them for another to free. */
static void pass_around(void *arg)
{
	for (int i = 0; i < 300; i++) {
		void *mine = kcache_alloc(i % 2 ? small : odd, ALLOC_ATOMIC);
		void *other = __atomic_exchange_n(&shared[i % 2], mine, __ATOMIC_SEQ_CST);
		kcache_free(i % 2 ? small : odd, other);
		if (i % 50 == 49)
			kcache_drain();
		host_cpu_yield();
	}
	kcache_drain();
	page_drain_cpu();
}

MACHINE_TEST(cpus_free_each_others_objects)
{
	for (uint64_t seed = 0; seed < 6; seed++) {
		host_cpus_run(4, pass_around, NULL, seed);
		kcache_free(odd, shared[0]);
		kcache_free(small, shared[1]);
		shared[0] = shared[1] = NULL;
	}
}
