/*
 * What a secondary CPU runs first: smp/start.c copies it to a page below 1 MiB and sends the page's
 * number in the start-up IPI (SDM vol. 3, 9.4). Real mode, CS = page << 8, IP = 0.
 */
#include <port-offsets.h>

#define phys(symbol) ((symbol) - KERNEL_IMAGE_BASE)

	.section .rodata.trampoline, "a", @progbits
	.code16
	.globl ap_trampoline, ap_trampoline_end
ap_trampoline:
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	lgdtl ap_gdt_pointer - ap_trampoline
	mov %cr0, %eax
	or $1, %al
	mov %eax, %cr0
	ljmpl $0x08, $phys(ap_start32)

	.balign 8
	/* The GDT of boot/pvh.S: limit and physical address. */
ap_gdt_pointer:
	.word 31
	.long phys(boot_gdt)
ap_trampoline_end:
