# CI runs make ci; every other target runs by itself. All but docs, lint, sanity and unit need root.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Begun in this order: the longest first.
STAGES := sanity molecule unit lint docs targets demo integration
# Test processes side by side: one more than there are cores, and more than twice as many for tests that wait much.
BESIDE = -n $(shell echo $$(($$(nproc) * $(1) + 1))) --dist loadfile
# .ci/test has UNIT empty: other stages fill the machine, and each further process of unit collects all of its tests.
UNIT ?= $(call BESIDE,1)
# Those of tests/integration that use most of what another release's parts may do otherwise.
ON_DEBIAN_13 := $(patsubst %,tests/integration/test_%.py,lifecycle netavark oci_runtime container_layers drivers_storage \
	drivers_network absent_parts ports exec exit_command info live_updates logs adoption adoption_sqlite)

.PHONY: help env test ci quick $(STAGES) image fresh debian13 tutorial fuzz sweep bench vm build clean
help:   ## list the targets
	@sed -n 's/^\([a-z0-9 ]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

env:   ## ready this Debian 12 or 13 host: packages that are missing, and .venv
	@.ci/env
test: env   ## everything below but bench, with a summary
	@.ci/test $(STAGES)
ci: env   ## make test and make fresh, whose demo is that of make test on a fresh host: what CI runs
	@.ci/test fresh $(filter-out demo,$(STAGES))
quick: env   ## in under a minute: lint of what changed, the fast unit tests, a container made, changed and removed
	@.ci/quick
lint: env   ## ruff, codespell, mypy, vermin, shellcheck, ansible-lint, antsibull, action groups, collection build
	@.venv/bin/nox -e lint extra-checks
docs: env   ## the documentation as a site, build/docs/html; a warning or a dead link is an error
	@.venv/bin/nox -e docs
sanity: env   ## ansible-test sanity, no ignores
	@.venv/bin/nox -e sanity
unit: env   ## tests/unit, no root needed
	@.venv/bin/pytest $(UNIT) tests/unit
integration: env   ## tests/integration/*.py: the engine and its drivers on the real parts
	@.ci/podman
	@.ci/runsc
	@.venv/bin/pytest $(call BESIDE,2) --durations=15 --durations-min=15 $(or $(TESTS),tests/integration)
image: env   ## the Debian image of tests/integration, which else the first test that needs it makes
	@.venv/bin/python tests/support/debian.py
targets: env   ## tests/integration/targets: playbooks, run by ansible-test in a network and mount namespace
	@.ci/targets
molecule: env   ## extensions/molecule: the roles
	@.ci/molecule
demo: env   ## a web server and its neighbour, from nothing to nothing
	@docs/examples/demo/run
tutorial: env   ## docs/tutorial.md as it stands, on this host, where the role's packages and files stay: for make fresh
	@.venv/bin/python -m ansible_collections.libpod.engine.tests.support.tutorial
fresh: env   ## make demo tutorial in a minimal Debian 12 of its own, in a clone there; FRESH="demo test" chooses
	@.ci/fresh $(FRESH)
debian13: env   ## the same in a minimal Debian 13, and tests of the engine on its parts; TESTS="..." chooses
	@DEBIAN_RELEASE=trixie TESTS="$(or $(TESTS),$(ON_DEBIAN_13))" .ci/fresh demo integration
fuzz: env   ## hostile input to parsers and modules, and configurations at random, by a new seed; LIBPOD_SEED=NUMBER repeats one
	@export LIBPOD_SEED=$${LIBPOD_SEED:-$$RANDOM$$RANDOM} LIBPOD_FUZZ=$${LIBPOD_FUZZ:-35}; \
	echo "fuzz: LIBPOD_SEED=$$LIBPOD_SEED"; .venv/bin/pytest -m "fuzz or seeded"
sweep: env   ## each kill of the kill sweeps followed by the next run and by the removal; make test does one of both
	@LIBPOD_SWEEP=all .venv/bin/pytest $(call BESIDE,2) tests/integration/test_kill_sweep*.py \
		tests/integration/test_molecule.py tests/integration/test_molecule_killed.py
bench: env   ## ratios to the bare floor, to ping and to podman; table, and JSON under build/
	@command -v podman >/dev/null || .ci/podman || echo "bench: podman cannot be had here; its rows are missing"
	@.ci/peers || echo "bench: containers.podman cannot be had here; its column stays empty"
	@.venv/bin/python -m tests.bench
vm: env   ## the engine on a systemd and cgroup v2 host of its own, under qemu, and over its reboot; TESTS="..." chooses
	@.ci/vm tests $(TESTS)
build:   ## the collection's artifact, under build/
	@.ci/build
clean:   ## remove what the other targets made
	rm -rf build .venv .cache .ruff_cache .mypy_cache .pytest_cache .hypothesis .ansible .nox
