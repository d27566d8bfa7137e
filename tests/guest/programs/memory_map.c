/* Mappings, of nothing and of files, and their rights: mmap(2), munmap(2), mprotect(2). */
#define _GNU_SOURCE
#include "memory.h"

/* ---- mmap and munmap ------------------------------------------------------------------------------ */

static int anonymous_memory_is_zero(void)
{
	char *p = map_private(64);

	for (size_t i = 0; i < 64 * PAGE; i += 512)
		CHECK(p[i] == 0);
	memset(p, 'x', 64 * PAGE);
	CHECK(munmap(p, 64 * PAGE) == 0);
	p = map_private(64);
	for (size_t i = 0; i < 64 * PAGE; i += 512)
		CHECK(p[i] == 0);
	return 0;
}

static int accesses_outside_get_sigsegv(void)
{
	char *p = map_private(3);

	catch_faults();
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK(read_signal(p + PAGE) == SIGSEGV);
	CHECK(caught_code == SEGV_MAPERR && caught_address == p + PAGE);
	CHECK(write_signal(p) == 0 && write_signal(p + 2 * PAGE) == 0);
	CHECK(read_signal(NULL) == SIGSEGV);
	CHECK(read_signal((char *)0xffffffff80000000) == SIGSEGV);
	CHECK(read_signal((char *)0x7ffffffff000) == SIGSEGV);
	return 0;
}

static int bad_arguments_of_mmap(void)
{
	char *p = map_private(1);

	CHECK_ERRNO(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERRNO(mmap(p + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		    EINVAL);
	CHECK_ERRNO(mmap((void *)0xfffffffffffff000, PAGE, PROT_READ,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		    ENOMEM);
	CHECK_ERRNO(mmap(NULL, SIZE_MAX - PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		    ENOMEM);
	CHECK_ERRNO(mmap(NULL, 1UL << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			 -1, 0),
		    ENOMEM);
	CHECK_ERRNO(munmap(p + 1, PAGE), EINVAL);
	CHECK_ERRNO(munmap(p, 0), EINVAL);
	CHECK_ERRNO(munmap((void *)0xfffffffffffff000, PAGE), EINVAL);
	CHECK_ERRNO(
		mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
		EEXIST);
	CHECK(munmap(p, PAGE) == 0);
	CHECK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
	      p);
	return 0;
}

static int fixed_replaces_what_is_there(void)
{
	char *p = map_private(8);

	memset(p, 'a', 8 * PAGE);
	CHECK(mmap(p + 2 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + 2 * PAGE);
	CHECK(p[PAGE] == 'a' && p[2 * PAGE] == 0 && p[5 * PAGE - 1] == 0 && p[5 * PAGE] == 'a');
	return 0;
}

static int an_enormous_reservation_is_free_of_charge(void)
{
	char *p = mmap(NULL, 1UL << 42, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		       0);

	CHECK(p != MAP_FAILED);
	CHECK(mprotect(p + (1UL << 41), PAGE, PROT_READ | PROT_WRITE) == 0);
	p[1UL << 41] = 1;
	CHECK(munmap(p, 1UL << 42) == 0);
	return 0;
}

static int many_mappings_at_once(void)
{
	enum { COUNT = 3000 };
	static char *pages[COUNT];

	for (unsigned i = 0; i < COUNT; i++) {
		pages[i] = map(1, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE);
		if (i % 2 == 0)
			pages[i][i % PAGE] = (char)i;
	}
	for (unsigned i = 0; i < COUNT; i += 3)
		CHECK(munmap(pages[i], PAGE) == 0);
	for (unsigned i = 0; i < COUNT; i++)
		if (i % 3 && i % 2 == 0)
			CHECK(pages[i][i % PAGE] == (char)i);
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------------ */

static int mapped_files_agree_with_read_and_write(void)
{
	int fd = temp_file();
	char *shared, *private, byte;

	CHECK(ftruncate(fd, 3 * PAGE) == 0);
	shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, PAGE);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED);
	CHECK(pwrite(fd, "A", 1, PAGE + 7) == 1);
	CHECK(shared[PAGE + 7] == 'A' && private[7] == 'A');
	shared[PAGE + 8] = 'B';
	CHECK(pread(fd, &byte, 1, PAGE + 8) == 1 && byte == 'B');
	private[9] = 'C';
	CHECK(pread(fd, &byte, 1, PAGE + 9) == 1 && byte == 0);
	CHECK(shared[PAGE + 9] == 0);
	close(fd); /* the mapping stays */
	shared[2 * PAGE] = 'D';
	CHECK(private[PAGE] == 'D');
	return 0;
}

static int past_the_end_of_a_file_is_sigbus(void)
{
	int fd = temp_file();
	char *p;

	catch_faults();
	CHECK(ftruncate(fd, PAGE + 10) == 0);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK(write_signal(p + PAGE + 100) == 0); /* the rest of the last page is there, and zero */
	CHECK(p[PAGE + 11] == 0);
	CHECK(read_signal(p + 2 * PAGE) == SIGBUS && caught_code == BUS_ADRERR);
	CHECK(ftruncate(fd, 4 * PAGE) == 0);
	CHECK(write_signal(p + 3 * PAGE) == 0);
	CHECK(ftruncate(fd, PAGE) == 0);
	CHECK(read_signal(p + 3 * PAGE) == SIGBUS);
	CHECK(read_signal(p) == 0);
	CHECK(ftruncate(fd, 4 * PAGE) == 0);
	CHECK(p[3 * PAGE] == 0);
	return 0;
}

static int truncation_takes_private_copies_too(void)
{
	int fd = temp_file();
	char *p;

	catch_faults();
	CHECK(ftruncate(fd, 2 * PAGE) == 0);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	p[PAGE] = 'x';
	CHECK(ftruncate(fd, PAGE) == 0);
	CHECK(read_signal(p + PAGE) == SIGBUS);
	CHECK(ftruncate(fd, 2 * PAGE) == 0);
	CHECK(read_signal(p + PAGE) == 0 && p[PAGE] == 0);
	return 0;
}

static int rights_of_the_descriptor_limit_the_mapping(void)
{
	char name[] = "/tmp/lodger-test-XXXXXX";
	int fd = mkstemp(name), read_only = open(name, O_RDONLY), write_only = open(name, O_WRONLY);
	char *p;

	unlink(name);
	CHECK(ftruncate(fd, PAGE) == 0);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, read_only, 0), EACCES);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, write_only, 0), EACCES);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, read_only, 0);
	CHECK(p != MAP_FAILED);
	CHECK_ERRNO(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES);
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, read_only, 0);
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
	p[0] = 1;
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
	return 0;
}

/* ---- mprotect ------------------------------------------------------------------------------------------ */

static int mprotect_gives_and_takes_rights(void)
{
	char *p = map_private(3);

	catch_faults();
	memset(p, 'p', 3 * PAGE);
	CHECK(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
	CHECK(write_signal(p + PAGE) == SIGSEGV && caught_code == SEGV_ACCERR);
	CHECK(p[PAGE] == 'p');
	CHECK(mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
	CHECK(read_signal(p + PAGE) == SIGSEGV && caught_code == SEGV_ACCERR);
	CHECK(mprotect(p, 3 * PAGE, PROT_READ | PROT_WRITE) == 0);
	CHECK(p[PAGE] == 'p' && write_signal(p + PAGE) == 0);
	CHECK_ERRNO(syscall(SYS_mprotect, p + 100, 0, PROT_READ), EINVAL);
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK_ERRNO(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
	CHECK(write_signal(p) == SIGSEGV); /* up to the hole it was done */
	return 0;
}

static int code_can_be_written_and_run(void)
{
	static const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
	char *p = map_private(1);
	int (*fn)(void) = (int (*)(void))(void *)p;

	catch_faults();
	memcpy(p, code, sizeof(code));
	if (sigsetjmp(jump, 1) == 0) {
		fn();
		CHECK(!"data must not run");
	}
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	CHECK(fn() == 42);
	CHECK(write_signal(p) == SIGSEGV);
	return 0;
}

static const struct memory_test tests[] = {
	{"anonymous memory is zero", anonymous_memory_is_zero},
	{"accesses outside get sigsegv", accesses_outside_get_sigsegv},
	{"bad arguments of mmap", bad_arguments_of_mmap},
	{"fixed replaces what is there", fixed_replaces_what_is_there},
	{"an enormous reservation is free of charge", an_enormous_reservation_is_free_of_charge},
	{"many mappings at once", many_mappings_at_once},
	{"mapped files agree with read and write", mapped_files_agree_with_read_and_write},
	{"past the end of a file is sigbus", past_the_end_of_a_file_is_sigbus},
	{"truncation takes private copies too", truncation_takes_private_copies_too},
	{"rights of the descriptor limit the mapping", rights_of_the_descriptor_limit_the_mapping},
	{"mprotect gives and takes rights", mprotect_gives_and_takes_rights},
	{"code can be written and run", code_can_be_written_and_run},
};

int main(void)
{
	return run_tests(tests, sizeof(tests) / sizeof(tests[0]));
}
