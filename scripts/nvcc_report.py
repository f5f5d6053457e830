#!/usr/bin/env python3
"""What ptxas says of each kernel: registers, shared memory, spills.

  nvcc_report.py compile COMMAND...   runs nvcc (with -Xptxas -v), keeps ptxas's lines beside the object as .ptxas,
                                      prints the rest; a kernel that spills is an error
  nvcc_report.py table DIRECTORY OUT  one Markdown table of all .ptxas files below DIRECTORY
"""
import pathlib
import re
import subprocess
import sys

ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\S+)'")
SPILLS = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")
PTXAS = re.compile(r"^(ptxas info|    \d+ bytes stack frame)")


def kernels(text):
    """(mangled name, architecture, registers, static shared bytes, spilled bytes) of each entry."""
    name = arch = None
    spilled = 0
    for line in text.splitlines():
        if match := ENTRY.search(line):
            name, arch = match.groups()
            spilled = 0
        elif match := SPILLS.search(line):
            spilled = int(match[2]) + int(match[3])
        elif (match := USED.search(line)) and name:
            shared = SHARED.search(line)
            yield name, arch, int(match[1]), int(shared[1]) if shared else 0, spilled
            name = None


def compile_one(command):
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    lines = done.stderr.splitlines(keepends=True)
    report = "".join(line for line in lines if PTXAS.match(line))
    sys.stderr.write("".join(line for line in lines if not PTXAS.match(line)))
    if done.returncode != 0 or "-o" not in command:
        return done.returncode
    output = pathlib.Path(command[command.index("-o") + 1])
    bad = [entry for entry in kernels(report) if entry[4] > 0]
    for name, arch, registers, _, spilled in bad:
        sys.stderr.write(f"error: {demangled([name])[name]} spills {spilled} bytes on {arch} ({registers} registers)\n")
    if bad:
        output.unlink(missing_ok=True)
        return 1
    output.with_name(output.name + ".ptxas").write_text(report)
    return 0


def plain(signature):
    """A demangled kernel without its return type, namespaces and parameters."""
    text = re.sub(r"^void |swift::cuda::|\(anonymous namespace\)::", "", signature)
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[at], 0)
        if depth == 0:
            return text[:at] if text.endswith(")") else text
    return text


def demangled(names):
    names = sorted(set(names))
    try:
        out = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {name: name for name in names}
    short = (plain(line) for line in out.splitlines())
    return dict(zip(names, short))


def table(directory, out):
    entries = [e for path in sorted(pathlib.Path(directory).rglob("*.ptxas")) for e in kernels(path.read_text())]
    archs = sorted({arch for _, arch, *_ in entries})
    rows = {}
    for name, arch, registers, shared, spilled in entries:
        rows.setdefault(name, {})[arch] = (registers, shared, spilled)
    text = ["# Kernels as ptxas compiled them", "",
            "Registers of a thread, static shared memory of a block in bytes, spilled bytes.", "",
            "| kernel | " + " | ".join(f"{a} registers" for a in archs) + " | shared | spills |",
            "|---|" + "---|" * (len(archs) + 2)]
    names = demangled(rows)
    for name in sorted(rows, key=lambda n: names[n]):
        row = rows[name]
        shared = max(entry[1] for entry in row.values())
        spilled = sum(entry[2] for entry in row.values())
        registers = " | ".join(str(row[a][0]) if a in row else "" for a in archs)
        text.append(f"| `{names[name]}` | {registers} | {shared} | {spilled} |")
    pathlib.Path(out).write_text("\n".join(text) + "\n")
    print(f"{out}: {len(rows)} kernels, most registers {max((e[2] for e in entries), default=0)}")


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "compile":
        sys.exit(compile_one(sys.argv[2:]))
    if len(sys.argv) == 4 and sys.argv[1] == "table":
        table(sys.argv[2], sys.argv[3])
    else:
        sys.exit(__doc__)
