/*
 * What the host port needs from the operating system that runs the tests. os.c alone includes the C
 * library's headers, the rest of the port only the kernel's: their structs have the same names.
 */
#ifndef HOST_OS_H
#define HOST_OS_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

/* Zeroed memory, page-aligned, that costs nothing until it is touched; or only its addresses. */
void *os_map(size_t len);
void *os_reserve(size_t len);
/* Makes part of a reservation usable, zeroed; or takes it back. */
void os_commit(void *address, size_t len);
void os_decommit(void *address, size_t len);

void os_write_error(const char *text, size_t len);
__attribute__((noreturn)) void os_exit(int status);
/* Ends the test program with a core and the sanitizer's view of the stack. */
__attribute__((noreturn)) void os_abort(void);

/* The calling thread's stack. */
void os_stack(char **lowest, size_t *len);
unsigned os_backtrace(uintptr_t *addresses, unsigned max);
void os_backtrace_print(void);

/*
 * Runs what follows in a copy of the process: true there, with standard error caught; false in the
 * original, when the copy has ended: then *status and text (cut to size) say how.
 */
bool os_run_in_copy(int *status, char *text, size_t size);

#endif
