# x86-64: code generation, the numbers that assembly needs, and the link.
PORT_DIR := kernel/arch/x86_64

PORT_CFLAGS := -m64 -march=x86-64 -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fcf-protection=none -I$(KBUILD)/include

# Outline checks: the shadow is looked up by mm/kasan.c, which must not check itself.
PORT_KASAN_CFLAGS := -fsanitize=kernel-address -fasan-shadow-offset=0xdffffc0000000000 \
	--param asan-instrumentation-with-call-threshold=0 --param asan-stack=1 --param asan-globals=1
$(KBUILD)/arch/x86_64/mm/kasan.c.o: private PORT_KASAN_CFLAGS :=

# Offsets: compiled, not linked; every assembly file may include port-offsets.h.
PORT_OFFSETS := $(KBUILD)/include/port-offsets.h

$(PORT_OFFSETS): private PORT_KASAN_CFLAGS :=
$(PORT_OFFSETS): $(PORT_DIR)/offsets.def
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(filter-out -MMD -MP -g -fsanitize%,$(KERNEL_CFLAGS)) -MMD -MP -MT $@ -MF $@.d \
		-I$(PORT_DIR) -S -x c $< -o $@.s
	@{ echo '/* Made by port.mk from $<. */'; \
	sed -n 's/^->\([A-Z0-9_]*\) \$$\(.*\)/#define \1 (\2)/p' $@.s; } > $@

-include $(PORT_OFFSETS).d

$(filter %.S.o,$(kernel_objects)): $(PORT_OFFSETS)

# The image is linked twice: the second time with the table of the first one's functions, which
# comes after all text and so moves none of it. lodger.debug is for gdb, lodger.elf is what boots.
PORT_LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --gc-sections \
	--no-warn-rwx-segments --build-id=none -T $(PORT_DIR)/kernel.ld

$(KBUILD)/pass1.elf: $(kernel_objects) $(PORT_DIR)/kernel.ld
	$(call quiet,LD)ld $(PORT_LDFLAGS) -o $@ $(kernel_objects)

$(KBUILD)/symbols.S: $(KBUILD)/pass1.elf tools/symbols.awk
	@nm -n --defined-only $< | LC_ALL=C awk -f tools/symbols.awk > $@

$(KBUILD)/symbols.o: $(KBUILD)/symbols.S
	$(call quiet,CC)$(CC) -c $< -o $@

$(KBUILD)/lodger.debug: $(kernel_objects) $(KBUILD)/symbols.o $(PORT_DIR)/kernel.ld
	$(call quiet,LD)ld $(PORT_LDFLAGS) -o $@ $(kernel_objects) $(KBUILD)/symbols.o

$(KERNEL): $(KBUILD)/lodger.debug
	$(call quiet,STRIP)objcopy --strip-all $< $@
