# Each target sets up .venv itself, with no more than it needs. Another Python: make test PYTHON=python3.12
PYTHON ?= python3
BIN = .venv/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Idle OpenMP threads that spin can make two threads slower than one on a busy machine.
export OMP_WAIT_POLICY = passive

.PHONY: install demo web test test-all test-plain check bench model starts flow-model spotter docs licences dist campaigns clean

install: .venv/dev

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) -e .
	@touch $@

.venv/web: .venv/ready
	$(PIP) -e '.[web]'
	@touch $@

.venv/dev: .venv/ready
	$(PIP) -e '.[dev]'
	@touch $@

.venv/docs: .venv/ready
	$(PIP) -e '.[docs]'
	@touch $@

demo: .venv/ready
	$(BIN)/tsfmicro demo --out demo

web: .venv/web
	$(BIN)/tsfmicro web

# What is compiled is kept, whatever the shell says: tests start many a process that imports it.
PYTEST = PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal
test: .venv/dev
	$(PYTEST)

# Large models as they were made, and each export, too.
test-all: .venv/dev
	$(PYTEST) -m ''

# With a processor's newer instructions hidden, from each library by its own switch: what a test claims holds on any processor.
PLAIN = ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_CBWR=COMPATIBLE OPENBLAS_CORETYPE=Nehalem \
  NPY_DISABLE_CPU_FEATURES='X86_V3 X86_V4 AVX512_ICL' OPENCV_CPU_DISABLE=AVX512-SKX,AVX2,FP16,AVX \
  GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4
test-plain: .venv/dev
	$(PLAIN) $(PYTEST)

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/dev
	$(BIN)/tsfmicro bench

# The small model that comes with the package, and the video that the page offers to try. Drawn faces only.
DEMONSTRATION = src/tsfmicro/demonstration
model: .venv/ready
	$(BIN)/tsfmicro data synth build/faces --people 20 --clips 12 --fps 60 --seed 7
	$(BIN)/tsfmicro run demonstration --data casme2=build/faces --cache build/cache --out build/run --final
	mkdir -p $(DEMONSTRATION)
	cp build/run/final/config.json build/run/final/model.safetensors $(DEMONSTRATION)
	$(BIN)/python -c "from pathlib import Path; from tsfmicro.study.demo import draw_example; draw_example(Path('$(DEMONSTRATION)/example.webm'))"

# The starts that come with the package: networks that learned from drawn people alone. Two hours or so on two cores.
STARTS = src/tsfmicro/starts/drawn-people
starts: .venv/ready
	for model in tsfmicro-small tsfmicro-small-flow tsfmicro-small-flow-drawn ststnet ststnet-flow-drawn ststnet-maps sssnet \
	  sssnet-flow-drawn; do \
	  $(BIN)/tsfmicro pretrain $$model --out build/starts/$$model && mkdir -p $(STARTS)/$$model && \
	  cp build/starts/$$model/*.json build/starts/$$model/model.safetensors $(STARTS)/$$model && \
	  rm $(STARTS)/$$model/pretraining.json || exit 1; done

# What tells expressions among movements, learned on drawn films. Five minutes of two idle cores; goes on where it was stopped.
spotter: .venv/dev
	$(BIN)/python -m tsfmicro.use.learn_spotter build/spotfilms
	$(BIN)/python -m benchmarks.sure card docs/reliability.png

# The flow network of flow method drawn, from drawn people alone; killed, it goes on where it was.
flow-model: .venv/ready
	$(BIN)/python -m tsfmicro.study.drawn_flow build/flow
	cp build/flow/drawn_flow.safetensors src/tsfmicro/prepare/

# The site, in build/site: open build/site/index.html. It asks nothing of another machine.
docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --clean

licences: .venv/dev .venv/docs
	$(BIN)/python -m tsfmicro.about.licences > docs/licences.md

# Long searches for mistakes: thousands of wrong inputs, kills at any moment, fifty hostile uploads at once. Another night, other ones: make campaigns SEED=5000
SEED = 0
campaigns: .venv/dev
	$(BIN)/python -m campaigns.inputs --rounds 3000 --seed $(SEED)
	$(BIN)/python -m campaigns.kills --rounds 100 --seed $(SEED)
	$(BIN)/python -m campaigns.uploads --visitors 50 --seed $(SEED)

# The wheel and the source, as they would be published.
dist: .venv/dev
	$(BIN)/hatchling build -d dist

clean:
	rm -rf .venv build dist demo
