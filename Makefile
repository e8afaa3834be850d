# Emberwatch. `make run` and `make test` are all that a newcomer needs; both install what they miss.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO_TEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo "cargo nextest run" || echo "cargo test")
# So that `make run ARGS="--data other"` works.
ARGS ?=

help: ## What there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: web ## Build everything, start the server with a simulated city, print address and password
	cargo build --release -p app
	exec target/release/emberwatch demo $(ARGS)

web: web/node_modules/.installed ## Build the web application
	cd web && npm run build

web/node_modules/.installed: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	touch $@

check: ## Fast: format, lints, unit tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	$(CARGO_TEST) --workspace --lib

test: ## Everything that CI runs
	scripts/test

bench: web ## Measure, and write docs/performance.md
	cargo build --release -p app
	python3 bench/run.py

bench-hot-path: ## Count the instructions that a reading costs, against their budget
	bench/hot_path.py

bench-day: ## Score a simulated day of 10,000 detectors against what was scripted
	cargo run --release -q -p sim --example day -- 10000 24 1

bench-days: ## The same with five days of 300 detectors, for what takes days to be told
	cargo run --release -q -p sim --example day -- 300 120 1

bench-storm: ## Storm drills: reconnects, alarms, providers that hang or fail, kill -9 while people are told
	bench/storm

bench-detection: ## Score the diagnosis on simulated circuits and on a measured household, and write docs/detection.md
	cargo build --release -q -p sim --example weeks
	cargo run --release -q -p sim --example weeks -- 150 24 3 "$$(python3 bench/household.py target/bench)" docs

bench-phone: web ## Lighthouse on the phone's start page; writes docs/phone.md
	cargo build --release -p app
	python3 bench/phone.py

bench-incidents: ## What incidents cost with 20,000 open alarms
	cargo run --release -q -p store --example incidents -- 20000

bench-peers: web ## Side by side with VictoriaMetrics, InfluxDB, PostgreSQL and Mosquitto; root, installs and removes packages
	cargo build --release -p app
	python3 bench/peers/run.py

bench-history: ## Measure chunks, curves and sealing on a simulated year and on a measured household
	cargo build --release -q -p store --example history
	target/release/examples/history 4 365 30 "$$(python3 bench/household.py target/bench)"

fuzz: ## Fuzz every framer for a minute each (needs a nightly toolchain and cargo-fuzz)
	scripts/fuzz 60

.PHONY: help run web check test bench bench-hot-path bench-day bench-days bench-detection bench-storm bench-phone bench-incidents bench-peers bench-history fuzz
