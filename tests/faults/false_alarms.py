"""How often a test fails a sound target: each test's sound cases, again and again with other seeds, as a table.

Usage: false_alarms.py MOESTRESS [RUNS=20] [ID ...]. Not part of ctest: 20 runs of all take most of an hour.
"""

import collections
import importlib
import pathlib
import sys
import unittest

from fault_case import FaultCase

IDS = [path.stem.removeprefix("test_") for path in sorted(pathlib.Path(__file__).parent.glob("test_*_*.py"))]
IDS += ["s1", "s2", "s3", "s4"]


def sound_cases(name):
    """(class, method) of the cases whose target has no fault."""
    for kind in vars(importlib.import_module(f"test_{name}")).values():
        if isinstance(kind, type) and issubclass(kind, FaultCase) and kind is not FaultCase:
            for method in unittest.TestLoader().getTestCaseNames(kind):
                if "sound" in method or method == "test_moestress_serve":
                    yield kind, method


def count(name, runs):
    """Verdicts of all sound cases of a test."""
    verdicts, reasons = collections.Counter(), []
    for kind, method in sound_cases(name):
        kind.attempts = 1

        def run_once(self, *arguments, whole=kind.run_once, **named):
            test = whole(self, *arguments, **named)
            verdicts[test["verdict"]] += 1
            if test["verdict"] == "FAIL":
                reasons.append(test["reason"])
            return test

        noting = type(kind.__name__, (kind,), {"run_once": run_once})
        noting.setUpClass()
        for seed in range(1, runs + 1):
            noting.seed = seed
            outcome = unittest.TestResult()
            noting(method).run(outcome)
            verdicts["ERROR"] += len(outcome.errors)  # no result at all: a crash, an exit code that is none of ours
        noting.doClassCleanups()
    return verdicts, reasons


def main():
    FaultCase.moestress = sys.argv[1]
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    print("| test | runs | PASS | INCONCLUSIVE | INVALID | FAIL | no result |\n|---|---|---|---|---|---|---|", flush=True)
    for name in sys.argv[3:] or IDS:
        verdicts, reasons = count(name, runs)
        cells = [verdicts[verdict] for verdict in ("PASS", "INCONCLUSIVE", "INVALID", "FAIL", "ERROR")]
        print(f"| {name.replace('_', '.').upper()} | {sum(verdicts.values())} | {' | '.join(map(str, cells))} |", flush=True)
        for reason in reasons:
            print(f"  {name}: {reason}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
