"""6.1 with a sound model and with one that has a damaged expert; and the facts and texts of a server of another kind."""

from fault_case import FaultCase, main


class Consistency(FaultCase):
    id = "6.1"
    plan = ('extends = "smoke"\n[target]\ndevice = "cpu"\nthreads = 1\n[tests]\nconsistency_prompts = 16\n'
            'consistency_tokens = 16\n')

    def test_a_sound_model(self):
        test = self.run_test("--baseline-model", self.random_model(), model=self.model)
        self.assert_sound(test)
        self.assertEqual(test["metrics"]["experts_damaged"]["value"], 0)

    def test_without_a_gpu_and_another_file_nothing_passes(self):
        test = self.run_test(model=self.random_model())
        self.assertEqual(test["verdict"], "INCONCLUSIVE", test["reason"])
        self.assertIn("both sides are this CPU with the same file", test["reason"])

    def test_a_zeroed_expert(self):
        faulty = self.folder / "faulty.gguf"
        self.call("forge", "--fault", "zero-expert", "-m", self.random_model(), "--layer", 0, "--expert", 1, "-o", faulty,
                  expect=(0,))
        self.assert_found(self.run_test("--baseline-model", self.random_model(), model=faulty))


class OverHttp(FaultCase):
    """A server of another kind, beside one that plays GPU-only: PASS can't be given, but lost facts are found."""

    id = "6.1"
    plan = 'extends = "smoke"\n[tests]\nconsistency_facts = 48\nconsistency_tokens = 16\n'

    def test_a_sound_server(self):
        with self.baseline_server() as url:
            test = self.simulated(baseline=url)
        self.assertEqual(test["verdict"], "INCONCLUSIVE", test["reason"])
        self.assertEqual(test["metrics"]["ab_text_identical"]["value"], 1)
        self.assertEqual(test["metrics"]["fact_accuracy_baseline"]["value"], 1)
        self.assertEqual(test["metrics"]["ab_fact_flips"]["value"], 0)

    def test_a_server_that_forgets_facts(self):
        with self.baseline_server() as url:
            self.assert_found(self.simulated("wrong answers", baseline=url), "facts")


if __name__ == "__main__":
    main()
