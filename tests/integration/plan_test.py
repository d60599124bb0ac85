"""What a plan says is what is done: the same requests for the same seed, checks that decide, a dry run that knows what the
run will take, several placements, and a registry of figures that holds every one that is measured.

Usage: plan_test.py MOESTRESS [unittest options]. Only the standard library.
"""

import collections
import json
import pathlib
import re
import sqlite3
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program_case import ProgramCase, main  # noqa: E402

SIMULATED = pathlib.Path(__file__).parent.parent / "faults" / "simulated_server.py"


class PlanCase(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.random_model()

    def plan(self, text):
        path = pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / "plan.toml"
        path.write_text(text)
        return path

    def simulated(self, plan, *arguments, options=""):
        """A run against the simulated server; gives the process and the run's folder."""
        out = self.out()
        command = f"exec {sys.executable} {SIMULATED} {{port}} --tok-s 1000 {options}"
        done = self.call("run", self.plan(plan), "-m", self.model, "--spawn", command, "--dialect", "openai", "--out", out,
                   *arguments)
        return done, out


class SameRequests(PlanCase):
    """The same plan with the same seed sends the same requests, byte for byte."""

    # In one session: in the same order. In several: each session's in its order, which the order of one label is,
    # since every session has a class of prompts of its own.
    ONE_SESSION = "2.1,5.2"
    SEVERAL = "1.2,2.2"

    def bodies(self, tests, seed):
        record = self.folder / f"requests-{len(list(self.folder.iterdir()))}.jsonl"
        done, out = self.simulated('extends = "smoke"\n[tests]\nopen_loop_rate_per_s = 20.0\n', "--only", tests, "--seed",
                                   seed, options=f"--record {record}")
        self.assertIn(done.returncode, (0, 1, 3), done.stderr)
        recorded = [json.loads(line) for line in record.read_text().splitlines()]
        self.assertGreater(len(recorded), 5)
        with sqlite3.connect(out / "run.db") as database:
            sent = database.execute("select count(*) from outcomes").fetchone()[0]
        self.assertEqual(len(recorded), sent, "not every request was recorded")
        return [(one["path"], one["body"]) for one in recorded]

    def test_in_one_session_in_the_same_order(self):
        first, again = self.bodies(self.ONE_SESSION, 7), self.bodies(self.ONE_SESSION, 7)
        # 5.2 asks the same once more at its end where our own client lagged.
        both = min(len(first), len(again))
        self.assertEqual(first[:both], again[:both])
        self.assertNotEqual(first, self.bodies(self.ONE_SESSION, 8))

    def test_in_several_sessions_each_in_its_order(self):
        first = self.bodies(self.SEVERAL, 7)
        again = self.bodies(self.SEVERAL, 7)
        other = self.bodies(self.SEVERAL, 8)
        self.assertEqual(collections.Counter(first), collections.Counter(again))
        self.assertNotEqual(collections.Counter(first), collections.Counter(other))


class Checks(PlanCase):
    def test_they_decide_the_run(self):
        plan = ('extends = "smoke"\nonly = ["1.2"]\n[[checks]]\nexpect = "requests_failed rate == 0"\n'
                '[[checks]]\nexpect = "1.2/e2e_ms max < 60000"\n[[checks]]\nexpect = "ttft_ms p(95) < 500"\n')
        done, out = self.simulated(plan)
        checks = self.result(out)["models"][0]["checks"]
        self.assertEqual([check["verdict"] for check in checks], ["PASS", "PASS", "INCONCLUSIVE"], checks)
        self.assertEqual([check["test"] for check in checks], [None, "1.2", None])
        self.assertEqual(checks[0]["n"], 3)
        self.assertIn("too few", checks[2]["reason"])
        self.assertIn("requests_failed rate == 0", done.stdout)
        self.assertIn("requests_failed rate == 0", (out / "summary.md").read_text())
        self.assertIn('name="check 1.2/e2e_ms max &lt; 60000"', (out / "junit.xml").read_text())

    def test_a_failed_one_fails_the_run(self):
        done, out = self.simulated('extends = "smoke"\nonly = ["1.2"]\n', "--check", "decode_tok_s min > 100000")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        result = self.result(out)
        self.assertEqual(result["run"]["verdict"], "FAIL")
        self.assertIsNone(result["run"]["cut_off"])
        check = result["models"][0]["checks"][0]
        self.assertEqual(check["verdict"], "FAIL")
        self.assertGreater(check["measured"], 10)

    def test_one_that_may_ends_the_run(self):
        plan = ('extends = "smoke"\nonly = ["1.2", "2.1", "5.2"]\n[[checks]]\nexpect = "decode_tok_s min > 100000"\n'
                "abort_on_fail = true\n")
        done, out = self.simulated(plan)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        result = self.result(out)
        self.assertEqual([test["id"] for test in result["models"][0]["tests"]], ["1.2"])
        self.assertIn("decode_tok_s min > 100000", result["run"]["cut_off"])
        self.assertTrue((out / "report.html").exists())
        with sqlite3.connect(out / "run.db") as database:
            events = database.execute("select text from events where kind = 'check'").fetchall()
        self.assertEqual(len(events), 1)

    def test_wrong_ones_are_refused_where_they_stand(self):
        done, _ = self.simulated('extends = "smoke"\n[[checks]]\nexpect = "tfft_ms p(95) < 500"\n')
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn('plan.toml:3:11: unknown metric "tfft_ms", did you mean "ttft_ms"?', done.stderr)
        done, _ = self.simulated("", "--check", "ttft_ms < 500")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("column 9", done.stderr)


class DryRun(PlanCase):
    def test_it_says_what_would_run_and_starts_nothing(self):
        before = set(self.folder.rglob("*"))
        plan = "[tests]\ngeneration_lengths = [50, 100, 150]\ngeneration_prompts = 8\nlong_form_seconds = 300.0\n"
        before.add(plan_file := self.plan('extends = "standard"\n' + plan))
        before.add(plan_file.parent)
        done = self.call("run", plan_file, "-m", self.model, "--device", "cpu", "--dry-run", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(self.folder.rglob("*")), before)
        dry = json.loads(done.stdout)
        tests = {test["id"]: test for test in dry["models"][0]["tests"]}
        self.assertEqual(tests["1.2"]["requests"], 24)
        self.assertEqual(tests["1.2"]["reply_tokens"], 2400)
        self.assertGreaterEqual(tests["2.1"]["fixed_seconds"], 300)
        for test in tests.values():
            if not test["skipped"]:
                self.assertGreater(test["estimate_seconds"], 0, test)
        self.assertAlmostEqual(sum(test["estimate_seconds"] for test in tests.values()), dry["estimate_seconds"], places=3)
        text = self.call("run", "standard", "-m", self.model, "--device", "cpu", "--dry-run", "--only", "1.2,5.1")
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertIn("1.2 generation", text.stdout)
        self.assertNotIn("2.1 long-form", text.stdout)

    def test_of_a_server_elsewhere_it_claims_no_speed(self):
        done = self.call("run", "smoke", "-m", self.model, "--target", "http://127.0.0.1:9", "--dry-run", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        dry = json.loads(done.stdout)
        self.assertIsNone(dry["estimate_seconds"])
        tests = {test["id"]: test for test in dry["models"][0]["tests"]}
        self.assertIn("not a process of ours", tests["5.1"]["skipped"])

    def test_a_scaled_run_says_so(self):
        done, out = self.simulated('extends = "smoke"\nonly = ["1.2"]\n', "--scale", "0.5")
        self.assertIn("PASS (scaled)", done.stdout)
        self.assertIn("PASS (scaled)", done.stderr)
        self.assertIn("PASS (scaled)", (out / "summary.md").read_text())
        self.assertTrue(self.result(out)["run"]["scaled"])
        done, out = self.simulated('extends = "smoke"\nonly = ["1.2"]\n')
        self.assertNotIn("scaled)", done.stdout)
        self.assertFalse(self.result(out)["run"]["scaled"])


class Engine(PlanCase):
    def test_every_figure_of_a_run_is_in_the_list(self):
        listed = json.loads(self.call("run", "--list-metrics", "--json").stdout)
        forms = {"N": "[0-9]+", "set": "[a-z]+", "name": "[a-z0-9_]+"}

        def pattern_of(name):
            return "".join(forms[part[1:-1]] if part.startswith("{") else re.escape(part)
                           for part in re.split(r"(\{[A-Za-z]+\})", name))

        names = {(entry["test"], pattern_of(entry["name"])): entry["unit"] for entry in listed}
        out = self.out()
        done = self.call("run", "smoke", "-m", self.model, "--device", "cpu", "--threads", 1, "--out", out)
        self.assertIn(done.returncode, (0, 1, 3), done.stderr)
        missing = []
        for test in self.result(out)["models"][0]["tests"]:
            for name, metric in test["metrics"].items():
                units = [unit for (of, pattern), unit in names.items()
                         if of in (None, test["id"]) and re.fullmatch(pattern, name)]
                if not units:
                    missing.append(f'{test["id"]} {name} [{metric["unit"]}]')
                else:
                    self.assertIn(metric["unit"], units, f'{test["id"]} {name}')
        self.assertEqual(missing, [], "not in src/record/metric_catalogue.cc")

    def test_a_model_is_run_once_for_each_placement(self):
        plan = self.plan('extends = "smoke"\nplacements = ["cpu", "first:1"]\nonly = ["1.1", "1.2"]\n')
        out = self.out()
        done = self.call("run", plan, "-m", self.model, "--device", "cpu", "--threads", 1, "--out", out)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        models = self.result(out)["models"]
        self.assertEqual([(model["id"], model["placement"]) for model in models],
                         [("phimoe@cpu", "cpu"), ("phimoe@first:1", "first:1")])
        for model in models:
            self.assertEqual([test["id"] for test in model["tests"]], ["1.1", "1.2"])
        with sqlite3.connect(out / "run.db") as database:
            texts = [{row[0] for row in database.execute(
                "select text from outcomes join models on models.key = model_key where models.id = ? order by outcomes.key",
                (model["id"],))} for model in models]
        self.assertEqual(texts[0], texts[1], "both placements get the same requests, and on a CPU give the same replies")


if __name__ == "__main__":
    main()
