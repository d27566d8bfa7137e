/*
 * The interrupt descriptor table: one for all CPUs, never changed after boot; what differs between
 * CPUs is where their TSS's interrupt stacks are.
 */
#include <port/layout.h>
#include "entry.h"

enum { GATE_INTERRUPT = 0x8e, DPL_USER = 3 << 5 };

/* SDM vol. 3, 6.14.1. */
struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

static struct gate idt[NR_VECTORS] ALIGNED(16);

static INIT_TEXT uint8_t gate_ist(unsigned vector)
{
	switch (vector) {
	case VEC_DOUBLE_FAULT:
	case VEC_MACHINE_CHECK:
		return IST_DOUBLE_FAULT;
	case VEC_NMI:
		return IST_NMI;
	case VEC_DEBUG:
		return IST_DEBUG;
	default:
		return 0;
	}
}

INIT_TEXT void idt_init(void)
{
	for (unsigned v = 0; v < NR_VECTORS; v++) {
		uintptr_t stub = (uintptr_t)trap_stubs + 16 * v;
		bool for_users = v == VEC_BREAKPOINT || v == VEC_OVERFLOW;

		idt[v] = (struct gate){
			.offset_low = (uint16_t)stub,
			.offset_middle = (uint16_t)(stub >> 16),
			.offset_high = (uint32_t)(stub >> 32),
			.selector = SEL_KERNEL_CODE,
			.ist = gate_ist(v),
			.type = GATE_INTERRUPT | (for_users ? DPL_USER : 0),
		};
	}
}

void idt_load(void)
{
	struct PACKED {
		uint16_t limit;
		const void *base;
	} pointer = {sizeof(idt) - 1, idt};

	__asm__ volatile("lidt %0" ::"m"(pointer));
}
