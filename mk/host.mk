# The `lodger` command, a program of the host, and our programs for the guest (static, with musl).
.PHONY: lodger user
lodger: $(BUILD)/lodger user ## build the `lodger` command and the guest's programs
user: $(BUILD)/user/init $(BUILD)/user/bench

CLI_CFLAGS = $(CSTD) $(WARNINGS) -O2 -g -MMD -MP
cli_objects := $(patsubst cli/%.c,$(BUILD)/cli/%.o,$(wildcard cli/*.c))

$(BUILD)/lodger: $(cli_objects)
	$(call quiet,LD)$(CC) -o $@ $(cli_objects)

$(BUILD)/cli/%.o: cli/%.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(CLI_CFLAGS) -c $< -o $@

GUEST_CC     := musl-gcc
GUEST_CFLAGS := $(CSTD) $(WARNINGS) -Os -static -s -ffunction-sections -fdata-sections -Wl,--gc-sections

$(BUILD)/user/%: user/%/*.c user/%/*.h user/*.h
	@mkdir -p $(@D)
	$(call quiet,CC)$(GUEST_CC) $(GUEST_CFLAGS) $(filter %.c,$^) -o $@

-include $(cli_objects:.o=.d)
