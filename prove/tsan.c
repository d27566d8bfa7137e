/*
 * The code under test is compiled with -fsanitize=thread: the compiler calls these before each plain
 * access. The sanitizer's own library is not linked.
 */
#include "private.h"

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_read_range(void *p, unsigned long size);
void __tsan_write_range(void *p, unsigned long size);

void __tsan_init(void)
{
}
void __tsan_func_entry(void *pc)
{
}
void __tsan_func_exit(void)
{
}
void __tsan_read_range(void *p, unsigned long size)
{
	access_plain(p, (unsigned)size, false, __builtin_return_address(0));
}
void __tsan_write_range(void *p, unsigned long size)
{
	access_plain(p, (unsigned)size, true, __builtin_return_address(0));
}

#define ACCESS(size)                                                       \
	void __tsan_read##size(void *p);                                   \
	void __tsan_write##size(void *p);                                  \
	void __tsan_unaligned_read##size(void *p);                         \
	void __tsan_unaligned_write##size(void *p);                        \
	void __tsan_read##size(void *p)                                    \
	{                                                                  \
		access_plain(p, size, false, __builtin_return_address(0)); \
	}                                                                  \
	void __tsan_write##size(void *p)                                   \
	{                                                                  \
		access_plain(p, size, true, __builtin_return_address(0));  \
	}                                                                  \
	void __tsan_unaligned_read##size(void *p)                          \
	{                                                                  \
		access_plain(p, size, false, __builtin_return_address(0)); \
	}                                                                  \
	void __tsan_unaligned_write##size(void *p)                         \
	{                                                                  \
		access_plain(p, size, true, __builtin_return_address(0));  \
	}
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
