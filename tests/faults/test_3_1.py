from fault_case import FaultCase, main


class Routing(FaultCase):
    id = "3.1"
    plan = 'extends = "smoke"\n[target]\ndevice = "cpu"\nthreads = 1\n'

    def c7(self):
        return {criterion["id"]: criterion for criterion in self.of_model["criteria"]}["C7"]

    def test_a_sound_router(self):
        test = self.run_test(model=self.random_model())
        self.assert_sound(test)
        self.assertEqual(self.c7()["verdict"], "PASS", self.c7()["reason"])

    def test_a_collapsed_router(self):
        self.assert_found(self.run_test(model=self.damaged("collapse-router", "--layer", 1)), "routing of layer 1 has collapsed")
        self.assertEqual(self.c7()["verdict"], "FAIL", self.c7()["reason"])

    def test_a_router_that_ignores_its_input(self):
        self.assert_found(self.run_test(model=self.damaged("blind-router", "--layer", 1)), "the router of layer 1 ignores its input")
        self.assertEqual(self.c7()["verdict"], "FAIL", self.c7()["reason"])

    def test_a_sound_model_beside_its_baseline(self):
        test = self.run_test("--baseline-model", self.random_model(), model=self.random_model())
        self.assert_sound(test)
        self.assertEqual(test["metrics"]["routing_agreement_baseline"]["value"], 1)

    def test_a_baseline_that_it_cant_be_held_against(self):
        other = self.folder / "other.gguf"
        self.call("forge", "--to-f16", "-m", self.random_model(), "-o", other, expect=(0,))
        test = self.run_test("--baseline-model", other, model=self.random_model())
        self.assert_sound(test)
        self.assertRegex(test["reason"], "not decided: .*routing against the baseline model's")
        self.call("forge", "--topology", "deepseek", "--size", "tiny", "-o", other, expect=(0,))
        test = self.run_test("--baseline-model", other, model=self.random_model())
        self.assertRegex(test["reason"], "not decided: .*routing against the baseline model's")

    def test_experts_that_are_not_the_baselines(self):
        for fault in ("zero-expert", "swap-experts", "scale-expert", "two-bit-experts"):
            with self.subTest(fault=fault):
                faulty = self.damaged(fault, "--layer", 0, "--expert", 1)
                test = self.run_test("--baseline-model", self.random_model(), model=faulty)
                self.assert_found(test, "routing is not the baseline model's from layer 1 on")

    def test_a_router_that_is_not_the_baselines(self):
        test = self.run_test("--baseline-model", self.random_model(), model=self.damaged("shuffle-router", "--layer", 0))
        self.assert_found(test, "routing is not the baseline model's from layer 0 on")


if __name__ == "__main__":
    main()
