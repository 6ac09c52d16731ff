.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# Where it is set, each of the many processes that a run and the tests start would compile all of soak anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/ready ## Put soak and all it needs into .venv

PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile
# pip compiles on one core, tests of packages too: this takes all cores, leaves those out, and skips what is compiled.
COMPILE = $(BIN)/python -m compileall -qq -j 0 -x '[/\\]tests?[/\\]' .venv/lib soak || true

.venv/soak-ready: pyproject.toml # soak alone: all that the demo needs
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "soak needs Python 3.11 or newer; try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing soak into .venv (about a minute): 1 of 3, the environment ..."
	@$(PYTHON) -m venv .venv
	@echo "Installing soak into .venv: 2 of 3, the packages ..."
	@$(PIP) --upgrade pip # the pip of an older Python takes half as long again for what follows
	@$(PIP) -e .
	@echo "Installing soak into .venv: 3 of 3, compiling them ..."
	@$(COMPILE)
	@touch $@

.venv/ready: .venv/soak-ready
	@echo "Installing what developing and the tests need ..."
	@$(PIP) -e '.[dev]'
	@$(PIP) --no-deps 'apache-otava>=0.8,<0.9' # pins numpy, needs it not
	@$(COMPILE)
	@touch $@

demo: .venv/soak-ready ## Run the main job on the bundled service while it leaks, and find the leak (about a minute)
	@$(BIN)/soak demo --leak memory; code=$$?; \
	if [ $$code -eq 1 ]; then echo "The leak was found, as it should be: open the report above in a browser."; \
	else echo "The leak was NOT found (exit $$code)."; exit 1; fi

test: install ## Run the fast tests; they need no toolchain (some 5 minutes on two idle cores)
	$(BIN)/python -m pytest -m "not slow and not thorough"
	@echo "The fast tests passed. 'make test-all' adds the slow ones: whole runs, further recordings, services in Go, Java and Node, PostgreSQL, a browser (some 18 minutes)."

test-all: install ## Run all tests; those that need Go, Java, Node, PostgreSQL or Chromium are skipped where these are missing
	$(BIN)/python -m pytest -n 4 # most of the slow ones wait for a service

check: install ## Format, lint, types: cheap to costly
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: bench-verdict bench-control bench-horizons bench-foreign bench-compare bench-early bench-speed bench-recording bench-live bench-load bench-workers bench-memory bench-self bench-parse bench-sampler bench-attribution bench-profilers ## Measure everything that is measured, side by side with others

bench-verdict: install ## False alarms and misses on labelled series, beside other methods
	$(BIN)/python -m tests.bench.bench_verdict

bench-horizons: install ## For how long passes vouch, and how soon leaks are seen, beside an oracle
	$(BIN)/python -m tests.bench.bench_horizons

bench-foreign: install ## The verdict on software that nobody here wrote, beside other methods
	$(BIN)/python -m tests.bench.bench_foreign

bench-compare: install ## How often a build compared with itself looks worse, and what is caught (REAL=folder of runs)
	$(BIN)/python -m tests.bench.bench_compare $(if $(REAL),--real $(REAL))

bench-early: install ## What stopping early costs and saves
	$(BIN)/python -m tests.bench.bench_early

bench-speed: install ## How long loading and judging take
	$(BIN)/python -m tests.bench.bench_speed

bench-recording: install ## What days of recording take on disk and to load (HOURS=72)
	$(BIN)/python -m tests.bench.bench_recording --hours $(or $(HOURS),72)

bench-live: install ## What judging costs while a run goes on
	$(BIN)/python -m tests.bench.bench_live

bench-load: install ## How fast the load is, beside FastHttpUser, wrk, vegeta, k6 and oha
	$(BIN)/python -m tests.bench.bench_load

bench-http2: install ## At what share of the HTTP/1.1 rate a client on h2 would be (needs pip install h2)
	$(BIN)/python -m tests.bench.bench_http2

bench-workers: install ## What merging a hundred workers' windows takes of the master's core
	$(BIN)/python -m tests.bench.bench_workers

bench-memory: install ## Whether the generator's memory stays put, over requests and over days of windows
	$(BIN)/python -m tests.bench.bench_memory

bench-self: install ## Soak's own processes judged by soak, over a run and over simulated days (MINUTES=60 RATE=1000 DAYS=30)
	$(BIN)/python -m tests.bench.bench_self --minutes $(or $(MINUTES),60) --rate $(or $(RATE),1000) --days $(or $(DAYS),30)

bench-control: install ## Whether leaks of the size that a pass promises to see are seen, on other series of the same kind
	$(BIN)/python -m tests.bench.bench_control

bench-attribution: install ## How well growth is told apart by endpoint, on simulated services
	$(BIN)/python -m tests.bench.bench_attribution

faults: install ## Signals to every process of a run at random moments, as a table (about two hours; MOMENTS=1: ten minutes)
	.venv/bin/python -m tests.faults.kill_matrix --moments $(or $(MOMENTS),10)

faults-target: install ## What a target may do to a run (dies, hangs, answers garbage …), a real run each, as a table (some ten minutes)
	$(BIN)/python -m tests.faults.target_faults

faults-network: install ## What the network between master and worker may do to a run, as a table (as root, for network namespaces; some five minutes)
	$(BIN)/python -m tests.faults.network_faults

fuzz: install ## Damaged input of everything that soak reads, as a table (COUNT=2000 mutations of each surface: some ten minutes)
	$(BIN)/python -m tests.faults.fuzzing --count $(or $(COUNT),2000) --seed $(or $(SEED),0)

mutants: install ## Small changes to what judges and diagnoses, and the tests that notice (COUNT=400 SEED=1: an hour of one core)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[mutants]'
	OPENBLAS_NUM_THREADS=1 nice -n 19 $(BIN)/python -m tests.mutants.run --count $(or $(COUNT),400) --seed $(or $(SEED),1) $(if $(AGAIN),--again)

matrix: install ## Run soak on every service and every leak of tests/targets (over an hour)
	$(BIN)/python -m tests.targets.matrix

matrix-diagnosis: install ## The same with diagnosis: class, place, endpoint and amount of every leak (three hours and more)
	$(BIN)/python -m tests.targets.matrix --diagnose --jobs 2

bench-parse: install ## How fast a metrics page of 5,000 lines is read
	$(BIN)/python -m tests.bench.bench_parse

bench-sampler: install ## How late the sampler is while both cores are busy
	$(BIN)/python -m tests.bench.bench_sampler

bench-profilers: install ## What each profiler costs its target, per request and per snapshot
	$(BIN)/python -m tests.bench.bench_profilers

zoo: install ## Goroutines, threads and tasks stranded in every usual way, leaking and fixed (about two hours)
	$(BIN)/python -m tests.targets.zoo --fixed

gate-seed: install ## What pooling and streaming are worth on the Go target, by soak gate (some twenty minutes)
	$(BIN)/python -m tests.targets.seed_table

programs: install ## Libraries at releases with known leaks, leaking and fixed (about half an hour)
	$(BIN)/python -m tests.targets.programs

sbom: install ## What is installed, as a CycloneDX file (sbom.json)
	@test -x .venv-tools/bin/cyclonedx-py || { $(PYTHON) -m venv .venv-tools && .venv-tools/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom; }
	.venv-tools/bin/cyclonedx-py environment .venv --output-file sbom.json

audit: install ## Whether a dependency has a known vulnerability (asks PyPI)
	@test -x .venv-tools/bin/pip-audit || { $(PYTHON) -m venv .venv-tools && .venv-tools/bin/pip install --quiet --disable-pip-version-check pip-audit; }
	.venv-tools/bin/pip-audit --strict --disable-pip --no-deps -r requirements-dev.lock

.PHONY: sbom audit help install demo test test-all check format matrix matrix-diagnosis bench bench-verdict bench-horizons bench-foreign bench-compare bench-early bench-speed bench-recording bench-live bench-load bench-workers bench-memory bench-self bench-control bench-parse bench-sampler bench-attribution bench-profilers zoo programs faults faults-target faults-network gate-seed fuzz mutants
