/*
 * FPU state: XSAVE with what the CPU has of x87, SSE, AVX and AVX-512, or FXSAVE (SDM vol. 1,
 * chapter 13). Owns the registers of this CPU together with entry/thread.c; the format and size are
 * constant after boot.
 */
#include <kern/assert.h>
#include <kern/string.h>
#include <kern/task.h>
#include <uapi/errno.h>
#include <uapi/signal.h>
#include <arch/irq.h>
#include <port/features.h>
#include <port/smap.h>
#include <port/x86.h>
#include "fpu.h"

enum {
	LEGACY_SIZE = 512,
	HEADER_SIZE = 64,
	STATE_X87 = 1,
	STATE_SSE = 2,
	STATE_AVX = 4,
	STATE_AVX512 = 0xe0, /* three components, of use only together */
	CONTROL_WORD = 0x37f,
	MXCSR_DEFAULT = 0x1f80,
};

/* What Linux puts in the bytes that the CPU leaves to software (struct _fpx_sw_bytes). */
struct fpu_software {
	uint32_t magic1, extended_size;
	uint64_t features;
	uint32_t state_size, padding[7];
};

/* The start of an area; what follows the header depends on the CPU. */
struct fpu_area {
	uint16_t control, status;
	uint8_t tags, reserved0;
	uint16_t opcode;
	uint64_t ip, data;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t registers[LEGACY_SIZE - 32 - 48];
	struct fpu_software software;
	uint64_t present, compaction, reserved1[6]; /* XSAVE header */
};
STATIC_ASSERT(sizeof(struct fpu_area) == LEGACY_SIZE + HEADER_SIZE);

STATIC_ASSERT(offsetof(struct fpu_area, software.padding[1]) % 8 == 0);

enum { MAGIC1 = 0x46505853, MAGIC2 = 0x46505845, MAGIC2_SIZE = 4 };

static uint64_t features;   /* [const] components in use; 0: FXSAVE */
static uint32_t state_size; /* [const] */
static bool has_xsaveopt;   /* [const] */

/* All components in their initial state: none present. */
static const struct fpu_area initial_state ALIGNED(64) = {
	.control = CONTROL_WORD,
	.mxcsr = MXCSR_DEFAULT,
};

INIT_TEXT void fpu_init(void)
{
	uint64_t available;

	state_size = LEGACY_SIZE;
	if (!x86_features.has_xsave)
		return;
	available = cpuid_read(0xd, 0).eax;
	features = STATE_X87 | STATE_SSE | (available & STATE_AVX);
	if ((features & STATE_AVX) && (available & STATE_AVX512) == STATE_AVX512)
		features |= STATE_AVX512;
	has_xsaveopt = x86_features.has_xsaveopt;
	xcr0_write(features);
	state_size = cpuid_read(0xd, 0).ebx; /* of what XCR0 enables */
	assert(state_size >= sizeof(struct fpu_area) && state_size <= PAGE_SIZE);
}

size_t fpu_area_size(void)
{
	/* With FXSAVE too there is room for the header: the layout is one. */
	return ROUND_UP(MAX((size_t)state_size, sizeof(struct fpu_area)), 64UL);
}

static struct fpu_area *area_of(const struct task_struct *task)
{
	return (struct fpu_area *)((char *)task->stack + KERNEL_STACK_SIZE - fpu_area_size());
}

static void state_load(const struct fpu_area *area, uint64_t which)
{
	if (features)
		__asm__ volatile("xrstor64 %0" ::"m"(*area), "a"((uint32_t)which), "d"(0)
				 : "memory");
	else
		__asm__ volatile("fxrstor64 %0" ::"m"(*area) : "memory");
}

void fpu_reset(void)
{
	state_load(&initial_state, features);
}

void fpu_enable(void)
{
	__asm__ volatile("clts");
	if (features)
		xcr0_write(features);
	fpu_reset();
}

void fpu_load(struct task_struct *task)
{
	state_load(area_of(task), features);
}

static void state_save(struct fpu_area *area)
{
	if (features)
		__asm__ volatile("xsave64 %0"
				 : "+m"(*area)
				 : "a"((uint32_t)features), "d"(0)
				 : "memory");
	else
		__asm__ volatile("fxsave64 %0" : "=m"(*area)::"memory");
}

/* The optimised form skips what has not changed since this very area was last loaded here; nothing
 * writes an area in between. */
void fpu_save(struct task_struct *task)
{
	struct fpu_area *area = area_of(task);

	if (has_xsaveopt)
		__asm__ volatile("xsaveopt64 %0"
				 : "+m"(*area)
				 : "a"((uint32_t)features), "d"(0)
				 : "memory");
	else
		state_save(area);
}

void fpu_copy_to(struct task_struct *child)
{
	struct fpu_area *area = area_of(child);

	/* The stack is another task's old one: the CPU writes of the header only `present`. */
	memset(&area->present, 0, HEADER_SIZE);
	state_save(area);
}

void fpu_area_reset(struct task_struct *task)
{
	*area_of(task) = initial_state;
}

int fpu_exception_code(bool is_simd)
{
	uint32_t raised;

	if (is_simd) {
		uint32_t mxcsr;

		__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
		raised = mxcsr & ~(mxcsr >> 7);
	} else {
		uint16_t control, status;

		__asm__ volatile("fnstcw %0; fnstsw %1" : "=m"(control), "=m"(status));
		raised = status & ~(uint32_t)control;
	}
	if (raised & 1)
		return FPE_FLTINV;
	if (raised & 4)
		return FPE_FLTDIV;
	if (raised & 8)
		return FPE_FLTOVF;
	if (raised & 0x12) /* underflow, denormal */
		return FPE_FLTUND;
	return FPE_FLTRES;
}

size_t fpu_frame_size(void)
{
	return state_size + (features ? MAGIC2_SIZE : 0);
}

/* The save instruction itself writes to the user's memory: it can be restarted after a fault. Of the
 * header the CPU writes only `present`. */
UACCESS int fpu_frame_save(void *user)
{
	struct fpu_area *frame = user;

	smap_open();
	if (!features) {
		__asm__ goto volatile("1: fxsave64 %0\n" EXTABLE("1b", "%l[fault]")
				      :
				      : "m"(*frame)
				      : "memory"
				      : fault);
		USER_PUT(0, (uint64_t *)&frame->software, fault); /* no magic: nothing behind it */
		smap_close();
		return 0;
	}
	USER_PUT(0, &frame->present, fault);
	USER_PUT(0, &frame->compaction, fault);
	for (unsigned i = 0; i < ARRAY_LEN(frame->reserved1); i++)
		USER_PUT(0, &frame->reserved1[i], fault);
	__asm__ goto volatile("1: xsave64 %0\n" EXTABLE("1b", "%l[fault]")
			      :
			      : "m"(*frame), "a"((uint32_t)features), "d"(0)
			      : "memory"
			      : fault);
	USER_PUT(MAGIC1 | (uint64_t)(state_size + MAGIC2_SIZE) << 32,
		 (uint64_t *)&frame->software.magic1, fault);
	USER_PUT(features, &frame->software.features, fault);
	USER_PUT(state_size, (uint64_t *)&frame->software.state_size, fault);
	for (unsigned i = 1; i < ARRAY_LEN(frame->software.padding); i += 2)
		USER_PUT(0, (uint64_t *)&frame->software.padding[i], fault);
	USER_STORE("movl", (uint32_t)MAGIC2, (uint32_t *)((char *)user + state_size), fault);
	smap_close();
	return 0;
fault:
	smap_close();
	return -EFAULT;
}

/* The CPU refuses reserved bits in MXCSR and in the header with #GP, which ends here too. */
static UACCESS int user_load(const struct fpu_area *user, uint64_t which)
{
	smap_open();
	if (which)
		__asm__ goto volatile("1: xrstor64 %0\n" EXTABLE("1b", "%l[fault]")
				      :
				      : "m"(*user), "a"((uint32_t)which), "d"(0)
				      : "memory"
				      : fault);
	else
		__asm__ goto volatile("1: fxrstor64 %0\n" EXTABLE("1b", "%l[fault]")
				      :
				      : "m"(*user)
				      : "memory"
				      : fault);
	smap_close();
	return 0;
fault:
	smap_close();
	return -EFAULT;
}

/* Which components the frame says that it holds beyond FXSAVE's; 0: it is no such frame. */
static UACCESS int frame_features(const struct fpu_area *frame, uint64_t *which)
{
	uint64_t sizes, offered, size;
	uint32_t magic2 = 0;

	*which = 0;
	smap_open();
	USER_GET(sizes, (const uint64_t *)&frame->software.magic1, fault);
	USER_GET(offered, &frame->software.features, fault);
	USER_GET(size, (const uint64_t *)&frame->software.state_size, fault);
	if (sizes == (MAGIC1 | (uint64_t)(state_size + MAGIC2_SIZE) << 32) &&
	    (uint32_t)size == state_size)
		USER_LOAD("movl", magic2, (const uint32_t *)((const char *)frame + state_size),
			  fault);
	smap_close();
	if (magic2 == MAGIC2)
		*which = offered & features;
	return 0;
fault:
	smap_close();
	return -EFAULT;
}

/* What a frame does not hold is as in a new program. */
static void reset_rest(uint64_t which)
{
	uint64_t rest = features & ~(which ? which : STATE_X87 | STATE_SSE);

	if (rest)
		state_load(&initial_state, rest);
}

int fpu_frame_load(const void *user)
{
	uint64_t which = 0;
	int error = 0;

	if (user && features)
		error = frame_features(user, &which);
	if (user && !error)
		error = user_load(user, which);
	if (!user || error)
		fpu_reset();
	else
		reset_rest(which);
	return error;
}
