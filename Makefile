.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# If this variable is set, each of the many processes of a run or of the tests compiles all of soak again.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/ready ## Install soak and its dependencies into .venv

PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-compile
# pip compiles on one core, including the packages' tests. This uses all cores, omits the tests, and skips compiled files.
COMPILE = $(BIN)/python -m compileall -qq -j 0 -x '[/\\]tests?[/\\]' .venv/lib soak || true

.venv/soak-ready: pyproject.toml # soak and its dependencies; enough for the demo
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "soak needs Python 3.11 or newer; try: make PYTHON=python3.12 ..."; exit 1; }
	@echo "Installing soak into .venv (about a minute): 1 of 3, the environment ..."
	@$(PYTHON) -m venv .venv
	@echo "Installing soak into .venv: 2 of 3, the packages ..."
	@$(PIP) --upgrade pip # an older Python's pip takes 1.5 times as long for the next steps
	@$(PIP) -e .
	@echo "Installing soak into .venv: 3 of 3, compiling them ..."
	@$(COMPILE)
	@touch $@

.venv/ready: .venv/soak-ready
	@echo "Installing what developing and the tests need ..."
	@$(PIP) -e '.[dev]'
	@$(PIP) --no-deps 'apache-otava>=0.8,<0.9' # --no-deps: it pins numpy without need
	@$(COMPILE)
	@touch $@

demo: .venv/soak-ready ## Run the main job on the bundled service while it leaks, and find the leak (about a minute)
	@$(BIN)/soak demo --leak memory; code=$$?; \
	if [ $$code -eq 1 ]; then echo "The leak was found, as it should be: open the report above in a browser."; \
	else echo "The leak was NOT found (exit $$code)."; exit 1; fi

test: install ## Run the fast tests, which need no toolchain (about 3 minutes on two idle cores)
	$(BIN)/python -m pytest -m "not slow and not thorough"
	@echo "The fast tests passed. 'make test-all' adds the slow ones: whole runs, further recordings, services in Go, Java and Node, PostgreSQL, a browser (some 18 minutes)."

test-all: install ## Run all tests; tests whose tool (Go, Java, Node, PostgreSQL, Chromium) is missing are skipped
	$(BIN)/python -m pytest -n 4 # more processes than cores: most slow tests wait for a service

check: install ## Check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: bench-verdict bench-control bench-advice bench-horizons bench-foreign bench-compare bench-early bench-speed bench-recording bench-live bench-load bench-workers bench-memory bench-self bench-parse bench-sampler bench-attribution bench-profilers ## Run all benchmarks of this list

bench-verdict: install ## False alarms and misses on labelled series, compared with other methods
	$(BIN)/python -m tests.bench.bench_verdict

bench-horizons: install ## How long passes vouch for, and how soon leaks are found, compared with an oracle
	$(BIN)/python -m tests.bench.bench_horizons

bench-advice: install ## Whether a run is decided after as much longer as its findings advise
	$(BIN)/python -m tests.bench.bench_advice

bench-foreign: install ## The verdict on third-party software, compared with other methods
	$(BIN)/python -m tests.bench.bench_foreign

bench-compare: install ## How often a build looks worse than itself, and which regressions are found (REAL=folder of runs)
	$(BIN)/python -m tests.bench.bench_compare $(if $(REAL),--real $(REAL))

bench-early: install ## What stopping early costs and saves
	$(BIN)/python -m tests.bench.bench_early

bench-speed: install ## How long loading and judging take
	$(BIN)/python -m tests.bench.bench_speed

bench-recording: install ## Disk space and load time of days of recording (HOURS=72)
	$(BIN)/python -m tests.bench.bench_recording --hours $(or $(HOURS),72)

bench-live: install ## What live judging costs during a run
	$(BIN)/python -m tests.bench.bench_live

bench-load: install ## How fast the load generator is, compared with FastHttpUser, wrk, vegeta, k6 and oha
	$(BIN)/python -m tests.bench.bench_load

bench-http2: install ## The rate of a client on h2, as a share of the HTTP/1.1 rate (needs pip install h2)
	$(BIN)/python -m tests.bench.bench_http2

bench-workers: install ## The master's CPU use for merging the windows of a hundred workers
	$(BIN)/python -m tests.bench.bench_workers

bench-memory: install ## Whether the generator's memory is constant, over requests and over days of windows
	$(BIN)/python -m tests.bench.bench_memory

bench-self: install ## Judge soak's own processes with soak, over a run and over simulated days (MINUTES=60 RATE=1000 DAYS=30)
	$(BIN)/python -m tests.bench.bench_self --minutes $(or $(MINUTES),60) --rate $(or $(RATE),1000) --days $(or $(DAYS),30)

bench-control: install ## Whether leaks of the size that a pass states as detectable are found, on other series of the same kind
	$(BIN)/python -m tests.bench.bench_control

bench-attribution: install ## How well growth is attributed to endpoints, on simulated services
	$(BIN)/python -m tests.bench.bench_attribution

faults: install ## Send signals to every process of a run at random moments; prints a table (about two hours; MOMENTS=1: ten minutes)
	.venv/bin/python -m tests.faults.kill_matrix --moments $(or $(MOMENTS),10)

faults-target: install ## Faults of a target (dies, hangs, sends garbage …), each in a real run; prints a table (about ten minutes)
	$(BIN)/python -m tests.faults.target_faults

faults-network: install ## Faults of the network between master and worker; prints a table (needs root for network namespaces; about five minutes)
	$(BIN)/python -m tests.faults.network_faults

fuzz: install ## Damaged input for everything that soak reads; prints a table (COUNT=2000 mutations of each surface: about ten minutes)
	$(BIN)/python -m tests.faults.fuzzing --count $(or $(COUNT),2000) --seed $(or $(SEED),0)

mutants: install ## Mutate the code that judges and diagnoses, and count the mutants that tests find (COUNT=400 SEED=1: an hour of one core)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[mutants]'
	OPENBLAS_NUM_THREADS=1 nice -n 19 $(BIN)/python -m tests.mutants.run --count $(or $(COUNT),400) --seed $(or $(SEED),1) $(if $(FILE),--file $(FILE)) $(if $(AGAIN),--again)

matrix: install ## Run soak on every service and every leak of tests/targets (over an hour)
	$(BIN)/python -m tests.targets.matrix

matrix-diagnosis: install ## The same with diagnosis: class, place, endpoint and amount of every leak (over three hours)
	$(BIN)/python -m tests.targets.matrix --diagnose --jobs 2

bench-parse: install ## How fast soak parses a metrics page of 5,000 lines
	$(BIN)/python -m tests.bench.bench_parse

bench-sampler: install ## How late the sampler is while both cores are busy
	$(BIN)/python -m tests.bench.bench_sampler

bench-profilers: install ## What each profiler costs its target, per request and per snapshot
	$(BIN)/python -m tests.bench.bench_profilers

zoo: install ## Goroutines, threads and tasks that leak in all common ways, leaking and fixed (about two hours)
	$(BIN)/python -m tests.targets.zoo --fixed

gate-seed: install ## The effect of pooling and streaming on the Go target, by soak gate (about twenty minutes)
	$(BIN)/python -m tests.targets.seed_table

programs: install ## Libraries with known leaks, at leaking and at fixed releases (about half an hour)
	$(BIN)/python -m tests.targets.programs

sbom: install ## List the installed packages in a CycloneDX file (sbom.json)
	@test -x .venv-tools/bin/cyclonedx-py || { $(PYTHON) -m venv .venv-tools && .venv-tools/bin/pip install --quiet --disable-pip-version-check cyclonedx-bom; }
	.venv-tools/bin/cyclonedx-py environment .venv --output-file sbom.json

audit: install ## Check dependencies for known vulnerabilities (queries PyPI)
	@test -x .venv-tools/bin/pip-audit || { $(PYTHON) -m venv .venv-tools && .venv-tools/bin/pip install --quiet --disable-pip-version-check pip-audit; }
	.venv-tools/bin/pip-audit --strict --disable-pip --no-deps -r requirements-dev.lock

.PHONY: sbom audit help install demo test test-all check format matrix matrix-diagnosis bench bench-verdict bench-advice bench-horizons bench-foreign bench-compare bench-early bench-speed bench-recording bench-live bench-load bench-workers bench-memory bench-self bench-control bench-parse bench-sampler bench-attribution bench-profilers zoo programs faults faults-target faults-network gate-seed fuzz mutants
