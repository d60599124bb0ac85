import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

from fault_case import FOLDER, FaultCase, main

# Latencies that a busy machine's clock can be held to.
SLOW = "--tok-s 100 --prefill-tok-s 250"


class Profile(FaultCase):
    id = "5.2"
    plan = """extends = "smoke"
[target]
context_tokens = 1024
[tests]
profile_requests = 2
profile_tokens = 16
profile_context_lengths = [30, 80, 160, 300]
open_loop_requests = 2
"""

    def test_a_sound_server(self):
        test = self.simulated(options=SLOW)
        self.assert_sound(test)
        self.assertAlmostEqual(test["metrics"]["claimed_decode_share_p50"]["value"], 1, delta=0.1)

    def test_the_engine(self):
        test = self.run_test("--device", "cpu", "--threads", 1, model=self.random_model())
        self.assertIn(test["verdict"], ("PASS", "INVALID"), test["reason"])
        self.assertIn("expert_cache_hit_share_lru_half", test["metrics"])

    def test_a_stream_that_stalls(self):
        self.assert_found(self.simulated("stalls at every fifteenth token", options=SLOW), "stalls")

    def test_decay_with_the_square_of_the_context(self):
        self.assert_found(self.simulated("slows down with the square of the context", options=SLOW),
                          "faster than the context")

    def test_a_claimed_time_to_the_first_token(self):
        self.assert_found(self.simulated("says that a tenth of the time was for the prompt", options=SLOW),
                          "its timings are not")

    def test_a_claimed_speed(self):
        self.assert_found(self.simulated("says that it decodes three times as fast", options=SLOW),
                          "its timings are not")

    def test_a_failed_request(self):
        self.assert_found(self.simulated("answers one request in five with 500", options=SLOW), "http_5xx")

    def test_a_client_that_lags(self):
        """moestress itself is held up again and again: what it measures then is not the server."""
        plan = self.folder / "plan.toml"
        plan.write_text(self.plan)
        out = pathlib.Path(tempfile.mkdtemp(dir=self.folder)) / "run"
        command = f"exec {sys.executable} {FOLDER / 'simulated_server.py'} {{port}} {SLOW}"
        run = subprocess.Popen([self.moestress, "run", plan, "-m", self.model, "--only", self.id, "--out", out,
                                "--spawn", command, "--dialect", "openai"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ended = threading.Event()

        def hold_up():
            while not ended.wait(0.2):
                os.kill(run.pid, signal.SIGSTOP)
                time.sleep(0.2)
                os.kill(run.pid, signal.SIGCONT)

        holder = threading.Thread(target=hold_up)
        holder.start()
        try:
            while run.poll() is None:
                time.sleep(0.05)
                if (out / "result.json").exists():
                    ended.set()
        finally:
            ended.set()
            holder.join()
            os.kill(run.pid, signal.SIGCONT) if run.poll() is None else None
            run.wait(60)
        test = json.loads((out / "result.json").read_text())["models"][0]["tests"][0]
        self.assertEqual(test["verdict"], "INVALID", test["reason"])


if __name__ == "__main__":
    main()
