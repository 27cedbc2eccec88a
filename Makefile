# A thin front for Meson.  `make help` says what there is.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
export DESTDIR

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet
	@ls -1 $(BUILD)/sonde $(BUILD)/libsonde.so $(BUILD)/libsonde.a

$(BUILD)/build.ninja: | setup-build
	@meson setup $(BUILD) --prefix=$(PREFIX) >$(BUILD).setup 2>&1 || { cat $(BUILD).setup; exit 1; }
	@mv $(BUILD).setup $(BUILD)/setup.log

setup-build:
	@tools/setup build

test:
	@tools/setup test
	@tools/run-tests

demo:
	@tools/setup demo
	@[ -x $(BUILD)/sonde ] || echo 'Building (a minute or two)'
	@$(MAKE) --no-print-directory all >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@tools/demo

bench: all
	@bench/run

# Go's profiles from outside, in every build mode, for GO_VERSIONS (by Debian's packages) or the
# toolchains of SONDE_GO_ROOTS.
GO_VERSIONS ?= 1.19 1.21 1.22 1.23 1.24 1.25 1.26 1.27
test-go-matrix: all
	@roots=$$SONDE_GO_ROOTS; [ -n "$$roots" ] || for v in $(GO_VERSIONS); do \
		root=$$(tools/go-toolchain $$v $(BUILD)-go 2>/dev/null) && roots=$$roots:$$root || \
			missing="$$missing $$v"; done; \
	for t in matrix cpu goroutines core attach; do \
		SONDE_GO_MODES=all SONDE_GO_ROOTS=$$roots SONDE_GO_MISSING=$$missing \
		SONDE=$(BUILD)/sonde SONDE_BUILD_ROOT=$(BUILD) SONDE_SOURCE_ROOT=. \
		tests/integration/go_$$t/run.py || failed="$$failed $$t"; done; \
	[ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

asan:
	@tools/setup test
	@tools/run-tests asan

tsan:
	@tools/setup test
	@tools/run-tests tsan

fuzz:
	@tools/setup test
	@tools/run-tests fuzz

install: all
	@out=$$(meson configure $(BUILD) -Dprefix=$(PREFIX) 2>&1 && ninja -C $(BUILD) 2>&1) || \
		{ echo "$$out"; exit 1; }
	@meson install -C $(BUILD) --no-rebuild --quiet
	@echo 'installed in $(DESTDIR)$(PREFIX)'

clean:
	rm -rf $(BUILD) build-asan build-tsan

help:
	@echo 'make           build/sonde, build/libsonde.so, build/libsonde.a'
	@echo 'make demo      record real programs and look at their profiles'
	@echo 'make test      every test, also under sanitisers; ends in the counts'
	@echo 'make test-go-matrix   Go programs of all versions, read from outside and by themselves'
	@echo 'make asan      only the run under ASan and UBSan'
	@echo 'make tsan      only the run of the unit tests under TSan'
	@echo 'make fuzz      only the search for inputs that break a decoder (FUZZ_SECONDS each)'
	@echo 'make bench     speed and memory beside the peers'
	@echo 'make install   to PREFIX ($(PREFIX)) under DESTDIR'
	@echo 'make clean     removes what was built'

.PHONY: all setup-build test test-go-matrix demo bench asan tsan fuzz install clean help
