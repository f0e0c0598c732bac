# Everything here works on a machine that has Python 3.10 or newer (with venv and pip) and make.
# Pass PYTHON=... to use another interpreter than python3.

PYTHON ?= python3
JOBS ?= 2

# Errors only: setuptools warns at length about each editable installation.
PIP := -m pip -qq --disable-pip-version-check
BIN := .venv/bin
TYPES := .venv-types/bin
DEMO_MODELS := $(foreach name,smallnet unet_small,$(foreach ending,tflite onnx,\
    reference_models/exports/$(name).$(ending)))
DEMO_TARGETS := nnapi-1.1 nnapi-1.2 nnapi-1.2+accelerator
DEMO_REFUSED := reference_models/exports/unet_small.tflite
DEMO_CURED := build/demo/unet_small.tflite
DEMO_CURE_FOR := nnapi-1.1 mate30-pro-5g

.PHONY: demo test test-full lint types tools pytest browser phones exports docs map trained clean
# The steps of `make test` run in the order given, so that pytest's closing line comes last.
.NOTPARALLEL:

# What npulint says about two real networks. Refused operators (exit code 1) are what there is
# to see; a file that cannot be read (2) or a fault of npulint (3) makes the demo fail, and so
# does a command that cannot even tell its version. Then the refused U-Net is rewritten, proved
# by running it beside the original, and checked again: that must find nothing.
demo: .venv/.light
	@$(BIN)/npulint --version
	@for model in $(DEMO_MODELS); do \
	    echo; echo "== npulint check $$model"; code=0; \
	    $(BIN)/npulint check $$model $(addprefix --target ,$(DEMO_TARGETS)) || code=$$?; \
	    echo "exit code $$code"; test $$code -le 1 || exit $$code; \
	done
	@mkdir -p build/demo
	@echo; echo "== npulint fix $(DEMO_REFUSED)"
	@$(BIN)/npulint fix $(DEMO_REFUSED) -o $(DEMO_CURED) $(addprefix --target ,$(DEMO_CURE_FOR))
	@echo; echo "== npulint check $(DEMO_CURED)"
	@$(BIN)/npulint check $(DEMO_CURED) $(addprefix --target ,$(DEMO_CURE_FOR))
	@echo; echo "== npulint verify $(DEMO_REFUSED) $(DEMO_CURED)"
	@$(BIN)/npulint verify $(DEMO_REFUSED) $(DEMO_CURED)

test: lint types pytest

# Every sweep in full, where `make test` takes a sample.
test-full: export NPULINT_FULL = 1
test-full: lint types pytest

lint: .venv/.dev
	@echo "== ruff check"
	@$(BIN)/ruff check .
	@echo "== ruff format"
	@$(BIN)/ruff format --check .

# Type checkers and import-linter do not follow the folder mapping of an ordinary editable
# installation. The strict kind is a tree of links as of now, hence installed anew each time.
types: .venv-types/.tools
	@echo "== mypy --strict, import-linter"
	@rm -rf build/__editable__.npulint-*
	@.venv-types/bin/python $(PIP) install --no-build-isolation --no-deps \
	    --config-settings editable_mode=strict --editable .
	@$(TYPES)/mypy --package npulint
	@$(TYPES)/lint-imports --no-logo --no-cache

# Validators that tests hold reports against, at the versions named here.
SARIF_VALIDATOR := @microsoft/sarif-multitool@5.7.0
JUNIT_SCHEMA_FROM := pytest==8.4.2
ACCESSIBILITY_CHECKER := axe-core@4.14.1

tools: build/tools/.sarif build/tools/junit-10.xsd build/tools/.axe browser phones

build/tools/.sarif:
	@echo "== installing $(SARIF_VALIDATOR) into build/tools"
	@command -v npm >/dev/null || { echo "make tools needs npm (Debian: apt-get install npm)"; exit 1; }
	@npm install --silent --no-audit --no-fund --prefix build/tools $(SARIF_VALIDATOR)
	@chmod +x build/tools/node_modules/@microsoft/sarif-multitool-*/Sarif.Multitool
	@touch $@

# Jenkins' schema of JUnit reports comes with the sources of pytest.
build/tools/junit-10.xsd: | .venv/.created
	@mkdir -p build/tools/pytest
	@.venv/bin/python $(PIP) download --quiet --no-deps --no-binary :all: --dest build/tools/pytest $(JUNIT_SCHEMA_FROM)
	@tar -xzf build/tools/pytest/pytest-*.tar.gz -C build/tools/pytest --strip-components 3 --wildcards '*/junit-10.xsd'
	@mv build/tools/pytest/junit-10.xsd $@

build/tools/.axe:
	@echo "== installing $(ACCESSIBILITY_CHECKER) into build/tools"
	@command -v npm >/dev/null || { echo "make tools needs npm (Debian: apt-get install npm)"; exit 1; }
	@npm install --silent --no-audit --no-fund --prefix build/tools $(ACCESSIBILITY_CHECKER)
	@touch $@

# The HTML report is tested in a real browser, which is the system's own.
browser:
	@test -n "$(CHROMIUM)" || command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null || \
	    { echo "make test needs Chromium (Debian: apt-get install chromium), or CHROMIUM=/path/to/it"; exit 1; }
	@test -n "$(CHROMEDRIVER)" || command -v chromedriver >/dev/null || \
	    { echo "make test needs Chromium's driver (Debian: apt-get install chromium-driver), or CHROMEDRIVER=/path/to/it"; exit 1; }

# Phones are tested by the real adb, which is the system's own.
phones:
	@command -v adb >/dev/null || { echo "make test needs adb (Debian: apt-get install adb)"; exit 1; }

pytest: .venv/.dev tools
	@echo "== pytest (pictures of the HTML report go to build/screenshots)"
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# Write the shipped exports again, with the frameworks of the development environment.
exports: .venv/.dev
	@$(BIN)/python -m npulint.reference_models.export

# Write the compiled tables and the generated pages again, after a change of a table, a device
# profile or a rule.
docs: .venv/.light
	@$(BIN)/python -m npulint.opsets.compile
	@$(BIN)/python -m npulint.config.schema
	@$(BIN)/npulint docs --output docs

# Build every reference network at its published size and draw what the targets make of them: a
# quarter of an hour, less where exports are kept from before.
map: .venv/.dev
	@$(BIN)/npulint models map --jobs $(JOBS) --output docs

# Write the page about trained weights again, from the records beside them.
trained: .venv/.light
	@$(BIN)/python -m npulint.reference_models.training.page docs/trained.md

clean:
	rm -rf .venv .venv-types build dist *.egg-info

.venv/.created:
	@echo "== creating .venv"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "npulint needs Python 3.10 or newer; this is " + sys.version.split()[0] + ". Name one with PYTHON=...")'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.light: pyproject.toml | .venv/.created
	@echo "== installing npulint into .venv"
	@$(BIN)/python $(PIP) install --editable '.[verify]'
	@touch $@

.venv/.dev: pyproject.toml | .venv/.created
	@echo "== installing npulint and what its tests need into .venv (minutes, the first time)"
	@$(BIN)/python $(PIP) install --upgrade 'pip>=25.1'
	@$(BIN)/python $(PIP) install --editable . --group dev
	@touch $@ .venv/.light

.venv-types/.tools: pyproject.toml
	@echo "== creating .venv-types"
	@$(PYTHON) -m venv .venv-types
	@.venv-types/bin/python $(PIP) install --upgrade 'pip>=25.1'
	@.venv-types/bin/python $(PIP) install 'setuptools>=77' --group types
	@.venv-types/bin/python $(PIP) install --no-build-isolation \
	    --config-settings editable_mode=strict --editable .
	@touch $@
