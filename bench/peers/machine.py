"""What every line of a benchmark says about where it was measured."""
import importlib.metadata
import json
import os
import platform
import sys


def machine():
    """Processor, cores, memory in GiB and the load of the last minute (other work on the machine)."""
    processor = platform.processor() or platform.machine()
    flags = []
    with open("/proc/cpuinfo") as info:
        for line in info:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                processor = value.strip()
            elif key.strip() == "flags":
                flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in value.split()]
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return dict(processor=processor, flags=flags, cores=os.cpu_count(), memory_gib=round(memory, 1),
                load_1m=round(os.getloadavg()[0], 2))


def versions(*packages):
    found = {package: importlib.metadata.version(package) for package in packages}
    return dict(python=platform.python_version(), **found)


def emit(result, *packages):
    """Prints a peer's figures as one JSON line."""
    print(json.dumps(dict(result, machine=machine(), versions=versions(*packages))), file=sys.stdout, flush=True)
