/*
 * Fibres. A switch saves the registers that calls preserve (x86-64 psABI 3.2.1) on the stack that
 * is left, and tells the address sanitizer which stack is in use. One thread: no locks.
 */
#include "fibre.h"
#include "os.h"

enum { STACK_LEN = 512 << 10, GUARD_LEN = 4096, MAX_FREE = 64 };

/* Stacks are used again: mapping one costs more than many a test. */
static struct host_fibre *free_fibres[MAX_FREE];
static unsigned nr_free;
static struct host_fibre original;

#ifdef __SANITIZE_ADDRESS__
void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old,
				     size_t *size_old);
void __asan_unpoison_memory_region(const volatile void *address, size_t size);
#else
static void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size)
{
}
static void __sanitizer_finish_switch_fiber(void *save, const void **bottom, size_t *size)
{
}
static void __asan_unpoison_memory_region(const volatile void *address, size_t size)
{
}
#endif

void host_fibre_jump(void **save_sp, void *to_sp);
void host_fibre_entry(void);

__asm__(".text\n"
	".type host_fibre_jump, @function\n"
	"host_fibre_jump:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size host_fibre_jump, . - host_fibre_jump\n");

static struct host_fibre *starting; /* the new fibre, told to host_fibre_entry */

void host_fibre_entry(void)
{
	struct host_fibre *self = starting;

	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
	self->fn(self->arg);
	os_abort();
}

struct host_fibre *host_fibre_create(void (*fn)(void *arg), void *arg)
{
	struct host_fibre *fibre;

	if (nr_free) {
		fibre = free_fibres[--nr_free];
	} else {
		char *area = os_reserve(GUARD_LEN + STACK_LEN + sizeof(*fibre));
		os_commit(area + GUARD_LEN, STACK_LEN + sizeof(*fibre));
		fibre = (struct host_fibre *)(void *)(area + GUARD_LEN + STACK_LEN);
		fibre->stack = area + GUARD_LEN;
		fibre->stack_len = STACK_LEN;
	}
	__asan_unpoison_memory_region(fibre->stack, fibre->stack_len);
	fibre->fn = fn;
	fibre->arg = arg;
	fibre->fake_stack = NULL;

	/* As if it had been left by host_fibre_jump: six registers, then where to return to. */
	void **sp = (void **)(void *)(fibre->stack + fibre->stack_len);
	*--sp = NULL;
	*--sp = (void *)host_fibre_entry;
	for (int i = 0; i < 6; i++)
		*--sp = NULL;
	fibre->sp = sp;
	return fibre;
}

void host_fibre_destroy(struct host_fibre *fibre)
{
	if (!fibre || fibre->is_original)
		return;
	if (nr_free < MAX_FREE)
		free_fibres[nr_free++] = fibre;
	else
		os_decommit(fibre->stack, fibre->stack_len);
}

struct host_fibre *host_fibre_original(void)
{
	if (!original.stack) {
		os_stack(&original.stack, &original.stack_len);
		original.is_original = true;
	}
	return &original;
}

void host_fibre_switch(struct host_fibre *from, struct host_fibre *to)
{
	if (from == to)
		return;
	starting = to;
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_len);
	host_fibre_jump(&from->sp, to->sp);
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
}
