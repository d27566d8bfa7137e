# x86-64: code generation and the link.
PORT_DIR := kernel/arch/x86_64

PORT_CFLAGS := -m64 -march=x86-64 -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -mno-mmx -mno-sse \
	-mno-80387 -fcf-protection=none
