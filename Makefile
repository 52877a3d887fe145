# Everything is `python -m tools …` in the project's own environment; make only names it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
INSTANCE ?= local
export INSTANCE

.PHONY: cost help up down status env logs test test-fast lint format preview snapshot bench images schema rollback-model venv

help: ## show this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  INSTANCE=name       another instance beside the default one (local)"
	@echo "  KUBE_CONTEXT=name   use a cluster that exists (kind, k3d) instead of the built-in node"
	@echo "  IMAGE_REGISTRY=host push images there for that cluster"
	@echo "  SETTINGS=1          make preview prints a stack's settings in full, and where each is from"

up: venv ## bring the whole platform up on this machine, or bring it up to date
	@$(PY) -m tools up

down: venv ## take it down and leave nothing behind but the cache
	@$(PY) -m tools down

status: venv ## what runs, where, last prices and predictions, lag, jobs, alerts
	@$(PY) -m tools status

env: venv ## print what pulumi, kubectl and psql need, as shell exports (make -s env)
	@$(PY) -m tools env

logs: venv ## follow a workload's logs:  make logs WORKLOAD=prediction-consumer
	@$(PY) -m tools logs $(WORKLOAD)

test: venv ## prove it: static, unit, service and live tests (brings the stack up)
	@$(PY) -m tools test

test-fast: venv ## static, unit and component tests, no cluster
	@$(PY) -m tools test --fast

lint: venv ## ruff and pyright
	@$(PY) -m tools lint

format: venv ## let ruff rewrite what it can
	@.venv/bin/ruff check --fix -q . ; .venv/bin/ruff format -q .

cost: venv ## what each stack costs a month at AWS; writes it into docs/deploy-aws.md
	@$(PY) -m tools cost --write

preview: venv ## what each stack would be, and every check over it, no credential:  make preview STACK=prod
	@$(PY) -m tools preview $(if $(CHECK),--check $(CHECK)) $(if $(SETTINGS),--settings)

snapshot: venv ## accept the stacks' resources as they are now:  make snapshot STACK=prod
	@$(PY) -m tools snapshot

bench: venv ## measure it beside its peers; prints a table, writes bench.json
	@$(PY) -m tools bench

images: venv ## build the container images that changed
	@$(PY) -m tools images build

schema: venv ## write the generated JSON Schemas anew
	@$(PY) -m infra.schema
	@$(PY) -m workloads.kit.contracts.schema

rollback-model: venv ## put the previous model back:  make rollback-model SYMBOL=WTI REASON="..."
	@$(PY) -m tools rollback-model --symbol "$(SYMBOL)" --reason "$(REASON)"

venv:
	@sh tools/bootstrap
