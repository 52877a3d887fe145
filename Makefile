# Everything is `python -m tools …` in the project's own environment; make only names it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
INSTANCE ?= local
export INSTANCE
# Set in many containers; every process would then compile all that it imports anew, which takes longer than the rest.
unexport PYTHONDONTWRITEBYTECODE
SETS := $(notdir $(basename $(wildcard stacks/sets/*.yaml)))
export WITH

.PHONY: help try try-down up down status logs env rollback-model lint format test-fast test test-all \
	preview snapshot schema cost sdk images bench venv venv-run

help: ## show this
	@awk 'BEGIN {FS = ":.*## "} /^### / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Variables"
	@echo "  INSTANCE=name       another instance beside the default one (local)"
	@echo "  KUBE_CONTEXT=name   use a cluster that exists (kind, k3d) instead of the built-in node"
	@echo "  IMAGE_REGISTRY=host push images there for that cluster"
	@echo "  WITH=\"set …\"        make up adds what not everybody needs: $(SETS); all, none"
	@echo "  DATA=path           prices for make bench forecast and quality (docs/forecasts.md, docs/quality.md)"
	@echo "  TEST_MINUTES=75     make test-all begins no test after that, and says which it left out"
	@echo "  ROWS=count          rows of make bench PARTS=downloads (default 1000000) or plans (100000000)"
	@echo "  SETTINGS=1          make preview prints a stack's settings in full, and where each is from"

### A first look, and developing a workload (no root, no cluster)

try: venv-run ## all workloads as plain processes until Ctrl-C; one under your debugger:  make try ONLY=model-server
	@$(PY) -m tools.tryout up

try-down: venv-run ## end that from elsewhere, or what a killed one left
	@$(PY) -m tools.tryout down

### The whole platform on this machine

up: venv ## bring the whole platform up on this machine, or bring it up to date
	@$(PY) -m tools up

status: venv ## what runs, where, last prices and predictions, lag, jobs, alerts
	@$(PY) -m tools status

logs: venv ## follow a workload's logs:  make logs WORKLOAD=prediction-consumer
	@$(PY) -m tools logs "$(WORKLOAD)"

env: venv ## print what pulumi, kubectl and psql need, as shell exports (make -s env)
	@$(PY) -m tools env

rollback-model: venv ## put the previous model back:  make rollback-model SYMBOL=WTI REASON="..."
	@$(PY) -m tools rollback-model --symbol "$(SYMBOL)" --reason "$(REASON)"

down: venv ## take it down and leave nothing behind but the cache
	@$(PY) -m tools down

### Tests

lint: venv ## ruff and pyright
	@$(PY) -m tools lint

format: venv ## let ruff rewrite what it can
	@.venv/bin/ruff check --fix -q . ; .venv/bin/ruff format -q .

test-fast: venv ## static checks, unit and component tests (a few minutes)
	@$(PY) -m tools test --fast

test: venv ## and the tests of the core on real Kafka and PostgreSQL: no root, no cluster (some 12 minutes)
	@$(PY) -m tools test

test-all: venv ## and the gate and everything live, on a cluster that it brings up (one to two hours)
	@$(PY) -m tools test --all

# `make bench forecast` reads as it is said: the second word is the part.
ifneq ($(filter forecast quality,$(MAKECMDGOALS)),)
PARTS := $(filter forecast quality,$(MAKECMDGOALS))
.PHONY: forecast quality
forecast quality: bench ; @:
endif
export DATA

bench: venv ## measure it beside its peers; prints a table, writes bench.json:  make bench PARTS="server latency"
	@$(PY) -m tools bench $(PARTS)

### The stacks

preview: venv ## what each stack would be, and every check over it, no credential:  make preview STACK=prod
	@$(PY) -m tools preview $(if $(CHECK),--check "$(CHECK)") $(if $(SETTINGS),--settings)

snapshot: venv ## accept the stacks' resources as they are now:  make snapshot STACK=prod
	@$(PY) -m tools snapshot

schema: venv ## write the generated JSON Schemas anew, and the Python client's files
	@$(PY) -m infra.schema
	@$(PY) -m workloads.kit.contracts.schema
	@$(PY) -m workloads.data_api.document
	@$(PY) -m workloads.data_api.graphql_api.document
	@$(PY) -m tools sdk generate

cost: venv ## what each stack costs a month at AWS; writes it into docs/deploy-aws.md
	@$(PY) -m tools cost --write

sdk: venv ## build the Python client's wheel into dist/ (docs/sdk.md)
	@$(PY) -m tools sdk build

images: venv ## build the container images that changed
	@$(PY) -m tools images build

venv:
	@sh tools/bootstrap

venv-run:
	@sh tools/bootstrap run
