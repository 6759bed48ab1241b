#!/usr/bin/env python3
"""Does what a stranger does: installs the SDK, starts a plugin from the template in a folder of its own, builds and
tests it with gcc and with clang, and loads it. Then builds it against an SDK of another major version, which the
loader must refuse by name.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77


def run(*command, fails=False, **options):
    print("+", *command, flush=True)
    result = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            **options)
    if (result.returncode != 0) != fails:
        print(result.stdout)
        sys.exit(f"expected {'a failure' if fails else 'success'}, found exit code {result.returncode}")
    return result.stdout


def build(source, build_folder, compiler, prefix):
    run("cmake", "-S", source, "-B", build_folder, f"-DCMAKE_CXX_COMPILER={compiler}", f"-DCMAKE_PREFIX_PATH={prefix}",
        "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
    run("cmake", "--build", build_folder)
    run("ctest", "--test-dir", build_folder, "--output-on-failure")
    return build_folder / "tenant-guard.so"


def expect(text, part):
    if part not in text:
        sys.exit(f"expected {part!r}, found:\n{text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--probe", required=True, type=pathlib.Path)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="gantry-outside-") as name:
        folder = pathlib.Path(name)
        sdk = folder / "sdk"
        run("cmake", "--install", options.build, "--component", "sdk", "--prefix", sdk)
        for part in ("include/gantry/abi/plugin.h", "include/gantry/sdk/plugin.hpp",
                     "lib/cmake/GantrySDK/GantrySDKConfig.cmake", "lib/cmake/GantrySDK/GantryPlugin.cmake"):
            if not (sdk / part).is_file():
                sys.exit(f"expected {part} in the installed SDK, found none")

        source = folder / "tenant-guard"
        run(ROOT / "dev", "new-plugin", "tenant-guard", source, cwd=ROOT)
        compilers = [c for c in ("g++", "clang++") if shutil.which(c)]
        if not compilers:
            print("skipped: neither g++ nor clang++ is installed")
            return SKIPPED
        for compiler in compilers:
            plugin = build(source, folder / f"build-{compiler}", compiler, sdk)
            output = run(options.probe, plugin)
            expect(output, "ok      life")
            expect(output, "rejected: the property 'tenant' is missing; set it before sending")
            expect(output, "accepted: tenant=t1 seen-by=tenant-guard")
            print(f"{compiler}: built, tested, loaded and working")

        types = sdk / "include/gantry/abi/types.h"
        types.write_text(types.read_text().replace("#define GANTRY_ABI_MAJOR 1", "#define GANTRY_ABI_MAJOR 2"))
        plugin = build(source, folder / "build-major-2", compilers[0], sdk)
        output = run(options.probe, plugin, fails=True)
        expect(output, "tenant-guard.so: expected plugin ABI major 1, found major 2; build the plugin again with the SDK "
                       "of this broker")
        print("another major version: refused by name")
        for compiler in ("g++", "clang++"):
            if compiler not in compilers:
                print(f"not tried: {compiler} is not installed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
