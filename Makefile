# Everything a contributor does, from a machine with Python >= 3.11, make and a package index.
#
# VENV    the virtual environment, made here or already yours (default .venv)
# PYTHON  the interpreter that makes it (default python3)
# ENGINES whom make conformance examines
# ARGS    more arguments for pytest, the demo or the benchmarks: make test ARGS="-k codec"

VENV ?= .venv
PYTHON ?= python3
PYTEST_WORKERS ?= 2
ENGINES ?= native extended finite-difference complex-step autograd casadi jax symbolic torch
ARGS ?=

BIN := $(VENV)/bin
GENERATED := client/adglot/v1
PROTOS = $(sort $(wildcard proto/adglot/v1/*.proto))
SERVICES = $(filter %_service.proto,$(PROTOS))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/.installed-demo ## fit a model through a real server and check every derivative
	$(BIN)/adglot demo $(ARGS)

# One BLAS thread a worker: the workers already take the cores.
.PHONY: test
test: $(VENV)/.installed-test ## run every test and every documented example
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m 'not engines and not jobs and not docker and not chaos' $(ARGS)

# About 1.2 GB to install, so apart from the rest.
.PHONY: test-engines
test-engines: $(VENV)/.installed-test-engines ## run the tests that need casadi, jax and torch
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m engines tests/engines tests/crosscheck $(ARGS)

# Dask, S3's client, and moto, which answers it on this machine.
.PHONY: test-jobs
test-jobs: $(VENV)/.installed-test-jobs ## run the tests that need Dask and S3
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(PYTEST_WORKERS) -m jobs tests/jobs tests/jobservice $(ARGS)

# Finds Julia as juliacall does: PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT, or what
# adglot julia install has made. Without one the tests are skipped, and one line says how many.
.PHONY: test-julia
test-julia: $(VENV)/.installed-test-julia ## run the tests that need a Julia
	$(BIN)/python -m pytest -m julia tests/julia $(ARGS)

# Builds the images and runs docker-compose.yml where a Docker engine can be reached.
.PHONY: test-docker
test-docker: $(VENV)/.installed-test ## build the images and run a job on containers
	$(BIN)/python -m pytest -m docker -rs -s tests/containers $(ARGS)

.PHONY: test-chaos
test-chaos: $(VENV)/.installed-test-jobs ## kill processes at random while a job runs, and compare its store
	$(BIN)/python -m pytest -m chaos -rs -s tests/jobservice $(ARGS)

.PHONY: check
check: $(VENV)/.installed-dev ## lint, format, types, import rules, protos
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(MAKE) --no-print-directory check-generated

# Compares with a fresh copy, so it works in a changed tree and changes nothing in it.
.PHONY: check-generated
check-generated: $(VENV)/.installed-dev
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	  $(call generate,$$fresh) && \
	  diff -r --exclude=__init__.py --exclude=__pycache__ $(GENERATED) "$$fresh/adglot/v1" || \
	  { echo 'make check: $(GENERATED) is not what proto/ generates: run make gen' >&2; exit 1; }

.PHONY: gen
gen: $(VENV)/.installed-dev ## regenerate client/adglot/v1 from proto/
	rm -f $(GENERATED)/*_pb2*.py $(GENERATED)/*_pb2*.pyi
	$(call generate,client)

# The path of a proto is the path of its module, so no import needs rewriting.
define generate
$(BIN)/python -m grpc_tools.protoc -I proto --python_out=$(1) --pyi_out=$(1) $(PROTOS) && \
$(BIN)/python -m grpc_tools.protoc -I proto --grpc_python_out=$(1) $(SERVICES)
endef

.PHONY: hooks
hooks: $(VENV)/.installed-dev ## check every commit before it is made
	$(BIN)/prek install

# About 1.4 GB to install; CasADi's code is compiled by gcc, and left out where there is none.
.PHONY: bench
bench: $(VENV)/.installed-bench ## measure against JAX, torch, autograd, CasADi, NumPy and a gRPC echo
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks $(ARGS)

.PHONY: conformance
conformance: $(VENV)/.installed-test-engines ## put every op to each of ENGINES, for the docs
	@wrong=; for engine in $(ENGINES); do \
	  mkdir -p "docs/conformance/$$(dirname "$$engine")" && \
	  $(BIN)/adglot conformance --engine "$$engine" --out "docs/conformance/$$engine.json" $(ARGS) \
	    || wrong="$$wrong $$engine"; \
	done; test -z "$$wrong" || { echo "make conformance: not all is right with$$wrong" >&2; exit 1; }

.PHONY: bench-slower
bench-slower: $(VENV)/.installed-bench ## look for programs that are slower compiled than interpreted
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.slower $(ARGS)

.PHONY: bench-julia
bench-julia: $(VENV)/.installed-test-julia ## measure gradients by Julia against a bare echo and DI's own time
	$(BIN)/python -m benchmarks.julia $(ARGS)

.PHONY: bench-jobs
bench-jobs: $(VENV)/.installed-bench ## measure batch jobs against one process of the same engine
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.jobs $(ARGS)

.PHONY: docs
docs: $(VENV)/.installed-docs ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A virtual environment of yours may come without pip.
$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	@echo 'installing adglot[$*] into $(VENV)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@
