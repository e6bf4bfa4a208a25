# The commands of the README. Everything is built without cgo: the daemon is one
# static file, its workers start faster, and it can leave root (supervisor.Run).
export CGO_ENABLED = 0

# The collector that Go 1.26 has by default writes to the end of each span, so that every size of
# object costs a page more, while most workers end before they collect anything: with the one
# before it a worker needs 32 KiB less of its own, and a start costs 2.5 % less CPU time. A
# toolchain that does not have that builds with its own.
ifeq ($(origin GOEXPERIMENT),undefined)
GOEXPERIMENT := $(shell GOEXPERIMENT=nogreenteagc go version >/dev/null 2>&1 && echo nogreenteagc)
endif
export GOEXPERIMENT

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
TOOL    := go tool -modfile=test/tools/go.mod
FUZZTIME ?= 20s

.PHONY: build man run test unit race attack faults boot fuzz lint bench clients

build: ## bin/brood and bin/broodctl
	go build -trimpath -ldflags '-s -w -X main.release=$(VERSION)' -o bin/ ./cmd/brood ./cmd/broodctl

# As they lie below /usr/share or /usr/local/share.
man: build ## broodctl's manual pages and shell completions, in bin/share
	@mkdir -p bin/share/man/man1 bin/share/bash-completion/completions bin/share/zsh/site-functions bin/share/fish/vendor_completions.d
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) bin/broodctl man --dir bin/share/man/man1
	bin/broodctl completion bash >bin/share/bash-completion/completions/broodctl
	bin/broodctl completion zsh >bin/share/zsh/site-functions/_broodctl
	bin/broodctl completion fish >bin/share/fish/vendor_completions.d/broodctl.fish

run: build ## serve a small demo tree on 127.0.0.1:6969
	@cmd/brood/demo/run bin/brood 127.0.0.1:6969

test: clients unit race ## all tests; CI runs lint after them

clients: # the TFTP clients of the interop tests, and the Prometheus of the monitoring tests
	@test/interop/install-clients
	@test/monitoring/install-prometheus

# Tests of the operators' programs, to which ports are all the same, and which are not
# built with the detector.
PROGRAMS := ^Test(Top|Get|TheProgressBar|ALoadTestOnATerminal|WithoutATerminal|AnInterruptedGet|AReaderThatGoes)
CONSOLES := |Console|AReloadMovesAConsole|MetricsOfAFleet

unit:
	go test ./...
	BROOD_TEST_SINGLE_PORT=1 go test ./test/integration ./test/interop -skip '$(PROGRAMS)$(CONSOLES)'

# The race detector needs a C compiler. What moves between goroutines is in these
# packages; the daemon under test in the last one is built with the detector, too.
race: ## the tests again under the race detector
	@test/tools/need-cc || { [ "$(CI)" != true ]; exit; }; \
	CGO_ENABLED=1 go test -race ./ipc ./worker/... ./supervisor ./cmd/broodctl/internal/console/... && \
	CGO_ENABLED=1 go test -race ./test/integration -skip '$(PROGRAMS)'

attack: ## handlers that attack, and what came of each; as root
	@mkdir -p .tools && go test -c -o .tools/attack ./test/attack && .tools/attack -table

faults: ## break what a server stands on, under load, and what came of it; as root
	@mkdir -p .tools && go test -c -o .tools/faults ./test/faults && cd test/faults && ../../.tools/faults -full -test.timeout 10m
	@$(MAKE) --no-print-directory boot RUN=TestTheWallClock

# RUN=regexp picks some of the tests.
boot: ## boot ROMs that load a system from brood, in QEMU, and a guest whose clock is set; as root
	@test/boot/install-qemu
	@mkdir -p .tools && go test -c -tags boot -o .tools/boot ./test/boot
	@cd test/boot && ../../.tools/boot -test.timeout 1h -test.run '$(RUN)'

fuzz: ## every fuzz target for FUZZTIME
	@test/tools/fuzz $(FUZZTIME)

lint: ## vet, staticcheck, gofumpt, go mod tidy
	go vet ./...
	go vet -C test/own ./...
	go vet -tags boot ./test/boot
	$(TOOL) staticcheck ./...
	$(TOOL) staticcheck -tags boot ./test/boot
	@out=$$($(TOOL) gofumpt -l .); [ -z "$$out" ] || { echo "gofumpt would change: $$out"; exit 1; }
	go mod tidy -diff
	cd test/own && go mod tidy -diff

# PEER='name=command with {root} and {port}', CASES=regexp, SERVERS=regexp and
# ROUNDS=5 reach the program through the environment.
bench: ## brood beside other TFTP servers, as root; see test/bench/README.md
	@test/bench/install-peers
	@go run ./test/bench
