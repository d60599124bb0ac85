"""6.2: an oracle that knows the answers plays the baseline; the target is a sound one, or one with a fault."""

import json

from fault_case import FaultCase, main


class Reasoning(FaultCase):
    id = "6.2"

    def setUp(self):
        self.tasks = self.folder / "tasks.json"
        self.tasks.write_text(self.call("tasks", "--json", "--count", 10, "--difficulty", 1, "--seed", self.seed,
                                        expect=(0,)).stdout)
        self.options = f"--tasks {self.tasks}"

    def ask(self, tasks, fault=None, baseline=True):
        """`tasks` of each of the eight families; C++ takes the sandbox half a second for each."""
        plan = f"[tests]\nreasoning_families = []\nreasoning_tasks = {tasks}\nreasoning_tokens = 400\n"
        if not baseline:
            return self.simulated(fault, options=self.options, plan=plan)
        with self.baseline_server(self.options) as url:
            return self.simulated(fault, options=self.options, plan=plan, baseline=url)

    def test_a_sound_server(self):
        test = self.ask(10)  # 80 tasks: 73 pairs without a flip decide
        self.assert_sound(test)
        metrics = test["metrics"]
        self.assertEqual(metrics["task_accuracy"]["value"], 1)
        self.assertEqual(metrics["task_flips"]["value"], 0)
        self.assertGreater(metrics["task_outcomes_unflipped"]["ci"][0], 0.95)
        families = {task["family"] for task in json.loads(self.tasks.read_text())}
        self.assertEqual(len(families), 8)
        for family in families:  # also code and debugging: the sandbox works where this is run
            self.assertEqual(metrics[f"task_accuracy_{family}"]["n"], 10, family)

    def test_wrong_answers(self):
        test = self.ask(4, "wrong answers")
        self.assert_found(test, "solves less than the baseline")
        self.assertGreater(test["metrics"]["tasks_lost"]["value"], 6)

    def test_a_few_flips_are_no_damage(self):
        test = self.ask(4, "two wrong answers")
        self.assertEqual(test["verdict"], "INCONCLUSIVE", test["reason"])
        self.assertEqual(test["metrics"]["tasks_lost"]["value"], 2)

    def test_a_baseline_that_solves_nothing_proves_nothing(self):
        plan = "[tests]\nreasoning_families = []\nreasoning_tasks = 2\nreasoning_tokens = 400\n"
        with self.baseline_server() as url:  # without the answers
            test = self.simulated(plan=plan, baseline=url)
        self.assertEqual(test["verdict"], "INCONCLUSIVE", test["reason"])
        self.assertIn("has nothing to lose", test["reason"])

    def test_requests_that_fail(self):
        self.assert_found(self.ask(2, "some requests fail"), "requests failed")

    def test_without_a_baseline_nothing_passes(self):
        test = self.ask(2, baseline=False)
        self.assertEqual(test["verdict"], "INCONCLUSIVE", test["reason"])
        self.assertIn("no baseline", test["reason"])
        self.assertEqual(test["metrics"]["task_accuracy"]["value"], 1)

    def test_random_weights_are_not_judged(self):
        test = self.run_test("--device", "cpu", model=self.random_model())
        self.assertEqual(test["verdict"], "SKIPPED", test["reason"])


if __name__ == "__main__":
    main()
