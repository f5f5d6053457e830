# make build | test | demo: each does its own set-up and skips what is done.
CACHE ?= build/cache
JOBS ?= $(shell nproc)
WERROR ?= OFF

.PHONY: build test demo demo-base setup clean
setup:
	@mkdir -p build
	@bash scripts/setup.sh
	@bash scripts/fetch-torch.sh $(CACHE)

build: setup
	@echo "build: configuring and compiling build/release/swift"
	@cmake --preset release -DSWIFT_CACHE=$(abspath $(CACHE)) -DSWIFT_WERROR=$(WERROR) >build/configure.log || (cat build/configure.log; exit 1)
	@cmake --build --preset release --target swift -j $(JOBS)

test: build
	@cmake --build --preset release -j $(JOBS)
	@bash scripts/python-env.sh $(abspath $(CACHE)) kube checkov,kubernetes_validate,yaml,yamllint
	@bash scripts/python-env.sh $(abspath $(CACHE)) clients anthropic,langchain_openai,openai,prometheus_client,schemathesis
	@cd build/release && ctest -LE slow --output-on-failure -j $(JOBS)

demo: build
	@bash scripts/demo.sh

# Makes assets/demo/base again; a quarter of an hour.
demo-base: build
	@bash scripts/make_demo_base.sh build/release/swift

clean:
	rm -rf build/release build/dev build/asan build/cuda

# Formatting of every source, and clang-tidy's list (.clang-tidy) over what needs no LibTorch.
SOURCES = $(shell git ls-files 'src/*.h' 'src/*.cc' 'src/*.cu' 'src/*.cuh' 'tests/*.h' 'tests/*.cc' 'tests/*.cu' 'bench/gpu/*.h' 'bench/gpu/*.cc' 'bench/gpu/*.cu')
.PHONY: format check-format lint
format:
	@clang-format -i $(SOURCES)
check-format:
	@clang-format --dry-run -Werror $(SOURCES)
lint: check-format
	@clang-tidy -p build/release --quiet $(filter-out src/cli/compute/%,$(filter src/base/%.cc src/config/%.cc src/data/%.cc src/text/%.cc src/k8sgen/%.cc src/cli/%.cc,$(SOURCES)))
