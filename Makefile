# make run: all set-up, and two VMs on this machine's files. make test: all set-up, and every test. make help: the rest.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: help setup kernel system build agent host-programs lint test test-unit test-integration run bench fuzz install clean
PREFIX ?= /usr/local
# Integration tests boot VMs, two at a time; the unit tests are all others.
INTEGRATION := IntegrationTests

help:
	@echo 'make run               set up, build, and boot two VMs on this machine'\''s files'
	@echo 'make test              set up, lint, build, and pass every test'
	@echo 'make build             dist/vm, dist/vm-proxy and dist/vm-agent'
	@echo 'make test-unit         the tests that need neither root nor QEMU'
	@echo 'make test-integration  the tests that boot VMs'
	@echo 'make lint              format and house rules'
	@echo 'make bench             time to a shell, against the 2010 flow in shell'
	@echo 'make fuzz              fuzz the decoders of bytes from the other side (FUZZ_RUNS each)'
	@echo 'make install           copy dist/* below PREFIX ($(PREFIX))'
	@echo 'make clean             remove what was built; .cache stays'

setup:
	@host/setup/packages build run test

kernel: setup
	@host/setup/kernel

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
	swift test --skip $(INTEGRATION)

test-integration: build kernel system
	swift test --filter $(INTEGRATION)

test: lint build kernel system
	swift test

run: build kernel system
	@host/demo/run

bench: build kernel system
	@Tests/Benchmarks/boot

# Millions of runs of each: make fuzz FUZZ_RUNS=10000000
FUZZ_RUNS ?= 200000
fuzz: setup
	@Tests/Fuzz/run $(FUZZ_RUNS)

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/vm-agent
	install dist/vm dist/vm-proxy $(DESTDIR)$(PREFIX)/bin
	install dist/vm-agent $(DESTDIR)$(PREFIX)/lib/vm-agent

clean:
	rm -rf .build .build-embedded dist
