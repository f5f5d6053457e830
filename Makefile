# make build | test | demo: each does its own set-up and skips what is done.
CACHE ?= build/cache
JOBS ?= $(shell nproc)
WERROR ?= OFF

.PHONY: build test sanitize demo demo-base setup clean
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

# The kernels over the execution layer of tests/cuda_host under AddressSanitizer and UBSan; 4 minutes of two cores.
sanitize: setup
	@cmake -S . -B build/cuda_host_asan -G Ninja -DSWIFT_COMPUTE=OFF -DSWIFT_CUDA=OFF -DSWIFT_SANITIZE=ON -DCMAKE_CXX_FLAGS=-O1 >build/configure.log || (cat build/configure.log; exit 1)
	@cmake --build build/cuda_host_asan --target test_cuda_host -j $(JOBS)
	@cd build/cuda_host_asan && ctest -L cuda_host --output-on-failure -j $(JOBS)

demo: build
	@bash scripts/demo.sh

# Makes assets/demo/base again; a quarter of an hour.
demo-base: build
	@bash scripts/make_demo_base.sh build/release/swift

clean:
	rm -rf build/release build/dev build/asan build/cuda build/cuda_host_asan

# Formatting of every source, and clang-tidy's list (.clang-tidy) over what needs no LibTorch.
SOURCES = $(shell git ls-files 'src/*.h' 'src/*.cc' 'src/*.cu' 'src/*.cuh' 'tests/*.h' 'tests/*.cc' 'tests/*.cu' 'bench/gpu/*.h' 'bench/gpu/*.cc' 'bench/gpu/*.cu')
.PHONY: format check-format lint
format:
	@clang-format -i $(SOURCES)
check-format:
	@clang-format --dry-run -Werror $(SOURCES)
lint: check-format
	@clang-tidy -p build/release --quiet $(filter-out src/cli/compute/%,$(filter src/base/%.cc src/config/%.cc src/data/%.cc src/text/%.cc src/k8sgen/%.cc src/cli/%.cc,$(SOURCES)))
