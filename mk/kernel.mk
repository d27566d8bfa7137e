# The kernel: every .c and .S of the portable folders and of one port, linked into one ELF.
# Variants are built in folders of their own: build/kernel, build/kernel-debug, build/kernel-kasan.
KERNEL := $(KBUILD)/lodger.elf

kernel_folders := lib sync trace phys life sched mm fs task procfs drivers syscall init
kernel_sources := $(foreach f,$(kernel_folders),$(wildcard kernel/$(f)/*.c kernel/$(f)/*/*.c)) \
	$(shell find kernel/arch/$(ARCH) -name '*.c' -o -name '*.S')
kernel_objects := $(patsubst kernel/%,$(KBUILD)/%.o,$(kernel_sources))

KERNEL_INCLUDES := -Ikernel/include -Ikernel/arch/$(ARCH)/include

include kernel/arch/$(ARCH)/port.mk

KERNEL_CFLAGS = $(CSTD) $(WARNINGS) -O2 -g -ffreestanding -fno-common -fno-strict-aliasing \
	-fno-stack-protector -fno-pie -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
	-fno-delete-null-pointer-checks -fwrapv -ffunction-sections -fdata-sections \
	-nostdinc -isystem $(shell $(CC) -print-file-name=include) \
	$(PORT_CFLAGS) $(KERNEL_INCLUDES) -DLODGER_DEBUG=$(DEBUG) -MMD -MP $(EXTRA_CFLAGS)
ifeq ($(UBSAN),1)
KERNEL_CFLAGS += -fsanitize=undefined -fno-sanitize=alignment,vptr -DLODGER_UBSAN=1
endif
ifeq ($(KASAN),1)
KERNEL_CFLAGS += $(PORT_KASAN_CFLAGS) -DLODGER_KASAN=1
endif

.PHONY: kernel
kernel: $(KERNEL) ## build the kernel (DEBUG=1: asserts of every kind, KASAN=1: with the address sanitizer)

$(KBUILD)/%.c.o: kernel/%.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(KERNEL_CFLAGS) $(CFLAGS_$(notdir $<)) -c $< -o $@

$(KBUILD)/%.S.o: kernel/%.S
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(KERNEL_CFLAGS) -c $< -o $@

-include $(kernel_objects:.o=.d)

# The loops in here are memcpy and memset: the compiler must not turn them into calls of themselves.
CFLAGS_string.c := -fno-tree-loop-distribute-patterns
# The sanitizer does not look at its own end.
CFLAGS_ubsan.c := -fno-sanitize=undefined
