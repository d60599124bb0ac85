"""`moestress run` from outside: real processes, real models, and each way for a run to be cut off.

Usage: run_command_test.py MOESTRESS [unittest options]. Only the standard library.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program_case import ProgramCase, main  # noqa: E402

ALL_TESTS = ["1.1", "1.2", "1.3", "1.4", "2.1", "2.2", "2.3", "3.1", "3.2", "4.1", "4.2", "5.1", "5.2", "6.1", "6.2", "S1", "S2", "S3", "S4"]
FAULTS = ("zero-expert", "swap-experts", "scale-expert", "shuffle-router", "two-bit-experts")
TOPOLOGIES = {"gpt-oss": (32, 4, 0), "phimoe": (16, 2, 0), "deepseek": (64, 6, 2)}


def processes_with(text):
    """Command lines of running processes that hold `text`, our own left out."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in command:
                found.append(f"{entry.name}: {command}")
    return found


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


class RunTest(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.models = {topology: cls.random_model(topology) for topology in TOPOLOGIES}

    def run_on(self, topology, *arguments, out=None, **options):
        out = out or self.out()
        done = self.call("run", "smoke", "-m", self.models[topology], "--ctx", 512, "--threads", 1, "--out", out, *arguments, **options)
        return done, out

    def results_of(self, out):
        return {test["id"]: test for test in self.result(out)["models"][0]["tests"]}

    def criteria_of(self, out):
        return {criterion["id"]: criterion for criterion in self.result(out)["models"][0]["criteria"]}

    def start_long_run(self, out, *arguments, plan=None):
        """A run that is in the middle of generating when this returns, with the target's pid."""
        if plan is None:
            plan = self.folder / f"long-{out.parent.name}.toml"
            plan.write_text('extends = "smoke"\n[tests]\nlong_form_seconds = 60.0\n')
            arguments = ("--only", "1.1,1.4,2.1", *arguments)
        process = self.start("run", plan, "-m", self.models["phimoe"], "--device", "cpu", "--threads", 1, "--ctx", 512,
                             "--out", out, *arguments)
        database = out / "run.db"

        def generating():
            if process.poll() is not None:
                self.fail(f"ended early with {process.returncode}: {process.stderr.read()}")
            if not database.exists():
                return False
            with contextlib.suppress(sqlite3.Error):
                with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                    return connection.execute("select count(*) from outcomes").fetchone()[0] > 2
            return False

        self.assertTrue(wait_until(generating, 60), "the run did not begin to generate")
        serving = [line for line in processes_with(" serve ") if str(self.models["phimoe"]) in line]
        self.assertEqual(len(serving), 1, serving)
        return process, int(serving[0].split(":")[0])

    def nothing_left(self):
        return wait_until(lambda: not processes_with(str(self.models["phimoe"])), 10)


class Verdicts(RunTest):
    def test_every_test_and_criterion_on_the_cpu(self):
        for _ in range(3):  # another program on the machine can make a measurement invalid
            done, out = self.run_on("phimoe", "--device", "cpu")
            if not any(test["verdict"] == "INVALID" for test in self.results_of(out).values()):
                break
        self.assertIn(done.returncode, (0, 1, 3), done.stderr)
        tests = self.results_of(out)
        self.assertEqual(sorted(tests), ALL_TESTS)
        for test in tests.values():
            self.assertTrue(test["reason"], test["id"])
        for name in ("1.1", "1.2", "1.3", "1.4", "2.1", "2.2", "3.1", "3.2", "4.1", "5.2", "S2"):
            # This model answers within a few milliseconds, of which a busy machine's scheduler is more than a hundredth.
            if not (tests[name]["verdict"] == "INVALID" and "client lag" in tests[name]["reason"]):
                self.assertEqual(tests[name]["verdict"], "PASS", tests[name])
        self.assertEqual(tests["6.1"]["metrics"]["baseline_on_cpu"]["value"], 1)
        self.assertEqual(tests["6.1"]["verdict"], "INCONCLUSIVE", tests["6.1"])
        criteria = self.criteria_of(out)
        self.assertEqual(sorted(criteria), [f"C{i}" for i in range(1, 8)])
        self.assertEqual(criteria["C2"]["verdict"], "SKIPPED")
        self.assertEqual(criteria["C6"]["verdict"], "PASS", criteria["C6"])
        self.assertEqual(criteria["C7"]["verdict"], "PASS", criteria["C7"])
        for name in ("plan.toml", "run.db", "routing.bin", "target.log", "environment.json", "report.html", "summary.md", "junit.xml"):
            self.assertTrue((out / name).exists(), name)
        self.assertIn("verdict", done.stdout)

    def test_topology_and_placement_of_each(self):
        for topology, (experts, used, shared) in TOPOLOGIES.items():
            for experts_on in ("cpu", "gpu"):
                with self.subTest(topology=topology, experts=experts_on):
                    done, out = self.run_on(topology, "--only", "1.3,1.4", "--experts", experts_on)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    model = self.result(out)["models"][0]
                    self.assertEqual((model["experts"], model["experts_used"], model["experts_shared"]), (experts, used, shared))
                    metrics = self.results_of(out)["1.4"]["metrics"]
                    away, here = ("routed_device_tensors", "routed_host_tensors")
                    if experts_on == "gpu":
                        away, here = here, away
                    self.assertEqual(metrics[away]["value"], 0)
                    self.assertGreater(metrics[here]["value"], 0)

    def test_gpu_only_against_offloaded(self):
        # A lower bar than C4's, which twelve prompts without a failure clear and which perfect agreement is needed for.
        plan = self.folder / "consistency.toml"
        plan.write_text('extends = "smoke"\n[target]\nbaseline = "device"\n[tests]\nconsistency_prompts = 12\n'
                        '[thresholds]\nc4_agreement_min = 0.75\n')
        out = self.out()
        done = self.call("run", plan, "-m", self.models["phimoe"], "--only", "6.1", "--out", out, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        test = self.results_of(out)["6.1"]
        self.assertEqual(test["verdict"], "PASS", test)
        value = {name: metric["value"] for name, metric in test["metrics"].items()}
        self.assertEqual(value["aa_top1_agreement"], 1)
        self.assertEqual(value["aa_kl_nats_max"], 0)
        self.assertGreater(value["kl_nats_max"], 0, "the experts were computed on the same device both times")
        self.assertLess(value["kl_nats_mean"], 0.01)
        self.assertGreater(value["routing_agreement"], 0.95)
        self.assertGreater(value["ab_text_identical"], 0.5)

    def damaged(self, model, fault, layer):
        faulty = self.folder / "faulty.gguf"
        self.call("forge", "--fault", fault, "-m", model, "--layer", layer, "--expert", 1, "-o", faulty, expect=(0,))
        return faulty

    def assert_damage_is_named(self, test, fault, layer):
        self.assertEqual(test["verdict"], "FAIL", test)
        if fault == "shuffle-router":
            self.assertIn(f"the router of layer {layer} chooses other experts", test["reason"])
            self.assertEqual(test["metrics"]["routers_damaged"]["value"], 1, test["reason"])
            self.assertEqual(test["metrics"]["experts_damaged"]["value"], 0, test["reason"])
            return
        self.assertEqual(test["metrics"]["routers_damaged"]["value"], 0, test["reason"])
        found = re.findall(r"experts? ([0-9, ]+)(?: and (\d+) more)? of layer (\d+) give", test["reason"])
        self.assertEqual([int(at) for _, _, at in found], [layer], test["reason"])
        if fault == "two-bit-experts":
            self.assertGreater(test["metrics"]["experts_damaged"]["value"], 2, test["reason"])
        else:
            self.assertEqual(found[0][0], "1, 2" if fault == "swap-experts" else "1", test["reason"])

    def test_damage_is_found_and_nothing_else(self):
        """6.1 between a model and a copy with one fault, the CPU in two roundings on either side."""
        plan = self.folder / "damage.toml"
        plan.write_text('extends = "smoke"\nonly = ["6.1"]\n[target]\ndevice = "cpu"\nthreads = 1\n'
                        "[tests]\nconsistency_prompts = 16\nconsistency_tokens = 16\n")
        layer = {"gpt-oss": 0, "phimoe": 0, "deepseek": 1}
        for topology, model in self.models.items():
            for fault in FAULTS:
                with self.subTest(topology=topology, fault=fault):
                    out = self.out()
                    done = self.call("run", plan, "-m", self.damaged(model, fault, layer[topology]), "--baseline-model", model,
                                     "--out", out)
                    self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                    self.assert_damage_is_named(self.results_of(out)["6.1"], fault, layer[topology])
        for seed in range(1, 11):
            with self.subTest(seed=seed):
                model = self.random_model(list(TOPOLOGIES)[seed % 3], seed)
                out = self.out()
                self.call("run", plan, "-m", model, "--baseline-model", model, "--out", out, "--seed", seed)
                test = self.results_of(out)["6.1"]
                self.assertEqual(test["verdict"], "PASS", test)
                self.assertEqual(test["metrics"]["experts_damaged"]["value"], 0, test)

    def test_damage_is_found_beside_what_a_device_rounds(self):
        """Where GPU-only is a device its kernels round otherwise than the CPU's; swapped experts are the least of the faults."""
        plan = self.folder / "damage_on_device.toml"
        plan.write_text('extends = "smoke"\nonly = ["6.1"]\n[target]\nbaseline = "device"\n'
                        "[tests]\nconsistency_prompts = 8\nconsistency_tokens = 4\n")
        model, out = self.models["phimoe"], self.out()
        self.call("run", plan, "-m", self.damaged(model, "swap-experts", 0), "--baseline-model", model, "--out", out)
        self.assert_damage_is_named(self.results_of(out)["6.1"], "swap-experts", 0)

    def test_a_claimed_offload_that_is_not_done_fails(self):
        lie = (f"echo 'MoE: offloading ALL expert tensors to CPU'; exec {self.moestress} serve -m {self.models['phimoe']} "
               "--experts gpu --port {port} --ctx 512 --threads 1")
        done, out = self.run_on("phimoe", "--only", "1.4", "--spawn", lie)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertEqual(self.results_of(out)["1.4"]["verdict"], "FAIL")
        honest = lie.replace("--experts gpu", "--experts cpu")
        done, out = self.run_on("phimoe", "--only", "1.4", "--spawn", honest)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.results_of(out)["1.4"]["verdict"], "PASS")

    def test_a_banner_alone_is_no_evidence(self):
        silent = (f"echo 'MoE: offloading ALL expert tensors to CPU'; exec {self.moestress} serve -m {self.models['phimoe']} "
                  "--port {port} --ctx 512 --threads 1 --log-level error")
        done, out = self.run_on("phimoe", "--only", "1.4", "--spawn", silent)
        self.assertEqual(self.results_of(out)["1.4"]["verdict"], "SKIPPED", done.stderr)


    def test_inspect_gives_the_topology(self):
        for topology, (experts, used, shared) in TOPOLOGIES.items():
            inspected = json.loads(self.call("inspect", self.models[topology], "--json").stdout)["topology"]
            self.assertEqual((inspected["experts"], inspected["experts_used"], inspected["experts_shared"]), (experts, used, shared))
            dense = 1 if topology == "deepseek" else 0
            self.assertEqual(inspected["moe_layers"], list(range(dense, inspected["layers"])))
        self.assertEqual(self.call("inspect", "/nowhere/model.gguf").returncode, 2)
        faulty = self.damaged(self.models["phimoe"], "zero-expert", 0)
        self.assertIn("damaged           expert 1 of layer 0 is zero, for tests", self.call("inspect", faulty).stdout)


class Prompts(RunTest):
    def test_a_users_prompts_take_the_place_of_the_built_in_ones(self):
        (self.folder / "mine.txt").write_text("".join(f"== mine-{i}\nWrite function number {i}.\n" for i in range(6)))
        plan = self.folder / "my-prompts.toml"
        plan.write_text('extends = "smoke"\n[prompts]\ncode = "mine.txt"\n')
        out = self.out()
        done = self.call("run", plan, "-m", self.models["phimoe"], "--device", "cpu", "--threads", 1, "--only", "3.1", "--out", out)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.assertIn(f'code = "{self.folder / "mine.txt"}"', (out / "plan.toml").read_text())
        with contextlib.closing(sqlite3.connect(out / "run.db")) as connection:
            used = {row[0] for row in connection.execute("select prompt_id from routing where set_label = 'code'")}
        self.assertEqual(used, {f"mine-{i}" for i in range(6)})


class CutOff(RunTest):
    def report_works(self, out):
        again = self.out().parent / "report"
        done = self.call("report", out, "-o", again)
        self.assertIn(done.returncode, (0, 1, 3), done.stderr)
        self.assertTrue((again / "report.html").stat().st_size > 10_000)
        return json.loads((again / "result.json").read_text()), done.stdout

    def kill_target(self, process, target, out, test_id):
        """Kills the target in the middle of a test, which must fail; gives that test's result."""
        os.kill(target, signal.SIGKILL)
        _, errors = process.communicate(timeout=300)
        self.assertEqual(process.returncode, 1, errors)
        test = self.results_of(out)[test_id]
        self.assertEqual(test["verdict"], "FAIL")
        return test

    def test_killing_the_target(self):
        out = self.out()
        process, target = self.start_long_run(out)
        test = self.kill_target(process, target, out, "2.1")
        self.assertIn("SIGKILL", test["reason"])
        self.assertEqual(self.criteria_of(out)["C3"]["verdict"], "FAIL")
        self.report_works(out)
        self.assertTrue(self.nothing_left(), processes_with(str(self.models["phimoe"])))

    def test_killing_the_target_while_its_memory_is_measured(self):
        """5.1 asks for the target between requests, and starts it again with other contexts."""
        out = self.out()
        plan = self.folder / "memory.toml"
        plan.write_text('extends = "smoke"\n[tests]\nmemory_requests = 2000\n')
        process, target = self.start_long_run(out, "--only", "5.1", plan=plan)
        test = self.kill_target(process, target, out, "5.1")
        self.assertIn("died", test["reason"])
        self.assertTrue(self.nothing_left(), processes_with(str(self.models["phimoe"])))

    def test_ctrl_c_while_the_target_loads(self):
        out = self.out()
        process = self.start("run", "smoke", "-m", self.models["phimoe"], "--only", "1.1", "--out", out,
                             "--spawn", f"exec sleep 100 # {{port}} {self.models['phimoe']}")
        self.assertTrue(wait_until((out / "target.log").exists, 30))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, errors)
        self.report_works(out)

    def test_killing_moestress(self):
        out = self.out()
        process, _ = self.start_long_run(out)
        process.kill()
        process.communicate()
        self.assertTrue(self.nothing_left(), processes_with(str(self.models["phimoe"])))
        result, table = self.report_works(out)
        self.assertEqual([test["id"] for test in result["models"][0]["tests"]], ["1.1", "1.4"])
        self.assertIn("CUT OFF", table.upper())

    def test_ctrl_c(self):
        out = self.out()
        process, _ = self.start_long_run(out)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertTrue((out / "report.html").exists())
        self.assertEqual(self.results_of(out)["2.1"]["verdict"], "SKIPPED")
        self.report_works(out)
        self.assertTrue(self.nothing_left(), processes_with(str(self.models["phimoe"])))

    def test_a_full_disk(self):
        disk = self.folder / "small-disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True, text=True)
        self.assertEqual(mounted.returncode, 0, "this test needs to mount a small tmpfs: " + mounted.stderr)
        try:
            out = disk / "run"
            plan = self.folder / "full-disk.toml"
            plan.write_text('extends = "smoke"\n[tests]\nlong_form_seconds = 600.0\n')  # the disk is full long before
            done = self.call("run", plan, "-m", self.models["phimoe"], "--device", "cpu", "--threads", 1, "--ctx", 512, "--out", out)
            self.assertEqual(done.returncode, 5, done.stdout + done.stderr)
            self.assertIn("run.db", done.stderr)
            self.assertIn("disk", done.stderr)
            result, _ = self.report_works(out)
            self.assertEqual(result["models"][0]["id"], "phimoe")
        finally:
            subprocess.run(["umount", "-l", disk], check=False)


class Errors(RunTest):
    def refused(self, code, *arguments, words=()):
        done = self.call("run", *arguments, "--out", self.out())
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertNotIn("terminate", done.stderr)

    def test_a_plan_with_a_typo(self):
        plan = self.folder / "typo.toml"
        plan.write_text("[tests]\ngeneration_promts = 3\n")
        self.refused(2, plan, "-m", self.models["phimoe"], words=("typo.toml", "2", "generation_prompts"))

    def test_prompts_that_cannot_serve(self):
        plan = self.folder / "prompts.toml"
        plan.write_text('[prompts]\ncoding = "mine.txt"\n')
        self.refused(2, plan, "-m", self.models["phimoe"], words=("prompts.toml:2", 'unknown key "coding" in [prompts]'))
        plan.write_text('[prompts]\ncode = "no-such-file.txt"\n')
        self.refused(2, plan, "-m", self.models["phimoe"], words=(str(self.folder / "no-such-file.txt"), "can't be read"))
        (self.folder / "mine.txt").write_text("== a\nx\n== b\n== c\ny\n")
        plan.write_text('[prompts]\ncode = "mine.txt"\n')
        self.refused(2, plan, "-m", self.models["phimoe"], words=('mine.txt:3: prompt "b" has no text',))

    def test_an_unknown_test(self):
        self.refused(2, "smoke", "-m", self.models["phimoe"], "--only", "9.9", words=("9.9",))

    def test_a_url_with_a_secret(self):
        out = self.out()
        done = self.call("run", "smoke", "-m", self.models["phimoe"], "--target", "http://me:hush@127.0.0.1:1", "--out", out)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertNotIn("hush", done.stdout + done.stderr)
        self.assertFalse(out.exists())

    def test_an_api_key_that_is_not_there(self):
        self.refused(2, "smoke", "-m", self.models["phimoe"], "--target", "http://127.0.0.1:1", "--api-key-env",
                     "MOESTRESS_TEST_NO_SUCH_KEY", words=("MOESTRESS_TEST_NO_SUCH_KEY",))

    def test_a_missing_and_a_broken_model(self):
        self.refused(2, "smoke", "-m", "/nowhere/model.gguf", words=("/nowhere/model.gguf",))
        broken = self.folder / "broken.gguf"
        broken.write_bytes(self.models["phimoe"].read_bytes()[:1000])
        self.refused(2, "smoke", "-m", broken, words=("broken.gguf", "offset"))

    def test_a_target_that_is_not_there(self):
        plan = self.folder / "absent.toml"
        plan.write_text('extends = "smoke"\n[target]\nready_timeout_s = 2.0\n')
        self.refused(4, plan, "-m", self.models["phimoe"], "--target", "http://127.0.0.1:9", "--only", "1.2")

    def test_a_target_that_dies_at_once(self):
        done, out = self.run_on("phimoe", "--only", "1.1", "--spawn", "echo broken pipe organ {port} >&2; exit 3")
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertIn("code 3", self.results_of(out)["1.1"]["reason"])
        self.assertIn("broken pipe organ", self.results_of(out)["1.1"]["reason"])

    def test_an_existing_run_is_not_overwritten(self):
        out = self.out()
        out.mkdir()
        (out / "precious").write_text("x")
        done = self.call("run", "smoke", "-m", self.models["phimoe"], "--out", out)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual([entry.name for entry in out.iterdir()], ["precious"])


if __name__ == "__main__":
    main()
