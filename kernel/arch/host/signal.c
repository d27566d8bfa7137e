/* Fresh programs and signal frames: the host's own layout, in the task's user memory. */
#include <kern/string.h>
#include <arch/mmu.h>
#include <arch/trapframe.h>
#include <arch/uaccess.h>
#include <uapi/errno.h>
#include <uapi/signal.h>

enum { FRAME_MAGIC = 0x5167f4a3 };

struct signal_frame {
	struct signal_info info;
	struct trapframe saved;
	uint64_t mask;
	uint64_t altstack_base, altstack_size;
	uint32_t altstack_flags;
	uint32_t magic;
};

void arch_frame_exec(struct trapframe *tf, uintptr_t ip, uintptr_t sp)
{
	memset(tf, 0, sizeof(*tf));
	tf->ip = ip;
	tf->sp = sp;
	tf->is_user = true;
}

int arch_signal_push(struct trapframe *tf, const struct signal_delivery *delivery)
{
	uintptr_t top = delivery->on_stack_top ? delivery->on_stack_top : tf->sp - 128;
	uintptr_t sp = ROUND_DOWN(top - sizeof(struct signal_frame), 16);
	struct signal_frame frame = {
		.info = *delivery->info,
		.saved = *tf,
		.mask = delivery->saved_mask,
		.altstack_base = delivery->altstack_base,
		.altstack_size = delivery->altstack_size,
		.altstack_flags = delivery->altstack_flags,
		.magic = FRAME_MAGIC,
	};

	if (sp >= ARCH_USER_END || arch_copy_to_user((void *)sp, &frame, sizeof(frame)))
		return -EFAULT;
	tf->ip = delivery->handler;
	tf->sp = sp;
	tf->handler_arg[0] = (uint64_t)delivery->info->signo;
	tf->handler_arg[1] = sp;
	tf->handler_arg[2] = sp + sizeof(struct signal_info);
	tf->in_syscall = false;
	return 0;
}

int arch_signal_pop(struct trapframe *tf, struct signal_restored *restored)
{
	struct signal_frame frame;

	if (tf->sp >= ARCH_USER_END - sizeof(frame) ||
	    arch_copy_from_user(&frame, (void *)tf->sp, sizeof(frame)) ||
	    frame.magic != FRAME_MAGIC)
		return -EFAULT;
	*tf = frame.saved;
	tf->is_user = true;
	tf->in_syscall = false;
	restored->mask = frame.mask;
	restored->altstack_base = frame.altstack_base;
	restored->altstack_size = frame.altstack_size;
	restored->altstack_flags = frame.altstack_flags;
	return 0;
}
