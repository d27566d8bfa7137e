/*
 * copies from and to user memory. Forwards, words first; where a word faults the rest goes
 * byte by byte, so that exactly what lies before the first bad byte is done. One code for both
 * directions: which side is the user's only decides who faults.
 */
.macro SMAP_SITE insn
771:	\insn
	.pushsection .smap_sites, "a", @progbits
	.long 771b - .
	.popsection
.endm

.macro EXTABLE insn, fixup
	.pushsection .extable, "a", @progbits
	.long \insn - .
	.long \fixup - .
	.popsection
.endm

/* From so many words on the string instruction is worth its start-up. */
#define STRING_WORDS 24

	.section .uaccess.text, "ax", @progbits

/* size_t arch_copy_from_user(void *dst, const void *user_src, size_t n), and to. */
	.globl arch_copy_from_user, arch_copy_to_user
	.type arch_copy_from_user, @function
	.type arch_copy_to_user, @function
	.balign 16
arch_copy_from_user:
arch_copy_to_user:
	SMAP_SITE stac
	mov %rdx, %rcx
	shr $3, %rcx
	jz .Lcopy_tail
	cmp $STRING_WORDS, %rcx
	jae .Lcopy_string
	lea (%rsi, %rcx, 8), %rsi
	lea (%rdi, %rcx, 8), %rdi
	neg %rcx
1:	mov (%rsi, %rcx, 8), %rax
2:	mov %rax, (%rdi, %rcx, 8)
	inc %rcx
	jnz 1b
.Lcopy_tail:
	and $7, %edx
	jz .Lcopy_done
.Lcopy_bytes:
3:	mov (%rsi), %al
4:	mov %al, (%rdi)
	inc %rsi
	inc %rdi
	dec %rdx
	jnz 3b
.Lcopy_done:
	mov %rdx, %rax
	SMAP_SITE clac
	ret
.Lcopy_string:
5:	rep movsq
	jmp .Lcopy_tail

	/* rsi and rdi point behind the words of which -rcx are left. */
.Lcopy_word_fault:
	lea (%rsi, %rcx, 8), %rsi
	lea (%rdi, %rcx, 8), %rdi
	neg %rcx
.Lcopy_string_fault:
	and $7, %edx
	lea (%rdx, %rcx, 8), %rdx
	jmp .Lcopy_bytes
	.size arch_copy_from_user, . - arch_copy_from_user

	EXTABLE 1b, .Lcopy_word_fault
	EXTABLE 2b, .Lcopy_word_fault
	EXTABLE 3b, .Lcopy_done
	EXTABLE 4b, .Lcopy_done
	EXTABLE 5b, .Lcopy_string_fault

/* size_t arch_clear_user(void *user_dst, size_t n) */
	.globl arch_clear_user
	.type arch_clear_user, @function
	.balign 16
arch_clear_user:
	SMAP_SITE stac
	xor %eax, %eax
	mov %rsi, %rcx
	shr $3, %rcx
	jz .Lclear_tail
6:	rep stosq
.Lclear_tail:
	and $7, %esi
	jz .Lclear_done
.Lclear_bytes:
7:	mov %al, (%rdi)
	inc %rdi
	dec %rsi
	jnz 7b
.Lclear_done:
	mov %rsi, %rax
	SMAP_SITE clac
	ret
.Lclear_string_fault:
	and $7, %esi
	lea (%rsi, %rcx, 8), %rsi
	jmp .Lclear_bytes
	.size arch_clear_user, . - arch_clear_user

	EXTABLE 6b, .Lclear_string_fault
	EXTABLE 7b, .Lclear_done
