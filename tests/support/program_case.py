"""What tests that run the program from outside have in common. Only the standard library."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest


class ProgramCase(unittest.TestCase):
    """Has a folder of its own in `folder`, gone at the end, and the program's path in `moestress`."""

    moestress = ""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"moestress-{cls.__name__}-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    @classmethod
    def call(cls, *arguments, expect=None, timeout=300, **options):
        """Runs the program to its end; asserts that its exit code is in `expect`, if that is given."""
        done = subprocess.run([cls.moestress, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, **options)
        assert expect is None or done.returncode in expect, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    @classmethod
    def random_model(cls, topology="phimoe", seed=1):
        """The path of a tiny model with random weights."""
        path = cls.folder / f"seed-{seed}" / f"{topology}.gguf"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            cls.call("forge", "--topology", topology, "--size", "tiny", "--seed", seed, "-o", path, expect=(0,))
        return path

    def start(self, *arguments, **options):
        """The program as a running process, killed after the test if it still is."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
        process = subprocess.Popen([self.moestress, *map(str, arguments)], **pipes)
        self.addCleanup(process.kill)
        return process

    def out(self):
        """A run directory that is not there yet, in a folder of its own."""
        return pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / "run"

    @staticmethod
    def result(out):
        return json.loads((out / "result.json").read_text())


def main():
    """Call from a script whose arguments are: MOESTRESS [unittest options]."""
    ProgramCase.moestress = sys.argv[1]
    unittest.main(module="__main__", argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
