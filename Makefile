# Everything a person or a CI job types. make help lists it.

# What a run is made of; each passes through: make bench-local RUNS=5 ENGINE=sandbox
RUNS      ?=
WARM_RUNS ?=
ENGINE    ?=
MEMORY    ?=
OUT       ?=
ARGS      ?=

# The container engine's compose, either generation.
COMPOSE ?= $(shell if docker compose version >/dev/null 2>&1; then echo docker compose; else echo docker-compose; fi)

GO       ?= go
FUZZTIME ?= 20s
PACKAGES ?= ./...

# The programs that go into or beside images are the same bytes wherever and
# whenever they are built from the same source: nothing of the folder, of git,
# of the user's Go settings or of the C compiler gets into them. An empty GOFLAGS
# would let those of go env -w in; any other one keeps them out.
PINNED := CGO_ENABLED=0 GOFLAGS=-trimpath GOWORK=off GOEXPERIMENT= GOFIPS140=off GOOS=linux GOAMD64=v1 GOARM64=v8.0
STATIC := -trimpath -buildvcs=false

# docker build and bench copy the mode and the time of a file: without this, the
# umask's and the day's. go build goes by the content of a program, not by its
# time, so it does not link again because of it.
FIXED = chmod 0755 $@ && TZ=UTC0 touch -t 197001010000.00 $@

# Everything is built for this machine and ARCH. The tests look at the emulator of
# both architectures, and one that is there is kept up to date: bench embeds it.
ARCH   ?=
comma  := ,
HOST   := $(shell uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
ARCHES := $(sort $(HOST) $(filter amd64 arm64,$(subst $(comma), ,$(ARCH))))
BUILT  := $(patsubst bench/internal/payload/bin/rie-linux-%,%,$(wildcard bench/internal/payload/bin/rie-linux-*))
BOTH   := $(if $(filter payload test test-all,$(MAKECMDGOALS)),amd64 arm64)

# $(TELL) WHAT COMMAND... prints WHAT if the command runs for more than a second.
TELL := tell() { what=$$1; shift; \
	(sleep 1 2>/dev/null; echo "make: $$what" >&2) </dev/null >/dev/null & pid=$$!; \
	"$$@"; status=$$?; kill $$pid 2>/dev/null; wait $$pid 2>/dev/null; return $$status; }; tell

PAYLOAD  := $(foreach a,$(sort $(ARCHES) $(BUILT) $(BOTH)),bench/internal/payload/bin/rie-linux-$a bench/internal/payload/bin/start-linux-$a)
FUNCTION := $(foreach a,$(ARCHES),.build/function/$a/bootstrap .build/function/$a/bootstrap-debug)

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile

# go build knows better than file times what changed, and leaves a program that
# is up to date as it is: these targets are always asked for, seldom rebuilt.
.PHONY: FORCE
FORCE:

.PHONY: build payload function bench
build: function bench ## the function, the emulator, the starter, and bench in .build/bench, for this machine and ARCH

payload: $(PAYLOAD) ## images/rie and images/start for both architectures, into bench/internal/payload/bin
function: $(FUNCTION) ## the function's binaries, into .build/function

bench/internal/payload/bin/rie-linux-%: FORCE
	@$(TELL) "building the emulator for linux/$*" env $(PINNED) GOARCH=$* $(GO) build $(STATIC) -ldflags "-s -w" -o $@ ./images/rie
	@chmod 0755 $@

bench/internal/payload/bin/start-linux-%: FORCE
	@$(TELL) "building the starter for linux/$*" env $(PINNED) GOARCH=$* $(GO) build $(STATIC) -ldflags "-s -w" -o $@ ./images/start
	@chmod 0755 $@

.build/function/%/bootstrap: FORCE
	@mkdir -p $(@D)
	@$(TELL) "building the function for linux/$*" env $(PINNED) GOARCH=$* $(GO) build -tags lambda.norpc $(STATIC) -ldflags "-s -w" -o $@ ./function
	@$(FIXED)

.build/function/%/bootstrap-debug: FORCE
	@mkdir -p $(@D)
	@$(TELL) "building the debug function for linux/$*" env $(PINNED) GOARCH=$* $(GO) build -tags lambda.norpc,coldbench.debug $(STATIC) -o $@ ./function
	@$(FIXED)

# bench itself says which commit it was built from, where git will tell.
bench: $(PAYLOAD)
	@$(TELL) "building bench: a minute or two with an empty Go cache" \
		env CGO_ENABLED=0 $(GO) build -trimpath $(if $(shell git rev-parse HEAD 2>/dev/null),,-buildvcs=false) -o .build/bench ./bench

.PHONY: bench-local
bench-local: build ## measure every variant here: RUNS, WARM_RUNS, ENGINE, ARCH, MEMORY, OUT, ARGS pass through
	@.build/bench local $(if $(RUNS),--runs $(RUNS)) $(if $(WARM_RUNS),--warm-runs $(WARM_RUNS)) \
		$(if $(ENGINE),--engine $(ENGINE)) $(if $(ARCH),--arch '$(ARCH)') $(if $(MEMORY),--memory $(MEMORY)) $(if $(OUT),--out '$(OUT)') $(ARGS)

# Four at a time whatever the CPUs: most tests wait for an engine or a timeout.
.PHONY: test test-all check fuzz
test: build ## the quick tests, about 2 minutes; BENCH_REQUIRE=docker,sandbox fails if those are missing
	@$(GO) test -short -parallel 4 $(PACKAGES)

test-all: build ## every test
	@$(GO) test -timeout 20m $(PACKAGES)

check: ## gofmt, vet, staticcheck, go.mod
	@unformatted=$$(gofmt -l bench deployment function images) || exit 1; \
		test -z "$$unformatted" || { echo "gofmt -w these:" >&2; echo "$$unformatted" >&2; exit 1; }
	@$(GO) vet ./...
	@$(GO) vet -tags lambda.norpc,coldbench.debug ./function/...
	@$(GO) tool staticcheck ./...
	@$(GO) mod tidy -diff

.PHONY: check-stats
check-stats: ## do intervals cover, alarms stay few, differences get seen? 4,000 simulated runs of each cell
	@BENCH_CHECK_STATS=$(or $(RUNS),4000) $(GO) test -count=1 -v -timeout 30m -run 'Coverage|Power|FalseAlarms' ./bench/internal/stats ./bench/internal/analysis

fuzz: ## every fuzz target for FUZZTIME (20s)
	@set -e; for f in $$(grep -rl --include='*_test.go' '^func Fuzz' bench function images); do \
		for t in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$f); do \
			echo "$$t in $$(dirname $$f)"; \
			$(GO) test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f); \
		done; done

# The same region for Terraform and for bench: make deploy REGION=eu-west-1, or
# that of the environment. ARCH=amd64,arm64 makes a function for each; FRESH=10
# pushes so many images of each more, for bench aws --redeploy; TERRAFORM_ARGS goes
# to each apply, -auto-approve say.
REGION         ?=
FRESH          ?=
TERRAFORM_ARGS ?=
TERRAFORM      := $(if $(REGION),TF_VAR_region='$(REGION)' )terraform -chdir=deployment

.PHONY: deploy destroy
deploy: build ## the variants as functions on AWS: REGION, ARCH, FRESH, TERRAFORM_ARGS pass through
	@$(TERRAFORM) init -input=false
	@$(TERRAFORM) apply -target=aws_ecr_repository.images $(TERRAFORM_ARGS)
	@.build/bench images push $(if $(REGION),--region '$(REGION)') $(if $(ARCH),--arch '$(ARCH)') $(if $(FRESH),--fresh '$(FRESH)')
	@$(TERRAFORM) apply $(TERRAFORM_ARGS)

destroy: function ## everything that make deploy made on AWS, images and logs included
	@$(TERRAFORM) destroy $(TERRAFORM_ARGS)
	@rm -f deployment/images.auto.tfvars.json

.PHONY: check-images
check-images: payload ## build RUNS (300) random Dockerfiles here and with docker build: are the images the same? with BUILDKIT_HOST, with BuildKit, too
	@BENCH_REQUIRE=docker BENCH_BUILDS=$(or $(RUNS),300) $(GO) test -count=1 -timeout 60m -run '^Test(BuildsAs(Docker|BuildKit)|DocumentedAsBuildKit|AgainstDocker|RoundTrip)$$' ./bench/internal/image

.PHONY: smoke calibrate gatetest killtest benchmark
smoke: build ## serve each variant with compose, invoke it with curl, check the answer; STRICT=1 skips none
	@COMPOSE='$(COMPOSE)' ARCH='$(or $(ARCH),$(HOST))' .ci/smoke $(SERVICES)

calibrate: payload ## are the times true? known sleeps, other languages against a chroot, docker against the sandbox
	@BENCH_CALIBRATE=1 $(GO) test -count=1 -v -timeout 30m -run '^TestCalibrate' ./bench/internal/backend

gatetest: payload ## rerun RUNS (20) times: unchanged, beside a busy neighbour, with 10 ms more of init; what does the gate say?
	@BENCH_GATE=$(or $(RUNS),20) $(GO) test -count=1 -v -timeout 30m -run '^TestGate$$' ./bench/internal/cli

killtest: payload ## kill and interrupt bench local, bench aws at KILLS (50) random moments; is anything left, changed, lost?
	@BENCH_KILL=$(or $(KILLS),50) $(GO) test -count=1 -v -timeout 60m -run '^Test(Killed|AWS(Redeploy|Versions)?KilledAtAnyMoment|Interrupted(By|With).*)$$' ./bench/internal/cli

benchmark: build ## bench against bare floors, into results/benchmark.md; RIE=/path/to/aws-lambda-rie adds the official emulator
	@mkdir -p results
	@BENCH_RIE='$(RIE)' BENCH_MARKDOWN='$(CURDIR)/results/benchmark.md' $(GO) test -run '^$$' -bench . -benchtime 1x ./bench/internal/backend
	@$(GO) test -run '^$$' -bench . ./bench/internal/backend/awslambda ./bench/internal/cli

.PHONY: offline-base
offline-base: build ## stand-ins for the Amazon Linux bases from Debian's packages
	@images/base/make

.PHONY: language-images
language-images: ## test images with Python, Node, Java and bash from Debian's packages, into .build/languages
	@images/base/languages

.PHONY: clean
clean: ## everything that make made; results are kept
	@rm -rf .build bench/internal/payload/bin/*-linux-*
