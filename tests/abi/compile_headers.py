#!/usr/bin/env python3
"""Compiles every header of the SDK alone, without a warning: the ABI as C11 and C++20, the C++ SDK as C++20.

  compile_headers.py <C compiler> <C++ compiler>
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-fsyntax-only"]


def compiles(compiler, language, standard, include):
    flags = ["-fvisibility=hidden"] if language == "c++" else ["-Wstrict-prototypes"]
    command = [compiler, "-x", language, f"-std={standard}", *WARNINGS, *flags,
               f"-I{ROOT}/sdk/abi", f"-I{ROOT}/sdk/cpp", "-"]
    # A declaration of its own, because C does not allow an empty unit.
    run = subprocess.run(command, input=f'#include "{include}"\nint unit;\n', capture_output=True, text=True)
    if run.returncode != 0:
        print(f"{include} as {standard} with {compiler}:\n{run.stderr}")
    return run.returncode == 0


def main():
    c_compiler, cxx_compiler = sys.argv[1:3]
    good, count = True, 0
    for header in sorted((ROOT / "sdk/abi").rglob("*.h")):
        include = header.relative_to(ROOT / "sdk/abi")
        good = compiles(c_compiler, "c", "c11", include) and good
        good = compiles(cxx_compiler, "c++", "c++20", include) and good
        count += 2
    for header in sorted((ROOT / "sdk/cpp").rglob("*.hpp")):
        good = compiles(cxx_compiler, "c++", "c++20", header.relative_to(ROOT / "sdk/cpp")) and good
        count += 1
    print(f"{count} compilations")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
