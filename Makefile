# Everything a developer or a first-time user needs; `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Made when the environment holds what setup.cfg asks for.
READY := $(VENV)/.ready
DOCS_READY := $(VENV)/.docs_ready

.DEFAULT_GOAL := help
.PHONY: help demo web test test-thorough test-pages test-all test-arm test-imx500 explore lint format docs pictures release-check parity bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 16

$(READY): setup.cfg
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
		{ echo "maskdet needs Python 3.11, 3.12 or 3.13; call: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $(READY)

demo: $(READY) ## make a data set, train Mask R-CNN, evaluate, draw; results in demo_output/
	$(BIN)/python -m maskdet demo --out demo_output

web: ## the programs of export("page/") from web/, in maskdet/page/built (Node.js 20 or newer)
	@command -v npm >/dev/null || { echo "make web needs Node.js 20 or newer with npm"; exit 1; }
	cd web && npm ci --silent && npm run --silent check && npm run --silent build

test: $(READY) ## the test suite, in under 15 minutes on two cores
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -n 2 --dist loadscope \
		-m "not slow and not thorough and not pages and not arm and not mediapipe and not onnx and not imx500"

test-thorough: $(READY) ## longer trainings, exports and checks, some eight minutes
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -n 2 --dist loadscope \
		-m "thorough and not slow and not pages and not arm and not mediapipe and not onnx and not imx500"

test-pages: $(READY) ## all that the documentation shows, page by page
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -n 2 --dist load -m pages tests/docs

test-all: $(READY) ## the test suite with its slow tests
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -n 2 --dist loadscope \
		-m "not arm and not mediapipe and not onnx and not imx500"

test-arm: $(READY) ## the exported files on an emulated aarch64 processor (Debian, network)
	PYTHON=$(CURDIR)/$(BIN)/python sh tests/arm/prepare.sh .arm
	MASKDET_ARM=$(CURDIR)/.arm TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -m arm tests/exporters

test-imx500: $(READY) ## a whole export for the AI Camera; MASKDET_IMX500 names the tools' Python (docs/ai_camera.md)
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -m imx500 tests/exporters

explore: $(READY) ## the property tests with examples of their own on each run
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m pytest -n 2 --hypothesis-profile=explore -m hypothesis

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy maskdet

format: $(READY) ## let ruff format and mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(DOCS_READY): $(READY)
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	@touch $(DOCS_READY)

# Anew each time (-E): a page in no list is only told of when it is read.
docs: $(DOCS_READY) ## the documentation, in docs/_build/html; anything broken in it is an error
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m sphinx -E -W --keep-going -q -b html docs docs/_build/html

pictures: $(READY) ## the pictures in docs/images, after the demo and with Chromium
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m docs.make_pictures

release-check: $(READY) ## build wheel and source archive as a release does, try them (network); .release/
	$(BIN)/python -m tests.release.check

parity: $(READY) ## the numbers beside the original's, where ../shared/parity is present
	TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m tests.parity.table

# The short form says that every benchmark works; the figures come from `make bench FULL=1` on a machine
# that does nothing else. WEIGHTS and PHOTOS: a training of your own instead of the demo's.
BENCH := demo_output/bench_$(if $(FULL),full,quick)
WEIGHTS ?= $(BENCH)/scenes.h5
PHOTOS ?= $(BENCH)/dataset
quick_or_full = $(if $(FULL),,--quick --csv $(BENCH)/$(1).csv)
bench: $(READY) ## every benchmark in short; with FULL=1 in full, rows appended to benchmarks/*.csv
	test -f $(WEIGHTS) || \
		$(BIN)/python -m maskdet demo --out $(BENCH) $(if $(FULL),,--images 32 --epochs 1 1)
	$(BIN)/python benchmarks/index.py $(call quick_or_full,index)
	$(BIN)/python benchmarks/gradients.py $(call quick_or_full,gradients)
	$(BIN)/python benchmarks/train.py $(call quick_or_full,train)
	$(BIN)/python benchmarks/inference.py $(call quick_or_full,inference)
	$(BIN)/python benchmarks/cost.py $(call quick_or_full,cost)
	$(BIN)/python benchmarks/first_step.py $(call quick_or_full,first_step)
	$(BIN)/python benchmarks/loader.py $(call quick_or_full,loader)
	$(BIN)/python benchmarks/detect.py $(call quick_or_full,detect) --model $(WEIGHTS) --photos $(PHOTOS)
	$(BIN)/python benchmarks/paste.py $(call quick_or_full,paste)
	$(BIN)/python benchmarks/accuracy.py $(call quick_or_full,accuracy)
	$(BIN)/python benchmarks/box_supervision.py $(call quick_or_full,box_supervision)
	$(BIN)/python benchmarks/label_loop.py $(call quick_or_full,label_loop)
	$(BIN)/python benchmarks/classification.py $(call quick_or_full,classification)
	$(BIN)/python benchmarks/classification.py $(call quick_or_full,classification) --latency
	$(BIN)/python benchmarks/int8.py $(call quick_or_full,int8) --model $(WEIGHTS) --data $(PHOTOS)
	$(BIN)/python benchmarks/lite.py $(call quick_or_full,lite) --model demo=$(WEIGHTS) --data $(PHOTOS)
	$(BIN)/python -m maskdet export $(WEIGHTS) $(BENCH)/stages.tflite --calibration $(PHOTOS) --no-verify
	$(BIN)/python benchmarks/lite_stages.py $(call quick_or_full,lite_stages) demo=$(BENCH)/stages.tflite
	$(BIN)/python benchmarks/frames.py $(call quick_or_full,frames) demo=$(BENCH)/stages.tflite
	test ! -f maskdet/page/built/app.js || { \
		$(BIN)/python -m maskdet export $(WEIGHTS) $(BENCH)/page --calibration $(PHOTOS) --no-verify && \
		$(BIN)/python benchmarks/page.py $(call quick_or_full,page) --page $(BENCH)/page --photos $(PHOTOS); }

clean: ## remove what make made
	rm -rf $(VENV) .arm .release demo_output docs/_build web/node_modules web/build maskdet/page/built .pytest_cache .ruff_cache .mypy_cache .hypothesis
