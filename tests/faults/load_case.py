"""What the tests of loading share: the simulated server with llama.cpp's load log before it."""

import json
import sys

from fault_case import FOLDER, FaultCase

MIB = 1 << 20


class LoadCase(FaultCase):
    def predicted(self):
        """Bytes by place, as `inspect` predicts them for the smoke suite."""
        done = self.call("inspect", self.model, "--json", "--slots", 5, "--ctx", 512, expect=(0,))
        return json.loads(done.stdout)["prediction"]

    def load_log(self, host, device, kv):
        """The lines of a load, from bytes."""
        return "".join(f"{line:>40} = {bytes / MIB:9.2f} MiB\n" for line, bytes in (
            ("load_tensors:   CPU_Mapped model buffer size", host), ("load_tensors:        CUDA0 model buffer size", device),
            ("llama_kv_cache:        CUDA0 KV buffer size", kv)))

    def honest_log(self):
        predicted = self.predicted()
        return self.load_log(predicted["host"]["weights_bytes"], predicted["device"]["weights_bytes"],
                             predicted["device"]["kv_bytes"])

    def logging(self, text, fault=None, before="", plan=""):
        """A run against the simulated server that prints `text` as it starts."""
        log = self.folder / "load.log"
        log.write_text(text)
        option = f" --fault '{fault}'" if fault else ""
        command = f"{before}cat {log}; exec {sys.executable} {FOLDER / 'simulated_server.py'} {{port}}{option}"
        return self.run_test("--spawn", command, "--dialect", "openai", plan=plan)
