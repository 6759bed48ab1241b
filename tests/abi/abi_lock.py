#!/usr/bin/env python3
"""Keeps sdk/abi/abi.lock: every struct, member, offset, size, declaration and constant of the plugin ABI.

  abi_lock.py --check            fails when the headers do not match the lock (this is what the test runs)
  abi_lock.py --update           adds what was appended; refuses to change or remove what is locked
  abi_lock.py --rewrite          writes the lock anew; only before the first release

The offsets come from the C compiler: the script writes a program that prints them. Drafts are not locked.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ROOT / "sdk" / "abi"
LOCK = HEADERS / "abi.lock"
INTRO = """# The layout of the plugin ABI on 64-bit little-endian machines. Made by tests/abi/abi_lock.py; do not edit.
# What is listed here has been released: it never changes. Structs and tables only grow at their end.
"""


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def squeeze(text):
    text = " ".join(text.split())
    return re.sub(r"\s*([(),*])\s*", r"\1", text).replace("*", "* ").replace(",", ", ").strip()


def parse(header):
    """Structs as (name, [(member, declaration)]), and constants as (name, value)."""
    text = without_comments(header.read_text())
    structs = []
    for match in re.finditer(r"typedef struct (\w+) \{(.*?)\n\} \w+;", text, flags=re.S):
        members = []
        for declaration in match.group(2).split(";"):
            declaration = squeeze(declaration)
            if not declaration:
                continue
            function = re.search(r"\(\*\s*(\w+)\)", declaration)
            plain = re.search(r"(\w+)(\[\w+\])?$", declaration)
            members.append((function.group(1) if function else plain.group(1), declaration))
        structs.append((match.group(1), members))
    joined = text.replace("\\\n", " ")
    constants = [(m.group(1), squeeze(m.group(2)))
                 for m in re.finditer(r"^#define (GANTRY_\w+)[ \t]+(\S.*)$", joined, flags=re.M)]
    return structs, constants


def current_lines():
    headers = sorted(HEADERS.glob("gantry/abi/*.h"))
    program = ["#include <stdio.h>", "#include <stddef.h>"]
    program += [f'#include "{header.relative_to(HEADERS)}"' for header in headers]
    program.append("int main(void) {")
    for header in headers:
        structs, constants = parse(header)
        for name, members in structs:
            program.append(f'printf("struct {name} size %zu\\n", sizeof({name}));')
            for member, declaration in members:
                program.append(f'printf("member {name}.{member} offset %zu size %zu : %s\\n", offsetof({name}, {member}),'
                               f' sizeof((({name}*)0)->{member}), "{declaration}");')
        for name, value in constants:
            text = value.replace("\\", "\\\\").replace('"', '\\"')
            program.append(f'printf("constant {name} = %s\\n", "{text}");')
    program.append("return 0; }")
    with tempfile.TemporaryDirectory() as folder:
        source, binary = os.path.join(folder, "layout.c"), os.path.join(folder, "layout")
        pathlib.Path(source).write_text("\n".join(program))
        compiler = os.environ.get("CC", "cc")
        subprocess.run([compiler, "-std=c11", f"-I{HEADERS}", source, "-o", binary], check=True)
        return subprocess.run([binary], check=True, capture_output=True, text=True).stdout.splitlines()


def key_of(line):
    """What a line is about: "struct x", "member x.y", "constant Z"."""
    return " ".join(line.split()[:2])


# Structs without a struct_size that may grow all the same, because they are walked with a stride.
STRIDED = {"gantry_append_item", "gantry_append_result", "gantry_filter_message", "gantry_option",
           "gantry_option_value", "gantry_plugin_table"}

# These say how far the ABI has grown, so that they change with every addition.
GROWING = {"constant GANTRY_ABI_MINOR"}


def differences(locked, current):
    now = {key_of(line): line for line in current}
    before = {key_of(line): line for line in locked}
    broken, added = [], []
    for key, line in before.items():
        if key not in now:
            broken.append(f"gone:    {line}")
        elif now[key] != line and key.startswith("struct "):
            name = key.split()[1]
            if name not in STRIDED and f"member {name}.struct_size" not in before:
                broken.append(f"grown:   {now[key]}, but {name} cannot grow: it has neither struct_size nor a stride")
                continue
            added.append(f"grown:   {now[key]}  (was {line.rsplit(' ', 1)[1]})")
        elif now[key] != line and key not in GROWING:
            broken.append(f"changed: {line}\n     to: {now[key]}")
    added += [f"new:     {line}" for key, line in now.items() if key not in before]
    return broken, added


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    action = parser.add_mutually_exclusive_group(required=True)
    for name in ("--check", "--update", "--rewrite"):
        action.add_argument(name, action="store_true")
    options = parser.parse_args()

    current = current_lines()
    if options.rewrite:
        LOCK.write_text(INTRO + "\n".join(current) + "\n")
        return 0
    locked = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    broken, added = differences(locked, current)
    if broken:
        print("The plugin ABI must not change what is released; plugins in the field would read wrong bytes:\n")
        print("\n".join(broken))
        print("\nPut members back, append new ones at the end, or make a new revision of the extension point.")
        return 1
    if options.update:
        LOCK.write_text(INTRO + "\n".join(current) + "\n")
        return 0
    if locked != current:
        print("The plugin ABI has grown:\n")
        print("\n".join(added) or "the order of declarations differs")
        print("\nRaise GANTRY_ABI_MINOR, then run tests/abi/abi_lock.py --update and commit the lock.")
        return 1
    print(f"{len(current)} lines as locked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
