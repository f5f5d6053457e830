# make build | test | demo: each does its own set-up and skips what is done.
CACHE ?= build/cache
JOBS ?= $(shell nproc)

.PHONY: build test demo demo-base setup clean
setup:
	@bash scripts/setup.sh
	@bash scripts/fetch-torch.sh $(CACHE)

build: setup
	@echo "build: configuring and compiling build/release/swift"
	@cmake --preset release -DSWIFT_CACHE=$(abspath $(CACHE)) >build/configure.log || (cat build/configure.log; exit 1)
	@cmake --build --preset release --target swift -j $(JOBS)

test: build
	@cmake --build --preset release -j $(JOBS)
	@cd build/release && ctest -LE slow --output-on-failure -j $(JOBS)

demo: build
	@bash scripts/demo.sh

# Makes assets/demo/base again; a quarter of an hour.
demo-base: build
	@bash scripts/make_demo_base.sh build/release/swift

clean:
	rm -rf build/release build/dev build/asan build/cuda
