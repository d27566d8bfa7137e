# The explorer: prove/ (the engine) and tests/model (the world that the kernel's files are explored in),
# linked with those files, compiled unchanged through arch/host. docs/proving.md tells how it works.
PROVE := $(BUILD)/prove
# Where the kernel's files come from: another tree for a build with a planted bug.
PROVE_TREE ?= .

# The files that are explored: what a life is made of, and what it is built from.
prove_kernel := $(addprefix kernel/,life/eager.c life/hazard.c life/ledger.c life/mm.c life/refcount.c \
	life/registry.c life/root.c life/shootdown.c life/strategy.c life/task.c sched/switch.c mm/users.c mm/owner.c \
	mm/use.c mm/tlb.c sync/smp.c sync/spinlock.c sync/refcount.c)
prove_kernel_objects := $(patsubst %.c,$(PROVE)/%.o,$(prove_kernel))
prove_engine_objects := $(patsubst %.c,$(PROVE)/%.o,$(wildcard prove/*.c))
prove_model_objects := $(patsubst %.c,$(PROVE)/%.o,$(wildcard tests/model/*.c))

prove_flags = $(CSTD) $(WARNINGS) -O2 -g -fno-pie -fno-common -fno-strict-aliasing -fwrapv -fno-stack-protector \
	-U_FORTIFY_SOURCE -MMD -MP $(EXTRA_CFLAGS)
prove_includes = -I$(PROVE_TREE)/kernel/include -I$(PROVE_TREE)/kernel/arch/host/include -DLODGER_DEBUG=0
# The compiler announces plain accesses to us as it would to the thread sanitizer.
prove_seen_flags = $(prove_flags) -ffreestanding -fsanitize=thread --param tsan-instrument-func-entry-exit=0

.PHONY: prove prove-test prove-mutants lodger-prove
lodger-prove: $(BUILD)/lodger-prove

prove: $(BUILD)/lodger-prove ## explore the protocol: every scenario, every strategy, within the long bound
	$(BUILD)/lodger-prove --long

prove-test: $(BUILD)/lodger-prove $(PROVE)/engine-test ## the explorer's own tests, and the standard bound
	$(PROVE)/engine-test
	$(BUILD)/lodger-prove --jobs 2

prove-mutants: $(BUILD)/lodger-prove ## planted bugs, each of which the explorer must refute
	tests/mutants/prove

$(PROVE)/kernel/%.o: $(PROVE_TREE)/kernel/%.c mk/prove.mk
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(prove_seen_flags) -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
		-fno-delete-null-pointer-checks $(prove_includes) -c $< -o $@

# Their data become sections of a known place: that is what a state is made of. Two counters that nothing
# depends on are made visible, so that they can be left out.
prove_sections := --globalize-symbol=nr_tasks --globalize-symbol=next_id --rename-section .data=kdata \
	--rename-section .bss=kbss,alloc,load,data,contents
$(PROVE)/kernel.o: $(prove_kernel_objects)
	$(call quiet,LD)ld -r -o $@ $^
	@objcopy $(prove_sections) $@

$(PROVE)/prove/%.o: prove/%.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(prove_flags) -c $< -o $@

$(PROVE)/tests/model/%.o: tests/model/%.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(prove_flags) $(prove_includes) -c $< -o $@

$(BUILD)/lodger-prove: $(prove_engine_objects) $(prove_model_objects) $(PROVE)/kernel.o prove/sections.ld
	$(call quiet,LD)$(CC) -no-pie -T prove/sections.ld -o $@ $(filter %.o,$^)

# ---- planted bugs --------------------------------------------------------------------------------------
# tests/mutants/prove asks for these: MUTANT is a folder with source.c, which stands for MUTANT_FILE.
ifneq ($(MUTANT),)
$(MUTANT)/lodger-prove: $(prove_engine_objects) $(prove_model_objects) $(prove_kernel_objects) $(MUTANT)/source.c
	$(CC) $(filter-out -MMD -MP,$(prove_seen_flags)) -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
		-fno-delete-null-pointer-checks $(prove_includes) -I$(dir $(MUTANT_FILE)) -c $(MUTANT)/source.c \
		-o $(MUTANT)/source.o
	ld -r -o $(MUTANT)/kernel.o $(MUTANT)/source.o \
		$(filter-out $(PROVE)/$(MUTANT_FILE:.c=.o),$(prove_kernel_objects))
	objcopy $(prove_sections) $(MUTANT)/kernel.o
	$(CC) -no-pie -T prove/sections.ld -o $@ $(prove_engine_objects) $(prove_model_objects) $(MUTANT)/kernel.o
endif

# ---- the engine's own tests -------------------------------------------------------------------------

$(PROVE)/toys.o: tests/unit/prove/toys.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(prove_seen_flags) -Iprove -c $< -o $@

$(PROVE)/engine-test.o: tests/unit/prove/engine.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(prove_flags) -Iprove -c $< -o $@

$(PROVE)/engine-test: $(PROVE)/engine-test.o $(PROVE)/toys.o $(prove_engine_objects) prove/sections.ld
	$(call quiet,LD)$(CC) -no-pie -T prove/sections.ld -o $@ $(filter %.o,$^)

-include $(prove_kernel_objects:.o=.d) $(prove_engine_objects:.o=.d) $(prove_model_objects:.o=.d) \
	$(PROVE)/toys.d $(PROVE)/engine-test.d
