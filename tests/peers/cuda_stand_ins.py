"""Lets PyPI's torch start on a machine without a GPU and without the gigabytes of CUDA libraries that it links.

usage: cuda_stand_ins.py SITE_PACKAGES

torch is linked against CUDA libraries that a CPU never calls, yet the loader wants each one and each of its versioned
symbols. For every library that is missing this builds a small one of the same name in nvidia/cu13/lib, where torch
looks; calling into it prints the function's name and aborts. Needs gcc and readelf. Libraries that are there stay.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
from collections import defaultdict

# What torch 2.11 links beyond the small wheels (cudart, cupti) that we do install. Not libcuda.so.1: that is the driver,
# and torch only asks for it when a GPU is used.
LIBRARIES = [
    "libcublas.so.13",
    "libcublasLt.so.13",
    "libcudnn.so.9",
    "libcufft.so.12",
    "libcufile.so.0",
    "libcurand.so.10",
    "libcusparse.so.12",
    "libcusparseLt.so.0",
    "libnccl.so.2",
    "libnvrtc.so.13",
    "libnvshmem_host.so.3",
]

# Symbols without a version do not say which library they want; by these beginnings they belong to one of the above.
UNVERSIONED = re.compile(r"(cublas|cudnn|cufft|cuFile|curand|cusparse|nccl|nvrtc|nvshmem)\w*$")

NEED_FILE = re.compile(r"File: (\S+)\s+Cnt:")
NEED_VERSION = re.compile(r"Name: (\S+)\s+Flags:")

SOURCE = """\
#include <stdio.h>
#include <stdlib.h>
static void refuse(const char *name) {
    fprintf(stderr, "%s: called, but this is a stand-in for a CUDA library\\n", name);
    abort();
}
"""


def read_elf(library):
    """Returns the undefined symbols as {name: version or None}, and {version: file that it is wanted from}."""
    command = ["readelf", "--wide", "--dyn-syms", "--version-info", str(library)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    undefined, wanted_from, file = {}, {}, None
    for line in text.splitlines():
        if found := NEED_FILE.search(line):
            file = found.group(1)
        elif (found := NEED_VERSION.search(line)) and file:
            wanted_from[found.group(1)] = file
        else:
            cells = line.split()
            if len(cells) >= 8 and cells[6] == "UND":
                name, _, version = cells[7].partition("@")
                undefined[name] = version.lstrip("@") or None
    return undefined, wanted_from


def wanted_symbols(libraries):
    """Collects, over all libraries, {file: {version: names}} and the names without a version."""
    by_file = defaultdict(lambda: defaultdict(set))
    plain = set()
    for library in libraries:
        undefined, wanted_from = read_elf(library)
        for version, file in wanted_from.items():
            by_file[file][version]  # a version must exist even where no symbol asks for it
        for name, version in undefined.items():
            if version is None:
                if UNVERSIONED.match(name):
                    plain.add(name)
            elif version in wanted_from:
                by_file[wanted_from[version]][version].add(name)
    return by_file, plain


def build(target, versions, plain):
    """Builds one shared library that defines the names, each under its version."""
    names = sorted(set(plain).union(*versions.values()))
    functions = [f'void {name}(void) {{ refuse("{name}"); }}\n' for name in names]
    script = [
        f"{version} {{ global: {' '.join(name + ';' for name in sorted(owned))} }};\n"
        for version, owned in sorted(versions.items())
    ]
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "stand_in.c")
        source.write_text(SOURCE + "".join(functions))
        # Names such as cudnnCreate are no builtins, but the compiler must not think that it knows any of them.
        command = ["gcc", "-shared", "-fPIC", "-O0", "-w", "-fno-builtin", str(source)]
        command += [f"-Wl,-soname,{target.name}", "-o", str(target)]
        if script:
            map_file = pathlib.Path(folder, "versions.map")
            map_file.write_text("".join(script))
            command.append(f"-Wl,--version-script={map_file}")
        subprocess.run(command, check=True)


def main(site_packages):
    site = pathlib.Path(site_packages)
    place = site / "nvidia" / "cu13" / "lib"
    place.mkdir(parents=True, exist_ok=True)
    missing = [name for name in LIBRARIES if not any(site.glob(f"nvidia/*/lib/{name}"))]
    if not missing:
        print("nothing to build")
        return
    by_file, plain = wanted_symbols(sorted((site / "torch" / "lib").glob("*.so*")))
    for index, name in enumerate(missing):
        # The loader looks a name without a version up in all libraries, so that one of them may carry them all.
        build(place / name, by_file.get(name, {}), plain if index == 0 else ())
    print(f"built {len(missing)} stand-ins in {place}")


main(*sys.argv[1:])
