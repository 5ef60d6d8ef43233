# `make test` is all it takes on a fresh Debian or Ubuntu with Rust and Python 3.

CARGO ?= cargo
TARGET_DIR = $(or $(CARGO_TARGET_DIR),target)
SKIPPED = $(TARGET_DIR)/tmp/skipped
HOST = $(shell rustc -vV | sed -n 's/^host: //p')

.PHONY: help test needs lint bench regenerate dist packages

help:
	@echo 'make test        install what the tests need, where possible, and run them all'
	@echo 'make lint        check formatting and lints'
	@echo 'make bench       measure speed, each against its own limit on this machine'
	@echo 'make regenerate  write completions, man pages, schemas, reference and tables anew'
	@echo 'make dist        build the static program that is shipped'
	@echo 'make packages    make a wheel, a Debian package, a tarball and an image of it'

test: needs
	@rm -f $(SKIPPED)
	@# The csw of images is built before the tests that need it: they would seem to hang.
	if docker version >/dev/null 2>&1; then CSW_TEST_STATIC_PROGRAM=$$(sh tests/static_program.sh) && export CSW_TEST_STATIC_PROGRAM; fi && \
		$(CARGO) test --no-fail-fast
	@if [ -s $(SKIPPED) ]; then echo 'Left out, because this machine lacks something:'; sort -u $(SKIPPED) | sed 's/^/  /'; fi

needs:
	@sh tests/packages.sh

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings

bench:
	$(CARGO) bench

regenerate:
	CSW_REGENERATE=1 $(CARGO) test --quiet --test main -- generated schema lint

# With a target named, RUSTFLAGS reach the program alone and not build scripts and macros, which cannot be static. At a
# fixed address it starts faster: nothing has to be relocated.
dist:
	RUSTFLAGS='-C target-feature=+crt-static -C relocation-model=static' $(CARGO) build --profile dist --target $(HOST)
	@echo 'Built $(TARGET_DIR)/$(HOST)/dist/csw'

packages: dist
	sh packaging/all.sh $(TARGET_DIR)/$(HOST)/dist/csw $(TARGET_DIR)/packages
	@echo 'Packages: $(TARGET_DIR)/packages'
