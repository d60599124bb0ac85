"""`moestress resume` from outside: runs that are killed in the middle, more than once, and gone on with.

Usage: resume_test.py MOESTRESS [unittest options]. Only the standard library.
"""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program_case import ProgramCase, main  # noqa: E402

MARATHON = """extends = "smoke"
[tests]
marathon_seconds = 12.0
marathon_threads = 2
marathon_tokens = 8
marathon_checkpoint_seconds = 0.5
long_form_seconds = 60.0
"""


def rows(run, sql):
    with contextlib.suppress(sqlite3.Error):
        with contextlib.closing(sqlite3.connect(f"file:{run / 'run.db'}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()
    return []


class ResumeTest(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.random_model()

    def setUp(self):
        self.run_folder = self.out()

    def begin(self, *tests):
        plan = self.run_folder.parent / "plan.toml"
        plan.write_text(MARATHON)
        return self.start("run", plan, "-m", self.model, "--device", "cpu", "--threads", 1, "--ctx", 512, "--only", ",".join(tests),
                          "--out", self.run_folder)

    def wait_for(self, process, sql, at_least):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if process.poll() is not None:
                self.fail(f"ended early with {process.returncode}: {process.communicate()}")
            found = rows(self.run_folder, sql)
            if found and found[0][0] >= at_least:
                return found[0][0]
            time.sleep(0.05)
        self.fail(f"{sql}: not {at_least} within a minute")

    def kill(self, process):
        process.kill()
        process.communicate()

    def refused(self, *words, folder=None):
        done = self.call("resume", folder or self.run_folder)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def results(self):
        return {test["id"]: test for test in self.result(self.run_folder)["models"][0]["tests"]}

    def test_a_marathon_that_is_killed_twice(self):
        checkpoints = "select count(*) from checkpoints"
        process = self.begin("1.2", "S1")
        kept = self.wait_for(process, checkpoints, 4)
        self.kill(process)
        before = rows(self.run_folder, "select * from tests where id = '1.2'")
        replies = rows(self.run_folder, "select count(*) from outcomes where test_id = '1.2'")
        self.assertEqual(len(before), 1)

        process = self.start("resume", self.run_folder)
        self.wait_for(process, checkpoints, kept + 4)
        self.refused("still going")
        self.kill(process)

        was = self.model.stat()
        os.utime(self.model, ns=(was.st_atime_ns, was.st_mtime_ns + 1_000_000_000))
        self.refused("phimoe.gguf", "has changed")
        os.utime(self.model, ns=(was.st_atime_ns, was.st_mtime_ns))

        done = self.call("resume", self.run_folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(rows(self.run_folder, "select * from tests where id = '1.2'"), before, "1.2 was repeated")
        self.assertEqual(rows(self.run_folder, "select count(*) from outcomes where test_id = '1.2'"), replies)
        marathon = self.results()["S1"]
        value = {name: metric["value"] for name, metric in marathon["metrics"].items()}
        self.assertEqual(value["segments"], 3, marathon)
        self.assertEqual(value["server_deaths"], 0)
        self.assertAlmostEqual(value["active_hours"] * 3600, 12, delta=2)
        self.assertIn("own_private_bytes_per_hour", value)
        self.assertEqual(rows(self.run_folder, checkpoints)[0][0], value["checkpoints"])
        self.assertEqual(rows(self.run_folder, "select count(*) - count(distinct request) from outcomes")[0][0], 0)
        series = rows(self.run_folder, "select count(distinct series) from process_samples")[0][0]
        self.assertEqual(series, 3, "a new process is a new series")

        gaps = self.result(self.run_folder)["run"]["gaps"]
        self.assertEqual(len(gaps), 2, gaps)
        for gap in gaps:
            samples = rows(self.run_folder, f"select count(*) from host_samples where at_ns > {gap['from_seconds'] * 1e9 + 1e6} "
                                            f"and at_ns < {gap['to_seconds'] * 1e9}")
            self.assertEqual(samples[0][0], 0, "something was filled in")
        for name in ("summary.md", "report.html"):
            self.assertIn("Gone on with after 2 interruptions", (self.run_folder / name).read_text(), name)
        self.assertIn("Gone on with after 2 interruptions", done.stdout)
        self.assertIn("C3", {criterion["id"] for criterion in self.result(self.run_folder)["models"][0]["criteria"]})
        self.refused("came to its end")

    def test_a_test_that_is_cut_off_begins_anew(self):
        process = self.begin("1.1", "2.1")
        self.wait_for(process, "select count(*) from outcomes where test_id = '2.1'", 5)
        self.kill(process)
        plan = self.run_folder / "plan.toml"
        plan.write_text(plan.read_text().replace("long_form_seconds = 60", "long_form_seconds = 1"))
        done = self.call("resume", self.run_folder)
        self.assertIn(done.returncode, (0, 3), done.stdout + done.stderr)
        self.assertEqual(list(self.results()), ["1.1", "2.1"])
        names = {name for name, in rows(self.run_folder, "select distinct test_id from outcomes")}
        self.assertEqual(names, {"2.1", "2.1 (cut off)"})

    def test_ctrl_c_in_the_marathon(self):
        process = self.begin("S1")
        self.wait_for(process, "select count(*) from checkpoints", 3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.results()["S1"]["verdict"], "SKIPPED")
        done = self.call("resume", self.run_folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        marathon = self.results()["S1"]
        self.assertEqual(marathon["metrics"]["segments"]["value"], 2, marathon)
        self.assertNotEqual(marathon["verdict"], "SKIPPED")

    def test_the_server_is_killed_in_the_marathon(self):
        process = self.begin("S1")
        self.wait_for(process, "select count(*) from checkpoints", 3)
        target = json.loads(rows(self.run_folder, "select target_json from run")[0][0])["pid"]
        os.kill(target, signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        marathon = self.results()["S1"]
        self.assertEqual(marathon["verdict"], "FAIL")
        self.assertIn("the server died 1 time", marathon["reason"])
        self.assertEqual(marathon["metrics"]["segments"]["value"], 2, "it was not started again")
        self.assertAlmostEqual(marathon["metrics"]["active_hours"]["value"] * 3600, 12, delta=2)
        criteria = {criterion["id"]: criterion for criterion in self.result(self.run_folder)["models"][0]["criteria"]}
        self.assertEqual(criteria["C3"]["verdict"], "FAIL")

    def test_what_is_no_run(self):
        self.refused("not a run directory", folder=self.folder)
        self.refused("not a run directory", folder=self.folder / "nowhere")


if __name__ == "__main__":
    main()
