#!/usr/bin/env python3
"""Fails on an include that the room rules forbid.

The rules are data: cmake/rooms.cmake, which the build links from as well. A room may include itself and the rooms on
its line; a third-party library may be included by its one owner. Test files may in addition use GoogleTest, the rooms'
testing/ folders and tests/support.

    tools/check_rooms.py [--root DIR]

Prints one line per forbidden include, `file:line: room <room> includes <what> ...`, and ends with 1 if there are any.
"""
import argparse
import pathlib
import re
import subprocess
import sys

SOURCE_SUFFIXES = {".h", ".hpp", ".c", ".cc", ".cpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ENTRY = re.compile(r'^\s*"([^"]+?)\s*<-\s*([^"]*)"\s*$')


class RuleError(Exception):
    """cmake/rooms.cmake is not what this script can read."""


class Rules:
    """What cmake/rooms.cmake says: room -> rooms it may include, include prefix -> owning room."""

    def __init__(self, rooms, owners):
        self.rooms = rooms
        self.owners = owners

    @staticmethod
    def parse(text):
        parts = {"GANTRY_ROOMS": {}, "GANTRY_THIRD_PARTY": {}}
        current = None
        for number, line in enumerate(text.splitlines(), 1):
            opened = re.match(r"\s*set\((\w+)", line)
            if opened:
                current = parts.get(opened.group(1))
                continue
            if line.strip() == ")":
                current = None
                continue
            entry = ENTRY.match(line)
            if entry is None:
                if current is not None and line.strip() and not line.strip().startswith("#"):
                    raise RuleError(f'cmake/rooms.cmake:{number}: expected "<room> <- <rooms>", found {line.strip()}')
                continue
            if current is not None:
                if entry.group(1) in current:
                    raise RuleError(f"cmake/rooms.cmake:{number}: {entry.group(1)} is listed twice")
                current[entry.group(1)] = entry.group(2).split()
        rules = Rules(parts["GANTRY_ROOMS"], {prefix: rooms for prefix, rooms in parts["GANTRY_THIRD_PARTY"].items()})
        rules.check()
        return rules

    def check(self):
        """Every name is a room, and no room reaches itself."""
        for room, allowed in self.rooms.items():
            for other in allowed:
                if other != "*" and other not in self.rooms:
                    raise RuleError(f"cmake/rooms.cmake: {room} may include {other}, which is not a room")
        state = {}

        def visit(room, path):
            if state.get(room) == "done" or "*" in self.rooms[room]:
                return
            if state.get(room) == "open":
                raise RuleError("cmake/rooms.cmake: a cycle: " + " -> ".join(path + [room]))
            state[room] = "open"
            for other in self.rooms[room]:
                visit(other, path + [room])
            state[room] = "done"

        for room in self.rooms:
            visit(room, [])

    def room_of(self, path):
        """The rule name and the room's own folder of a path, by the longest match: ("plugins/*", "plugins/ha")."""
        best = (None, None)
        parts = path.split("/")
        for room in self.rooms:
            pattern = room.split("/")
            if len(parts) < len(pattern):
                continue
            if all(want in ("*", have) for want, have in zip(pattern, parts)):
                folder = "/".join(parts[: len(pattern)])
                if best[0] is None or len(pattern) > len(best[0].split("/")):
                    best = (room, folder)
        return best

    def target_of(self, include):
        """Where an include of ours leads; (None, None) when it is not ours."""
        if include.startswith("gantry/sdk/"):
            return ("sdk/cpp", "sdk/cpp")
        if include.startswith("gantry/abi/"):
            return ("sdk/abi", "sdk/abi")
        return self.room_of(include)

    def owner_of(self, include):
        """The owning rooms of a third-party include, or None when nobody owns it."""
        best = None
        for prefix in self.owners:
            if include.startswith(prefix) and (best is None or len(prefix) > len(best)):
                best = prefix
        return None if best is None else self.owners[best]


def is_test(path):
    return path.endswith("_test.cpp") or "/testing/" in path or "/tests/" in path or path.startswith("tests/")


def allows(rules, room, target):
    allowed = rules.rooms[room]
    return "*" in allowed or target in allowed


def check_include(rules, path, include):
    """What is wrong with this include in this file, or None."""
    room, folder = rules.room_of(path)
    if room is None or "*" in rules.rooms[room]:
        return None
    target, target_folder = rules.target_of(include)
    if target is not None:
        if target_folder == folder or allows(rules, room, target):
            return None
        if is_test(path) and (target in ("tests/support", "sdk/check") or "/testing/" in include):
            return None
        allowed = ", ".join(rules.rooms[room]) or "nothing of ours"
        return f"room {folder} includes {include} of {target_folder}; it may include: {allowed}"
    owners = rules.owner_of(include)
    if owners is not None:
        if room in owners or folder in owners:
            return None
        return f"room {folder} includes {include}, which belongs to {', '.join(owners)} alone"
    owns_boost = any(prefix.startswith("boost/") and room in owning for prefix, owning in rules.owners.items())
    if include.startswith("boost/") and not owns_boost:
        return f"room {folder} includes {include}, which no room owns; give it an owner in cmake/rooms.cmake"
    if ".." in include.split("/"):
        return f"room {folder} includes {include}; paths start at the root of the repository"
    return None


def check_text(rules, path, text):
    """All findings of one file, as (line, text)."""
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match is None:
            continue
        wrong = check_include(rules, path, match.group(2))
        if wrong:
            findings.append((number, wrong))
    return findings


def source_files(root):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True, capture_output=True,
                            text=True).stdout.splitlines()
    return [name for name in listed if pathlib.PurePath(name).suffix in SOURCE_SUFFIXES and (root / name).is_file()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root
    try:
        rules = Rules.parse((root / "cmake/rooms.cmake").read_text(encoding="utf-8"))
    except RuleError as error:
        print(error, file=sys.stderr)
        return 2
    files = source_files(root)
    count = 0
    for name in files:
        text = (root / name).read_text(encoding="utf-8", errors="replace")
        for number, wrong in check_text(rules, name, text):
            print(f"{name}:{number}: {wrong}")
            count += 1
    print(f"rooms: {len(files)} files, {count} forbidden include{'' if count == 1 else 's'}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
