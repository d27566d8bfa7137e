# What can be chosen: `make DEBUG=1`, `make KASAN=1`, `make BUILD=dir`.
ARCH  ?= x86_64
KASAN ?= 0
# The address sanitizer sees more where objects have red zones.
DEBUG ?= $(KASAN)
UBSAN ?= $(DEBUG)
CC    := gcc
# EXTRA_CFLAGS: for experiments and for the builds with a planted bug.
EXTRA_CFLAGS ?=

variant := $(if $(filter 1,$(KASAN)),-kasan,$(if $(filter 1,$(DEBUG)),-debug))
BUILD  ?= build
KBUILD ?= $(BUILD)/kernel$(variant)

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wundef -Wpointer-arith -Wvla -Wwrite-strings -Wno-unused-parameter \
	-Wimplicit-fallthrough=3
CSTD := -std=gnu17

# Recipes say what they make; `make V=1` shows the whole commands.
quiet = $(if $(V),,@echo "  $(1)	$(@:$(BUILD)/%=%)";)
