# Debian packages that are missing are installed by the targets that need them.
.PHONY: setup-run setup-test
setup-run:
	@tools/need gcc make qemu-system-x86 busybox-static musl-tools

setup-test: setup-run
	@tools/need libcmocka-dev python3 rt-tests xz-utils patch libc6-dev bash git vim-tiny
