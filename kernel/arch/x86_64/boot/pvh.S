/*
 * The first instructions of the boot CPU, and of every other one from 32-bit mode on.
 *
 * PVH entry (xen/include/public/arch-x86/hvm/start_info.h and docs/misc/pvh.pandoc): 32-bit
 * protected mode, paging off, flat segments, no stack, EBX = physical address of hvm_start_info.
 * The code of section .boot.text is linked high but runs at its physical address until paging is
 * on: it reaches data through phys().
 */
#include <port/layout.h>
#include <port-offsets.h>

#define phys(symbol) ((symbol) - KERNEL_IMAGE_BASE)

#include "kasan.inc"

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18			/* name size, value size, XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad phys(pvh_start)

	.section .boot.text, "ax", @progbits

	/* Accessed bits are set beforehand: the CPU need not write to this read-only page. */
	.balign 16
boot_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff	/* 0x08: 32-bit code */
	.quad 0x00af9b000000ffff	/* 0x10: 64-bit code */
	.quad 0x00cf93000000ffff	/* 0x18: data */
	.globl boot_gdt
boot_gdt_pointer:
	.word . - boot_gdt - 1
	.long phys(boot_gdt)
	.long 0

/*
 * Long mode and NX or nothing: without them the CPU faults at once in ways nobody can read, so say
 * it on the serial port. Clobbers all but esi, edi.
 */
	.code32
check_cpu:
	mov $0x80000000, %eax
	cpuid
	cmp $0x80000001, %eax
	jb 1f
	mov $0x80000001, %eax
	cpuid
	and $(1 << 29 | 1 << 20), %edx
	cmp $(1 << 29 | 1 << 20), %edx
	jne 1f
	ret
1:	mov $phys(no_long_mode), %ebx
	mov $0x3f8, %edx
2:	mov (%ebx), %al
	test %al, %al
	jz 3f
	out %al, (%dx)
	inc %ebx
	jmp 2b
3:	cli
	hlt
	jmp 3b
no_long_mode:
	.asciz "lodger: this CPU has no long mode or no NX bit\r\n"

/* The boot CPU. */
	.globl pvh_start
pvh_start:
	cli
	cld
	mov $phys(arch_boot_stack) + KERNEL_STACK_SIZE, %esp
	mov %ebx, %esi
	call check_cpu

	/* 2-MiB pages for the first 4 GiB: boot_pds are four page directories in a row. */
	mov $phys(boot_pds), %edi
	mov $0x83, %eax			/* present, write, large */
	mov $2048, %ecx
1:	mov %eax, (%edi)
	add $0x200000, %eax
	add $8, %edi
	dec %ecx
	jnz 1b

	/* They show at 0, at PHYS_BASE, and their first GiB also at KERNEL_IMAGE_BASE. */
	mov $phys(boot_pds) + 3, %eax
	mov %eax, phys(boot_pdpt_image) + 510 * 8
	mov $phys(boot_pdpt_low), %edi
	mov $4, %ecx
2:	mov %eax, (%edi)
	add $0x1000, %eax
	add $8, %edi
	dec %ecx
	jnz 2b
	movl $phys(boot_pdpt_low) + 3, phys(boot_root)
	movl $phys(boot_pdpt_low) + 3, phys(boot_root) + 256 * 8
	movl $phys(boot_pdpt_image) + 3, phys(boot_root) + 511 * 8
	MAP_IMAGE_SHADOW

	mov $phys(boot_root), %eax
	mov $phys(pvh_start_high), %ebx
	/* fall through */

/*
 * Turns paging and long mode on. eax: physical address of the root, which maps this page at its
 * physical address; ebx: where to go on in 64-bit mode, physical. Keeps esi, ebp, esp.
 */
enter_long_mode:
	mov %eax, %cr3
	mov $(CR4_PAE | CR4_PGE), %eax
	mov %eax, %cr4
	mov $MSR_EFER, %ecx
	rdmsr
	or $(EFER_LME | EFER_NXE | EFER_SCE), %eax
	wrmsr
	lgdtl phys(boot_gdt_pointer)
	mov $CR0_SETUP, %eax
	mov %eax, %cr0
	ljmpl $SEL_KERNEL_CODE, $phys(1f)
	.code64
1:	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov %ebx, %ebx
	jmp *%rbx

pvh_start_high:
	mov $1f, %rax
	jmp *%rax
1:	mov $arch_boot_stack + KERNEL_STACK_SIZE, %rsp
	/* CPU 0's per-CPU data are the image's own, seen through the direct map. */
	mov $MSR_GS_BASE, %ecx
	mov $PERCPU_BOOT_OFFSET_HIGH, %edx
	mov $PERCPU_BOOT_OFFSET_LOW, %eax
	wrmsr
	mov %esi, %edi
	xor %ebp, %ebp
	call boot_main
	ud2

/*
 * A secondary CPU, from the trampoline (smp/trampoline.S): 32-bit protected mode, flat segments.
 * smp/start.c has filled in ap_boot.
 */
	.code32
	.globl ap_start32
ap_start32:
	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $phys(ap_root), %eax
	mov $phys(ap_start_high), %ebx
	jmp enter_long_mode
	.code64
ap_start_high:
	mov $1f, %rax
	jmp *%rax
1:	mov ap_boot + AP_BOOT_STACK(%rip), %rsp
	mov $MSR_GS_BASE, %ecx
	mov ap_boot + AP_BOOT_PERCPU(%rip), %eax
	mov ap_boot + AP_BOOT_PERCPU + 4(%rip), %edx
	wrmsr
	xor %ebp, %ebp
	call ap_main
	ud2

/* Used until the real tables are there; freed with the other init memory. */
	.section .init.bss, "aw", @nobits
	.balign 4096
boot_root:
	.skip 4096
boot_pdpt_low:
	.skip 4096
boot_pdpt_image:
	.skip 4096
boot_pds:
	.skip 4 * 4096

/* The page below the stack is unmapped (mm/paging.c). */
	.section .bss..page, "aw", @nobits
	.balign 4096
	.globl arch_boot_stack, boot_stack_guard
boot_stack_guard:
	.skip 4096
arch_boot_stack:
	.skip KERNEL_STACK_SIZE
