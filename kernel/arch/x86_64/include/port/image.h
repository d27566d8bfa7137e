/* The image's own addresses, from kernel.ld. All are page-aligned unless said otherwise. */
#ifndef PORT_IMAGE_H
#define PORT_IMAGE_H

#include <kern/types.h>
#include <arch/mmu.h>

extern char image_start[], image_end[];
extern char text_start[], boot_text_end[] /* not aligned */, text_end[];
extern char rodata_start[], rodata_end[];
extern char init_text_start[], init_text_end[];
extern char data_start[], init_data_end[]; /* start-up data come first */
extern char percpu_start[], percpu_end[] /* aligned to 64 */;
extern char init_bss_start[], init_bss_end[];
extern char boot_stack_guard[];

static inline paddr_t image_to_phys(const void *symbol)
{
	return (paddr_t)symbol - KERNEL_IMAGE_BASE;
}

#endif
