/* The address sanitizer's shadow inside the port; all of it nothing in builds without it. */
#ifndef X86_KASAN_H
#define X86_KASAN_H

#include <kern/types.h>
#include <arch/kasan.h>

struct task_struct;

#if LODGER_KASAN
/* Shadow for [va, va + len) of the small mappings. -ENOMEM. Context: as arch_kernel_map. */
MUST_USE int shadow_map(vaddr_t va, uint64_t len);
/* Shadow for the image and all RAM, into the tables that are being built; checks start. Context: boot,
 * before the real tables are loaded, and after. */
void shadow_init(void);
void shadow_start(void);
/* Forgets the traces of calls that never returned. */
void shadow_clean_stack(const struct task_struct *task);
#else
MUST_USE static inline int shadow_map(vaddr_t va, uint64_t len)
{
	return 0;
}
static inline void shadow_init(void)
{
}
static inline void shadow_start(void)
{
}
static inline void shadow_clean_stack(const struct task_struct *task)
{
}
#endif

#endif
