# Style that a machine can check: `make lint` looks, `make fmt` mends what is only layout.
lint_c := $(shell git ls-files '*.c' 2>/dev/null)
lint_headers := $(shell git ls-files '*.h' 2>/dev/null)
lint_kernel_c := $(filter-out kernel/arch/host/%,$(filter kernel/%,$(lint_c)))
lint_kernel_headers := $(patsubst kernel/include/%,%,$(filter kernel/include/%,$(lint_headers)))
lint_cli_c := $(filter cli/%,$(lint_c))
LINT_MAX_LINES := 500
LINT_JOBS ?= 2

# gcc's flags for the kernel without those that clang does not know, in a debug build: all asserts are seen.
lint_resource = $(shell clang-14 -print-resource-dir)
lint_clang_flags = $(CSTD) $(filter-out -Wimplicit-fallthrough=%,$(WARNINGS)) -ffreestanding -nostdinc \
	-isystem $(lint_resource)/include $(PORT_CFLAGS) $(KERNEL_INCLUDES) -DLODGER_DEBUG=1 \
	-DLODGER_THREAD_SAFETY
# clang-tidy would take kmalloc for another kernel's, whose flags say other things.
lint_tidy_flags = $(lint_clang_flags) -Dkmalloc=object_alloc -Dkfree=object_free
lint_cli_flags = $(CSTD) $(filter-out -Wimplicit-fallthrough=%,$(WARNINGS))

.PHONY: lint lint-packages lint-format lint-size lint-ranks lint-headers lint-warnings lint-tidy fmt
lint: lint-format lint-size lint-ranks lint-headers lint-warnings lint-tidy ## look for what breaks the rules of style
	@echo "lint: clean"

fmt: | lint-packages ## lay out every C file
	@clang-format-14 -i $(lint_c) $(lint_headers)

lint-packages:
	@tools/need clang-14 clang-format-14 clang-tidy-14 git

lint-format: | lint-packages
	@clang-format-14 --dry-run --Werror $(lint_c) $(lint_headers)

# A file has one subject; functions are measured by clang-tidy.
lint-size:
	@wc -l $(lint_c) $(lint_headers) | awk -v max=$(LINT_MAX_LINES) \
		'$$2 != "total" && $$1 > max { print $$2 ": " $$1 " lines, the limit is " max; bad = 1 } END { exit bad }'

lint-ranks: | lint-packages
	@tools/ranks $(filter kernel/%,$(lint_c) $(lint_headers)) $(shell git ls-files 'kernel/*.S')

# Each header includes what it uses: it compiles alone.
lint-headers: | lint-packages
	@printf '%s\n' $(lint_kernel_headers) | xargs -P $(LINT_JOBS) -I{} sh -c 'echo "#include <{}>" | \
		$(CC) $(filter-out -MMD -MP,$(KERNEL_CFLAGS)) -fsyntax-only -x c - || { echo "{}: does not compile alone"; exit 255; }'

# clang's warnings, and its analysis of which lock is held where.
lint-warnings: | lint-packages
	@printf '%s\n' $(lint_kernel_c) | xargs -P $(LINT_JOBS) -n 8 \
		clang-14 -fsyntax-only -Werror -Wthread-safety $(lint_clang_flags)
	@$(if $(lint_cli_c),clang-14 -fsyntax-only -Werror $(lint_cli_flags) $(lint_cli_c))

lint-tidy: | lint-packages
	@printf '%s\n' $(lint_kernel_c) | xargs -P $(LINT_JOBS) -n 4 sh -c \
		'clang-tidy-14 --quiet "$$@" -- $(lint_tidy_flags) 2>/dev/null || exit 255' -
	@$(if $(lint_cli_c),clang-tidy-14 --quiet $(lint_cli_c) -- $(lint_cli_flags) 2>/dev/null)
