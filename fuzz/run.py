#!/usr/bin/env python3
"""Runs fuzz targets that are built, and prints the rows of the table in docs/reference/fuzzing.md.

    cargo +nightly fuzz build
    python3 fuzz/run.py [--seconds 600] [--beside FOLDER] [--jobs 2] NAME...

`--beside FOLDER`: further inputs to begin with, in FOLDER/NAME. What is found lies in fuzz/artifacts/NAME, and
`cargo +nightly fuzz run NAME FILE` shows it again.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
# The longest inputs, bytes, where the default is not enough for a whole file of the format.
LONGEST = {"hdf5": 65536, "lerobot": 131072, "mp4": 32768, "rlds": 65536, "mcap": 65536, "episode": 65536, "rosbag1": 65536,
           "rosbag2": 65536, "robot_model": 16384, "zarr": 16384, "picture": 16384, "table": 8192, "mapping": 8192,
           "card": 16384}
LOCK = threading.Lock()


def program(name):
    target = os.environ.get("CARGO_TARGET_DIR", HERE / "target")
    return pathlib.Path(target) / "x86_64-unknown-linux-gnu" / "release" / name


def number(text, pattern, which=0):
    found = re.findall(pattern, text)
    return int(found[which]) if found else 0


def run(name, options):
    corpus, artifacts = HERE / "corpus" / name, HERE / "artifacts" / name
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts.mkdir(parents=True, exist_ok=True)
    command = ["nice", "-n", "19", program(name), corpus]
    beside = options.beside and options.beside / name
    if beside and beside.is_dir():
        command.append(beside)
    command += [f"-max_total_time={options.seconds}", "-rss_limit_mb=1024", "-timeout=60", "-print_final_stats=1",
                f"-max_len={LONGEST.get(name, 4096)}", "-detect_leaks=0", f"-artifact_prefix={artifacts}/"]
    environment = dict(os.environ, ASAN_OPTIONS="detect_odr_violation=0:quarantine_size_mb=32:allocator_release_to_os_interval_ms=500")
    log = HERE / "artifacts" / f"{name}.log"
    began = time.monotonic()
    with log.open("w") as out:
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    text = log.read_text(errors="replace")
    cpu = usage.ru_utime + usage.ru_stime
    ended = "none" if os.waitstatus_to_exitcode(status) == 0 else "see " + ", ".join(
        sorted(path.name for path in artifacts.iterdir() if path.stat().st_mtime > time.time() - took - 60)) or "died"
    first, last = number(text, r"INITED cov: (\d+)"), number(text, r"cov: (\d+)", -1)
    ran = number(text, r"stat::number_of_executed_units:\s*(\d+)") or number(text, r"#(\d+)", -1)
    row = f"| `{name}` | {took:.0f} | {cpu:.0f} | {ran} | {first} → {last} | {usage.ru_maxrss // 1024} | {ended} |"
    with LOCK:
        print(row, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--beside", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    names = options.names or sorted(path.stem for path in (HERE / "fuzz_targets").glob("*.rs"))
    missing = [name for name in names if not program(name).exists()]
    if missing:
        sys.exit(f"not built: {', '.join(missing)}; run `cargo +nightly fuzz build` first")
    print("| target | seconds | CPU s | executions | edges | MB at most | found |\n|---|---|---|---|---|---|---|", flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda name: run(name, options), names))


main()
