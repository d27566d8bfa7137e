# Tests. `make test` runs every one and ends with `N passed, N failed`.
.PHONY: test debug-kernel
test: setup-test ## run every test (SUITES='guest boot' for some of them)
	@$(MAKE) --no-print-directory -j2 all debug-kernel
	@tests/run $(SUITES)

debug-kernel:
	@$(MAKE) --no-print-directory DEBUG=1 kernel

# ---- unit tests: tests/unit/FOLDER/NAME_test.c tests kernel/FOLDER/NAME.c ------------------------
#
# The portable files are built as programs of the host, with the sanitizers, into one library for each
# folder. A test of a folder links that library and those of the ranks below; what the linked files
# call in ranks above is answered by tests/unit/harness/upcalls, or by the test itself.
UNIT := $(BUILD)/unit
unit_ranks := lib trace sync phys life sched mm fs task procfs drivers syscall
# Tests of ports (arch/) may use memory, nothing above.
unit_upto = $(if $(filter $(1),$(unit_ranks)),$(call unit_take,$(1),$(unit_ranks)),$(if $(filter-out arch,$(1)),$(unit_ranks)))
unit_take = $(if $(filter-out $(1),$(firstword $(2))),$(firstword $(2)) $(call unit_take,$(1),$(wordlist 2,99,$(2))),$(1))

# Kernel names that the C library has too.
unit_renames := -Dsched_yield=kernel_sched_yield
UNIT_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
unit_flags = $(CSTD) $(WARNINGS) -O1 -g -fno-omit-frame-pointer -fno-common -fno-strict-aliasing -fwrapv \
	$(UNIT_SANITIZE) -Ikernel/include -Ikernel/arch/host/include -DLODGER_DEBUG=1 $(unit_renames) \
	-MMD -MP $(EXTRA_CFLAGS)
unit_kernel_flags = $(unit_flags) -ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include)

unit_kernel_sources := $(foreach f,$(unit_ranks),$(wildcard kernel/$(f)/*.c kernel/$(f)/*/*.c))
unit_libraries := $(foreach f,$(unit_ranks),$(if $(wildcard kernel/$(f)/*.c kernel/$(f)/*/*.c),$(UNIT)/lib$(f).a))
unit_host_objects := $(patsubst %.c,$(UNIT)/%.o,$(wildcard kernel/arch/host/*.c))
unit_harness_objects := $(patsubst %.c,$(UNIT)/%.o,$(wildcard tests/unit/harness/*.c))
unit_upcall_objects := $(patsubst %.c,$(UNIT)/%.o,$(wildcard tests/unit/harness/upcalls/*.c))
unit_tests := $(patsubst tests/unit/%.c,$(UNIT)/%,$(wildcard tests/unit/*/*_test.c tests/unit/*/*/*_test.c))

.PHONY: unit
unit: $(unit_tests) ## run the unit tests (UNIT_ONLY=fs/ for some of them)
	@tests/unit/run $(filter $(UNIT)/$(UNIT_ONLY)%,$(unit_tests))

$(UNIT)/packages:
	@tools/need libcmocka-dev
	@mkdir -p $(@D) && touch $@

$(UNIT)/kernel/%.o: kernel/%.c | $(UNIT)/packages
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(unit_kernel_flags) -c $< -o $@

# The only file of the port that includes the C library's headers.
$(UNIT)/kernel/arch/host/os.o: kernel/arch/host/os.c | $(UNIT)/packages
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(unit_flags) -c $< -o $@

# Our string functions under names of their own: the sanitizers know the C library's.
unit_string_names := $(foreach n,memcpy memmove memset memcmp memchr strlen strnlen strcmp strncmp strchr \
	strrchr strstr,-D$(n)=kernel_$(n))
$(UNIT)/kernel/lib/string.o: kernel/lib/string.c | $(UNIT)/packages
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(unit_flags) -fno-builtin $(CFLAGS_string.c) $(unit_string_names) -c $< -o $@

$(UNIT)/tests/unit/%.o: tests/unit/%.c | $(UNIT)/packages
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(unit_flags) -Itests/unit/harness -c $< -o $@

unit_objects_of = $(patsubst %.c,$(UNIT)/%.o,$(wildcard kernel/$(1)/*.c kernel/$(1)/*/*.c))
define unit_library
$(UNIT)/lib$(1).a: $(call unit_objects_of,$(1))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach f,$(unit_ranks),$(eval $(call unit_library,$(f))))

$(UNIT)/libharness.a: $(unit_harness_objects)
	@rm -f $@
	@ar rcs $@ $^
$(UNIT)/libupcalls.a: $(unit_upcall_objects)
	@rm -f $@
	@ar rcs $@ $^

unit_folder_of = $(firstword $(subst /, ,$(patsubst $(UNIT)/%,%,$(1))))
# The port itself needs the first two ranks.
unit_libraries_for = $(filter $(patsubst %,$(UNIT)/lib%.a,lib trace sync \
	$(call unit_upto,$(patsubst arch,phys,$(call unit_folder_of,$(1))))),$(unit_libraries))

.SECONDEXPANSION:
$(unit_tests): $(UNIT)/%: $(UNIT)/tests/unit/%.o $(unit_host_objects) $(UNIT)/libharness.a $(UNIT)/libupcalls.a \
		$$(call unit_libraries_for,$$@)
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(UNIT_SANITIZE) -o $@ $< $(unit_host_objects) -Wl,--start-group $(UNIT)/libharness.a \
		$(call unit_libraries_for,$@) $(filter %/libx86.a,$^) -Wl,--end-group $(UNIT)/libupcalls.a -lcmocka

# The pure parts of the x86-64 port, with its own headers in front of arch/host's.
unit_x86_sources := $(addprefix kernel/arch/x86_64/,boot/ranges.c boot/pvh.c machine/acpi.c machine/mp.c \
	machine/facts.c entry/sigframe.c time/arithmetic.c)
unit_x86_objects := $(patsubst %.c,$(UNIT)/%.o,$(unit_x86_sources))
unit_x86_tests := $(filter $(UNIT)/arch/x86_64/%,$(unit_tests))

$(unit_x86_objects) $(patsubst $(UNIT)/%,$(UNIT)/tests/unit/%.o,$(unit_x86_tests)): \
	private unit_flags := -Ikernel/arch/x86_64/include $(unit_flags)

$(UNIT)/libx86.a: $(unit_x86_objects)
	@rm -f $@
	@ar rcs $@ $^

$(unit_x86_tests): $(UNIT)/libx86.a

-include $(unit_x86_objects:.o=.d)
-include $(patsubst %.c,$(UNIT)/%.d,$(unit_kernel_sources)) $(unit_host_objects:.o=.d) $(unit_harness_objects:.o=.d) \
	$(unit_upcall_objects:.o=.d) $(patsubst $(UNIT)/%,$(UNIT)/tests/unit/%.d,$(unit_tests))

# A guest that waits for the debugger, and gdb with the commands of tools/gdb. ARGS as for `make run`.
.PHONY: gdb
gdb: all ## debug the kernel: `lodger cpus`, `lodger mms`, `lodger tasks` (ARGS='-- PROGRAM …')
	@tools/need gdb
	@$(BUILD)/lodger run --gdb $(ARGS) </dev/null & \
	gdb -q -ex 'file $(KBUILD)/lodger.debug' -ex 'source tools/gdb/lodger.py' \
		-ex 'target remote localhost:1234' -ex 'hbreak entry_start' -ex continue; wait
