from fault_case import FaultCase, main
from load_case import LoadCase


class Placement(LoadCase):
    id = "1.4"

    def serve(self, experts, banner="", options=""):
        """`moestress serve` on a GPU, real or made of software, started as another's server."""
        command = (f"{banner}exec {FaultCase.moestress} serve -m {self.model} --experts {experts} --port {{port}} "
                   f"--slots 5 --ctx 512 --threads 1 {options}")
        return self.run_test("--spawn", command, plan='[target]\nexperts = "cpu"\n')

    def test_a_sound_placement(self):
        self.assert_sound(self.serve("cpu"))

    def test_experts_on_the_device_whatever_the_banner_says(self):
        test = self.serve("gpu", banner="echo 'MoE: offloading ALL expert tensors to CPU'; ")
        self.assert_found(test, "on the device")

    def test_half_of_the_layers(self):
        self.assert_found(self.serve("first:1"), "on the device")

    def test_a_banner_alone_is_no_evidence(self):
        test = self.serve("cpu", banner="echo 'MoE: offloading ALL expert tensors to CPU'; ", options="--log-level error")
        self.assertEqual(test["verdict"], "SKIPPED", test["reason"])


if __name__ == "__main__":
    main()
