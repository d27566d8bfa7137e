/* kernel/arch/x86_64/entry/sigframe.c */
#include "test.h"
#include <string.h>
#include <arch/mmu.h>
#include <port/layout.h>
#include <port/x86.h>
#include "../../../../kernel/arch/x86_64/entry/sigframe.h"

TEST(frames_are_aligned_as_the_abi_wants_and_do_not_overlap)
{
	for (uintptr_t top = 0x7ffff000; top < 0x7ffff000 + 300; top++) {
		for (size_t fpu = 512; fpu < 3000; fpu += 97) {
			uintptr_t frame, fpstate;

			assert_true(sigframe_place(top, fpu, &frame, &fpstate));
			assert_int_equal(fpstate % 64, 0);
			assert_true(fpstate + fpu <= top);
			assert_int_equal(frame % 16, 8); /* as after a call */
			assert_true(frame + sizeof(struct rt_sigframe) <= fpstate);
		}
	}
}

TEST(impossible_stacks_are_refused)
{
	uintptr_t frame, fpstate;

	assert_false(sigframe_place(0, 832, &frame, &fpstate));
	assert_false(sigframe_place(1000, 832, &frame, &fpstate));
	assert_false(sigframe_place(ARCH_USER_END + 1, 832, &frame, &fpstate));
	assert_false(sigframe_place(UINT64_MAX, 832, &frame, &fpstate));
	assert_false(sigframe_place(ARCH_KERNEL_BASE + 0x10000, 832, &frame, &fpstate));
	assert_true(sigframe_place(ARCH_USER_END, 832, &frame, &fpstate));
}

TEST(linux_layout_is_met)
{
	assert_int_equal(offsetof(struct rt_sigframe, context), 8);
	assert_int_equal(offsetof(struct rt_sigframe, context.registers), 48);
	assert_int_equal(offsetof(struct rt_sigframe, context.registers.rip), 48 + 128);
	assert_int_equal(offsetof(struct rt_sigframe, context.registers.fpstate), 48 + 184);
	assert_int_equal(offsetof(struct rt_sigframe, context.mask), 304);
	assert_int_equal(offsetof(struct rt_sigframe, info), 312);
}

TEST(registers_come_back_as_they_are_in_the_frame)
{
	struct sigcontext context;
	struct trapframe tf = {.rflags = RFLAGS_IF | RFLAGS_FIXED, .kind = FRAME_SYSCALL};
	uint64_t *words = (uint64_t *)&context;

	for (unsigned i = 0; i < sizeof(context) / 8; i++)
		words[i] = 0x1000 + i;
	context.rflags = RFLAGS_CF;
	sigcontext_restore(&context, &tf);
	assert_int_equal(tf.r8, 0x1000);
	assert_int_equal(tf.r15, 0x1007);
	assert_int_equal(tf.rdi, 0x1008);
	assert_int_equal(tf.rsi, 0x1009);
	assert_int_equal(tf.rbp, 0x100a);
	assert_int_equal(tf.rbx, 0x100b);
	assert_int_equal(tf.rdx, 0x100c);
	assert_int_equal(tf.rax, 0x100d);
	assert_int_equal(tf.rcx, 0x100e);
	assert_int_equal(tf.rsp, 0x100f);
	assert_int_equal(tf.rip, 0x1010);
	assert_int_equal(tf.rflags, RFLAGS_IF | RFLAGS_FIXED | RFLAGS_CF);
}

TEST(hostile_contexts_get_no_rights)
{
	struct sigcontext context;
	struct trapframe tf = {.rflags = RFLAGS_IF | RFLAGS_FIXED, .kind = FRAME_SYSCALL};

	memset(&context, 0xff, sizeof(context));
	sigcontext_restore(&context, &tf);
	assert_int_equal(tf.cs, SEL_USER_CODE);
	assert_int_equal(tf.ss, SEL_USER_DATA);
	assert_int_equal(tf.kind, FRAME_PLAIN); /* never by SYSRET */
	assert_int_equal(tf.rflags & (RFLAGS_IOPL | RFLAGS_NT | 1U << 17 /* VM */), 0);
	assert_true(tf.rflags & RFLAGS_IF);

	memset(&context, 0, sizeof(context));
	sigcontext_restore(&context, &tf);
	assert_true(tf.rflags & RFLAGS_IF);
	assert_true(tf.rflags & RFLAGS_FIXED);
}

TEST(addresses_that_iret_would_fault_on_are_replaced)
{
	static const uint64_t bad[] = {1ULL << 47, 0x00007ffffffff000, 0x8000000000000000,
				       0xffff7fffffffffff, 0xffff800000000000};
	struct trapframe tf = {0};

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct sigcontext context = {.rip = bad[i]};

		sigcontext_restore(&context, &tf);
		assert_int_equal((int64_t)(tf.rip << 16) >> 16, (int64_t)tf.rip);
		assert_true(tf.rip >= ARCH_KERNEL_BASE); /* faults in user mode */
	}
}
