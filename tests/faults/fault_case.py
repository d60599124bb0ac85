"""A pair of tests for each test of the protocol: a sound target passes it, one with the fault that it exists to find
fails it. Run by ctest as faults_<id>; only the standard library.

Usage: test_1_2.py MOESTRESS [unittest options]
"""

import contextlib
import pathlib
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program_case import ProgramCase, main  # noqa: E402,F401  main for the tests

FOLDER = pathlib.Path(__file__).parent


class FaultCase(ProgramCase):
    """`id` is the test looked at; `plan` the TOML lines that its runs have in common."""

    id = ""
    plan = 'extends = "smoke"\n'
    seed = 1
    attempts = 4

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The simulated server speaks, so what it stands for must not be marked as one that can't.
        cls.model = cls.folder / "simulated.gguf"
        cls.model.write_bytes(cls.random_model().read_bytes().replace(b"moestress.weights", b"moestress.weight_"))

    def run_test(self, *arguments, **named):
        """A run of the test; gives its result. An INVALID one is made again: the machine was busy with something else."""
        for _ in range(self.attempts):
            test = self.run_once(*arguments, **named)
            if test["verdict"] != "INVALID":
                break
        return test

    def run_once(self, *arguments, plan="", model=None):
        plan_file = self.folder / "plan.toml"
        plan_file.write_text(f'{self.plan}{plan}')
        out = self.out()
        self.call("run", plan_file, "-m", model or self.model, "--only", self.id, "--seed", self.seed, "--out", out, *arguments,
                  expect=(0, 1, 3, 4))
        self.of_model = self.result(out)["models"][0]
        tests = {test["id"]: test for test in self.of_model["tests"]}
        self.criteria = {criterion["id"]: criterion for criterion in self.of_model["criteria"]}
        return tests[self.id]

    def simulated(self, fault=None, options="", plan="", model=None, baseline=None):
        """A run against the simulated server, sound or with a fault; beside one that plays GPU-only if its URL is given."""
        command = f"exec {sys.executable} {FOLDER / 'simulated_server.py'} {{port}} {options}"
        if fault:
            command += f" --fault '{fault}'"
        beside = ("--baseline-target", baseline) if baseline else ()
        return self.run_test("--spawn", command, "--dialect", "openai", *beside, plan=plan, model=model)

    def damaged(self, fault, *arguments):
        """The random model with a fault of `forge --fault`."""
        path = self.folder / f"{fault}.gguf"
        self.call("forge", "--fault", fault, "-m", self.random_model(), *arguments, "-o", path, expect=(0,))
        return path

    def speaking_model(self):
        """A reference model; they take minutes to make, so a test that needs one is left out where there is none."""
        path = FOLDER.parents[1] / "models" / "phimoe-smollm2.gguf"
        if not path.exists():
            self.skipTest(f"needs {path.name} (docs/TESTING.md)")
        return path

    @contextlib.contextmanager
    def baseline_server(self, options=""):
        """A sound simulated server that plays GPU-only; gives its URL."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen([sys.executable, FOLDER / "simulated_server.py", str(port), *options.split()])
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()

    def assert_sound(self, test):
        self.assertEqual(test["verdict"], "PASS", test["reason"])

    def assert_found(self, test, words=""):
        self.assertEqual(test["verdict"], "FAIL", test["reason"])
        self.assertIn(words, test["reason"])
