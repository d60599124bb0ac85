from fault_case import main
from load_case import LoadCase


class Load(LoadCase):
    id = "1.1"

    def test_a_sound_load(self):
        test = self.logging(self.honest_log())
        self.assert_sound(test)
        self.assertEqual(test["metrics"]["load_errors"]["value"], 0)

    def test_slow_is_no_fault_until_the_timeout(self):
        test = self.logging(self.honest_log(), before="sleep 2; ")
        self.assert_sound(test)
        self.assertGreaterEqual(test["metrics"]["ready_ms"]["value"], 2000)
        test = self.logging(self.honest_log(), before="sleep 60; ", plan="[target]\nready_timeout_s = 1.0\n")
        self.assert_found(test, "did not become ready")

    def test_an_error_in_the_log(self):
        test = self.logging(self.honest_log() + "llama_model_load: error loading model: tensor 'blk.1' is missing\n")
        self.assert_found(test, "the load log holds 1 error lines")

    def test_experts_on_the_device_though_asked_for_the_host(self):
        predicted = self.predicted()
        routed = predicted["host"]["routed_expert_bytes"]
        test = self.logging("MoE: offloading ALL expert tensors to CPU\n" +
                            self.load_log(predicted["host"]["weights_bytes"] - routed,
                                          predicted["device"]["weights_bytes"] + routed, predicted["device"]["kv_bytes"]))
        self.assert_found(test, "asked for experts \"cpu\"")

    def test_without_evidence_it_never_passes(self):
        test = self.logging("MoE: offloading ALL expert tensors to CPU\n")
        self.assertEqual(test["verdict"], "INCONCLUSIVE", test["reason"])


if __name__ == "__main__":
    main()
