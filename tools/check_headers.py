#!/usr/bin/env python3
"""Fails on a header that does not compile alone.

Each header is compiled by itself (syntax only), C headers as C and as C++. Several run at a time, and a bar shows how far
it is.

    tools/check_headers.py [--compiler clang++] [--jobs N] [header...]
"""
import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDES = ["-I", str(ROOT), "-I", str(ROOT / "sdk/abi"), "-I", str(ROOT / "sdk/cpp")]
# What an outside author copies is compiled by its own build; generated headers do not exist here.
LEFT_OUT = ("sdk/template/",)
TIMEOUT_S = 120


def headers():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.hpp", "*.h"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.splitlines()
    return [name for name in listed if not name.startswith(LEFT_OUT) and (ROOT / name).is_file()]


def compile_alone(compiler, header):
    """The compiler's complaint, or an empty text."""
    languages = [("c++", "-std=c++20")] + ([("c", "-std=c11")] if header.endswith(".h") else [])
    for language, standard in languages:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as source:
            source.write(f'#include "{ROOT / header}"\n')
            source.flush()
            command = [compiler, "-x", language, standard, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", *INCLUDES,
                       source.name]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                return f"took longer than {TIMEOUT_S} s"
            if done.returncode != 0:
                return done.stderr.strip()
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="clang++")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("headers", nargs="*")
    options = parser.parse_args()
    names = options.headers or headers()
    started = time.monotonic()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        running = {pool.submit(compile_alone, options.compiler, name): name for name in names}
        for done, future in enumerate(concurrent.futures.as_completed(running), 1):
            complaint = future.result()
            if complaint:
                failed += 1
                print(f"\r{running[future]}: does not compile alone:\n{complaint}\n")
            if sys.stdout.isatty():
                print(f"\r  headers {done}/{len(names)}, {time.monotonic() - started:.0f} s", end="", flush=True)
    if sys.stdout.isatty():
        print("\r", end="")
    print(f"headers: {len(names)} compiled alone, {failed} failed, {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
