# Debian packages that are missing are installed by the targets that need them.
.PHONY: setup-run
setup-run:
