# make run: all set-up, and two VMs on this machine's files. make test: all set-up, and every test. make help: the rest.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: help setup kernel kernel-full system build agent host-programs lint test test-unit test-interop interop-peer test-late-close test-nix test-nixos test-integration soak run bench bench-link bench-hostile fuzz man docs install deb test-distribution clean
PREFIX ?= /usr/local
# Integration tests boot VMs, two at a time; the unit tests are all others.
INTEGRATION := IntegrationTests
# A test that hangs ends the run instead of waiting with it.
BOUNDED := timeout --verbose 1500

help:
	@echo 'make run               set up, build, and boot two VMs on this machine'\''s files'
	@echo 'make test              set up, lint, build, and pass every test'
	@echo 'make build             dist/vm, dist/vm-proxy and dist/vm-agent'
	@echo 'make test-unit         the tests that need neither root nor QEMU'
	@echo 'make test-late-close   the unit tests, with every closed pipe and socket open a little longer'
	@echo 'make test-interop      our yamux, agent and proxy against the original yamux'
	@echo 'make test-nix          the Nix files that need no nixpkgs: evaluated and built offline'
	@echo 'make test-nixos        the NixOS modules with nixpkgs'\'' lib, a checkout in NIXPKGS_LIB ($(NIXPKGS_LIB))'
	@echo 'make test-integration  the tests that boot VMs'
	@echo 'make soak              cut the power at POWER_CUTS random moments of a first boot, and the faults that take an hour;'
	@echo '                       one alone: make soak PART=NAME, of'
	@printf '                         %s\n' $(SOAK_PARTS)
	@echo 'make lint              format and house rules'
	@echo 'make bench             time to a shell, against the 2010 flow in shell'
	@echo 'make bench-link        the link'\''s speed, against the 2010 socat and against nc'
	@echo 'make bench-hostile    how long other guests wait while one attacks the proxy'
	@echo 'make fuzz              fuzz the decoders of bytes from the other side (FUZZ_RUNS each)'
	@echo 'make man               man pages and completions, in dist/man and dist/completions'
	@echo 'make docs              reference of the libraries (DocC), in dist/docs'
	@echo 'make install           programs, man pages, completions, units and initrd hooks below PREFIX ($(PREFIX))'
	@echo 'make deb               a Debian package, in dist'
	@echo 'make test-distribution the man pages, completions, unit, installation and package'
	@echo 'make clean             remove what was built; .cache stays'

setup:
	@host/setup/packages build run test

kernel: setup
	@host/setup/kernel

# For tests of what the cloud kernel has not: 9p.
kernel-full: setup
	@host/setup/kernel full

system: setup
	@host/demo/build-system >/dev/null

build: agent host-programs

agent: setup
	@initrd/build-agent dist/vm-agent

host-programs: setup
	@swift build -c release --static-swift-stdlib --product vm --quiet
	@swift build -c release --static-swift-stdlib --product vm-proxy --quiet
	@mkdir -p dist
	@for program in vm vm-proxy; do \
	  cmp -s .build/release/$$program dist/.$$program.built || { \
	    cp .build/release/$$program dist/.$$program.built && strip -o dist/$$program.new dist/.$$program.built && mv dist/$$program.new dist/$$program; }; \
	done

lint: setup
	@host/setup/lint

test-unit: setup kernel system
	$(BOUNDED) swift test --skip $(INTEGRATION)

test-late-close: setup kernel system
	$(BOUNDED) Tests/LateClose/run

test-nix: setup
	@Tests/nixos/plain/run

# A checkout of nix-community/nixpkgs.lib, or of nixpkgs; no part of this project.
NIXPKGS_LIB ?= ../nixpkgs.lib
# The programs are needed only where there is something to test.
test-nixos: $(if $(wildcard $(NIXPKGS_LIB)/lib/modules.nix),build kernel)
	@Tests/nixos/run '$(NIXPKGS_LIB)'

interop-peer: setup
	@swift build -c release --static-swift-stdlib --product yamux-peer --quiet

test-interop: build interop-peer
	@Tests/YamuxInterop/run

# Cuts the power at so many random moments of a first boot; then what takes as long as it says. PART=NAME does one alone.
POWER_CUTS ?= 200
SOAK_PARTS := aPowerCutInTheFirstBoot aGuestWhoseProxyWasGone aRegistrationOf100MBEnds aHundredThousandSmallFiles everyShareKeepsWhatFilesAre
PART = $(SOAK_PARTS)
ifneq ($(filter-out $(SOAK_PARTS),$(PART)),)
$(error PART=$(PART): must be of $(SOAK_PARTS))
endif
soak: build kernel kernel-full system
	swift build --build-tests
	for part in $(PART); do VM_SOAK=1 VM_POWER_CUTS=$(POWER_CUTS) timeout --verbose 7200 swift test --skip-build --filter $$part || exit; done

test-integration: build kernel kernel-full system
	timeout --verbose 2700 swift test --filter $(INTEGRATION)

# The integration tests come last and alone: they boot VMs, and need the machine for themselves.
test: lint build man interop-peer kernel kernel-full system
	swift build --build-tests
	$(BOUNDED) swift test --skip-build --skip $(INTEGRATION)
	Tests/AgentLibc/run
	Tests/Fuzz/run 20000
	Tests/YamuxInterop/run
	Tests/nixos/plain/run
	Tests/Distribution/run
	host/manual/reference dist/docs
	timeout --verbose 2700 swift test --skip-build --filter $(INTEGRATION)

run: build kernel system
	@host/demo/run

bench: build kernel system
	@Tests/Benchmarks/boot

bench-link: build kernel system
	@Tests/Benchmarks/link/run
	@Tests/Benchmarks/link/vm

BENCH_SECONDS ?= 5
bench-hostile: setup
	@swift build -c release --product bench-hostile --quiet
	@.build/release/bench-hostile $(BENCH_SECONDS)

# Millions of runs of each: make fuzz FUZZ_RUNS=10000000
FUZZ_RUNS ?= 200000
fuzz: setup
	@Tests/Fuzz/run $(FUZZ_RUNS)

# Man pages and completions from the programs' own definitions; vm-agent, which has no argument parser, has a page of its own.
man: build
	@rm -rf dist/man dist/completions && mkdir -p dist/man dist/completions
	@for program in vm vm-proxy; do \
	  host/manual/render dist/$$program dist/man && \
	  for shell in bash zsh fish; do dist/$$program --generate-completion-script $$shell | sed '1{/^#!/d}' >dist/completions/$$program.$$shell; done; \
	done
	@cp docs/vm-agent.8 dist/man

# The reference of the libraries, from the comments of their public symbols.
docs: setup
	@host/manual/reference dist/docs

install: man
	host/packaging/install-files '$(DESTDIR)' '$(PREFIX)'

# A Debian package, in dist.
deb: man
	@host/packaging/build-deb dist

# What is installed and packaged, from a directory of its own.
test-distribution: man
	@Tests/Distribution/run

clean:
	rm -rf .build .build-embedded dist
