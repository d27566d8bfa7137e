/*
 * What the compiler can be told: attributes, hints and the lock annotations that
 * clang's thread-safety analysis reads under lint (nothing under gcc).
 */
#ifndef KERN_COMPILER_H
#define KERN_COMPILER_H

#define MUST_USE      __attribute__((warn_unused_result))
#define NORETURN      __attribute__((noreturn))
#define UNUSED	      __attribute__((unused))
#define PACKED	      __attribute__((packed))
#define ALIGNED(n)    __attribute__((aligned(n)))
#define NOINLINE      __attribute__((noinline))
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define COLD	      __attribute__((cold))
#define USED	      __attribute__((used))
#define SECTION(name) __attribute__((section(name)))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Code that runs only while the machine comes up; its memory is given back afterwards. */
#define INIT_TEXT SECTION(".init.text") COLD
#define INIT_DATA SECTION(".init.data")

#define CACHE_LINE	 64
#define CACHE_ALIGNED	 ALIGNED(CACHE_LINE)
#define BARRIER()	 __asm__ volatile("" ::: "memory")
#define ARRAY_LEN(a)	 (sizeof(a) / sizeof((a)[0]))
#define STATIC_ASSERT(x) _Static_assert(x, #x)

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - __builtin_offsetof(type, member)))

/* Each argument is evaluated once; they nest, because every use has names of its own. */
#define MIN(a, b)		COMPARE_AS(a, b, <, __COUNTER__)
#define MAX(a, b)		COMPARE_AS(a, b, >, __COUNTER__)
#define COMPARE_AS(a, b, op, n) COMPARE(a, b, op, n)
#define COMPARE(a, b, op, n)                                                        \
	({                                                                          \
		__typeof__(a) compared_a_##n = (a);                                 \
		__typeof__(b) compared_b_##n = (b);                                 \
		compared_a_##n op compared_b_##n ? compared_a_##n : compared_b_##n; \
	})
/* align: a power of two. */
#define ROUND_DOWN(x, align) ((x) & ~((__typeof__(x))(align)-1))
#define ROUND_UP(x, align)   (((x) + (__typeof__(x))(align)-1) & ~((__typeof__(x))(align)-1))
#define DIV_ROUND_UP(x, n)   (((x) + (n)-1) / (n))

/* Thread-safety annotations (clang's capability analysis). */
#if defined(__clang__) && defined(LODGER_THREAD_SAFETY)
#define TSA(x) __attribute__((x))
#else
#define TSA(x)
#endif
#define LOCK_TYPE(name)	      TSA(capability(name))
#define HOLDS(lock)	      TSA(requires_capability(lock))
#define ACQUIRES(lock)	      TSA(acquire_capability(lock))
#define TRY_ACQUIRES(r, lock) TSA(try_acquire_capability(r, lock))
#define RELEASES(lock)	      TSA(release_capability(lock))
#define EXCLUDES(lock)	      TSA(locks_excluded(lock))
#define GUARDED_BY(lock)      TSA(guarded_by(lock))
#define NO_LOCK_ANALYSIS      TSA(no_thread_safety_analysis)

#endif
