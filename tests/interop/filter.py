#!/usr/bin/env python3
"""Compares our evaluator of SQL92 expressions with RocketMQ's, pair by pair of an expression and a message's properties.

  filter.py --pairs 1000000 --seed 7    random pairs; prints the differences
  filter.py --record                    writes tests/golden/filter/sql92.tsv anew, with RocketMQ's answers

Exit code 0: no differences; 1: differences, printed; 77: the evaluator cannot be fetched.
"""

import argparse
import pathlib
import subprocess
import sys
import time

from clients import Client, Unavailable, _need, _run
from paths import HERE, ROOT

NOTHING_RAN = 77
GOLDEN = ROOT / "tests" / "golden" / "filter" / "sql92.tsv"


class Evaluator(Client):
    """org.apache.rocketmq:rocketmq-filter with a program around it."""

    name = "filter"
    version = "5.3.3"

    def sources(self):
        folder = HERE / "filter"
        return [folder / "pom.xml", *(folder / "src").rglob("*.java")]

    def build(self):
        _need("java", "mvn")
        _run(["mvn", "-q", "-B", "-f", HERE / "filter" / "pom.xml", "compile", "dependency:copy-dependencies",
              f"-Drocketmq.version={self.version}", f"-Doutdir={self.home}", f"-DoutputDirectory={self.home / 'lib'}",
              "-DincludeScope=runtime"])

    def launcher(self, runtime):
        return ["java", "-XX:+UseSerialGC", "-Xmx512m", *runtime, "-cp",
                f"{self.home / 'classes'}:{self.home / 'lib'}/*", "interop.filter.Evaluate"]


def compare(pairs_command, evaluator, mode, output=None):
    """The evaluator reads what the pairs program writes. Answers its exit code."""
    with subprocess.Popen(pairs_command, stdout=subprocess.PIPE) as pairs:
        done = subprocess.run(evaluator.command(mode, {}), stdin=pairs.stdout, stdout=output, check=False)
        pairs.stdout.close()
    if pairs.returncode != 0:
        sys.exit(f"{' '.join(pairs_command)} ended with exit code {pairs.returncode}")
    return done.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, help="default: the time")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--pairs-program", type=pathlib.Path, default=ROOT / "build/dev/bin/filter_pairs")
    options = parser.parse_args()

    evaluator = Evaluator()
    try:
        evaluator.prepare()
    except Unavailable as reason:
        print(f"SKIPPED: RocketMQ's evaluator: {reason}")
        return NOTHING_RAN
    if options.record:
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        with GOLDEN.open("wb") as golden:
            return compare([str(options.pairs_program), "corpus"], evaluator, "record", golden)
    seed = options.seed or int(time.time())
    print(f"seed {seed}", flush=True)
    return compare([str(options.pairs_program), "random", str(options.pairs), str(seed)], evaluator, "check")


if __name__ == "__main__":
    sys.exit(main())
