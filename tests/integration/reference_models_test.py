"""A reference model that speaks: near to its base, with experts by subject, and damage to it found.

Usage: reference_models_test.py MOESTRESS [unittest options]. Needs the base that scripts/fetch-base.sh puts into the
user's cache; exits with 77 where it is not. Only the standard library.
"""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program_case import ProgramCase, main  # noqa: E402

SKIPPED = 77


def base_model():
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return cache / "moestress" / "SmolLM2-135M-Instruct.Q4_1.gguf"


class ReferenceModel(ProgramCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.folder / "phimoe.gguf"
        cls.call("forge", "--topology", "phimoe", "--base", base_model(), "--spread", 0.065, "-o", cls.model, expect=(0,), timeout=600)

    def measure(self, name, plan, *arguments):
        """The metrics and the verdict of the one test in a plan."""
        file = self.folder / f"{name}.toml"
        file.write_text('extends = "smoke"\n' + plan)
        out = self.folder / name
        done = self.call("run", file, "--device", "cpu", "--out", out, *arguments, timeout=600)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        test = json.loads((out / "result.json").read_text())["models"][0]["tests"][0]
        return {name: metric["value"] for name, metric in test["metrics"].items()}, test

    def test_it_is_near_to_its_base(self):
        fidelity = json.loads((self.folder / "phimoe.gguf.fidelity.json").read_text())
        self.assertGreater(fidelity["experts_different"]["positions"], 512)
        # The base is no nearer to itself with another attention kernel: 0.0033 nats, 0.969.
        self.assertLess(fidelity["experts_alike"]["kl_nats_mean"], 0.006)
        self.assertGreater(fidelity["experts_alike"]["top1_agreement"], 0.95)
        self.assertLess(fidelity["experts_different"]["kl_nats_mean"], 0.05)
        self.assertGreaterEqual(fidelity["experts_different"]["top1_agreement"], 0.90)

    def test_unmeasured_it_is_the_same(self):
        model = self.folder / "unmeasured.gguf"
        fidelity = self.folder / "unmeasured.gguf.fidelity.json"
        fidelity.write_text("{}")  # of an older model of that name
        done = self.call("forge", "--topology", "phimoe", "--base", base_model(), "--spread", 0.065, "--unmeasured", "-o", model,
                         expect=(0,), timeout=600)
        self.assertIn("not measured against the base", done.stdout)
        self.assertFalse(fidelity.exists())
        self.assertEqual(subprocess.run(["cmp", model, self.model]).returncode, 0)
        model.unlink()
        self.assertIn("made by sparse upcycling from Smollm2", self.call("inspect", self.model).stdout)

    def test_experts_alike_compute_the_function_of_the_base(self):
        """In F16: in 4 bits rounding alone is 0.003 nats."""
        base, model = self.folder / "base-f16.gguf", self.folder / "alike.gguf"
        self.call("forge", "--to-f16", "-m", base_model(), "-o", base, expect=(0,), timeout=600)
        self.call("forge", "--topology", "phimoe", "--base", base, "--spread", 0, "-o", model, expect=(0,), timeout=600)
        fidelity = json.loads((self.folder / "alike.gguf.fidelity.json").read_text())
        model.unlink()
        self.assertLess(fidelity["experts_alike"]["kl_nats_mean"], 0.001)
        self.assertGreater(fidelity["experts_alike"]["top1_agreement"], 0.99)

    def test_it_speaks(self):
        server = self.start("serve", "-m", self.model, "--device", "cpu", "--port", 0, stderr=subprocess.STDOUT)
        try:
            url = next(found.group() for line in server.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
            body = {"messages": [{"role": "user", "content": "Write a Python function that adds two numbers."}], "max_tokens": 40,
                    "temperature": 0}
            for _ in range(300):  # it says its address before it has loaded
                with contextlib.suppress(urllib.error.URLError):
                    urllib.request.urlopen(url + "/health", timeout=10)
                    break
                time.sleep(0.1)
            request = urllib.request.Request(url + "/v1/chat/completions", json.dumps(body).encode(),
                                             {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=120) as answer:
                self.assertIn("def add", json.load(answer)["choices"][0]["message"]["content"])
        finally:
            server.terminate()
            server.communicate()

    def test_its_experts_follow_the_subject(self):
        value, test = self.measure("routing", 'only = ["3.1"]\n[tests]\nrouting_prompts_per_set = 10\nprompt_characters_max = 250\n',
                                   "-m", self.model)
        self.assertEqual(test["verdict"], "PASS", test)
        for pair in ("code_creative", "math_translation", "documentation_conversation"):
            self.assertLess(value[f"routing_p_{pair}"], 0.01)
            self.assertGreater(value[f"routing_layers_different_{pair}"], 15, "of 30")
        for domain in ("code", "creative", "math", "translation", "documentation", "conversation"):
            self.assertGreater(value[f"control_p_{domain}"], 0.01)
        self.assertGreater(value["routing_entropy_min"], 0.6)
        self.assertLess(value["routing_entropy_max"], 0.99)

    def test_two_swapped_experts_are_found(self):
        """The least of the faults: it moves the logits by less than rounding does."""
        plan = 'only = ["6.1"]\n[tests]\nconsistency_prompts = 8\nconsistency_tokens = 8\n'
        _, sound = self.measure("sound", plan, "-m", self.model, "--baseline-model", self.model)
        self.assertEqual(sound["verdict"], "PASS", sound)
        faulty = self.folder / "faulty.gguf"
        self.call("forge", "--fault", "swap-experts", "-m", self.model, "-o", faulty, expect=(0,))
        _, test = self.measure("damage", plan, "-m", faulty, "--baseline-model", self.model)
        self.assertEqual(test["verdict"], "FAIL", test)
        self.assertIn("experts 0, 1 of layer 15 give out something else", test["reason"])


if __name__ == "__main__":
    if not base_model().exists():
        print(f"skipped: no {base_model()}; scripts/fetch-base.sh fetches it")
        sys.exit(SKIPPED)
    main()
