# Lodger: `make run` runs a shell in the guest, `make test` runs every test. `make help` lists the rest.
include mk/config.mk
include mk/kernel.mk
include mk/host.mk
include mk/tests.mk
include mk/prove.mk
include mk/lint.mk
include mk/setup.mk

.DEFAULT_GOAL := all
.PHONY: all run help clean

all: setup-run kernel lodger ## build the kernel and the `lodger` command

run: all ## boot Lodger with an interactive shell (ARGS='-- PROGRAM …' to run that)
	$(BUILD)/lodger run $(ARGS)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile mk/*.mk | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

clean: ## remove everything that was built
	rm -rf $(BUILD)
