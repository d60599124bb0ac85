from fault_case import FaultCase, main


class ExpertSpecialization(FaultCase):
    id = "S2"
    plan = '''extends = "smoke"
[target]
device = "cpu"
threads = 1
[tests]
specialisation_questions = 8
'''

    def test_a_sound_model_that_says_nothing(self):
        test = self.run_test(model=self.random_model())
        self.assert_sound(test)
        self.assertIn("subset_lead_p", test["metrics"])

    def test_a_router_that_ignores_its_input(self):
        test = self.run_test(model=self.damaged("blind-router", "--layer", 1))
        self.assert_found(test, "the router of layer 1 ignores its input")

    def test_a_sound_server(self):
        test = self.simulated()
        self.assert_sound(test)
        self.assertEqual(test["metrics"]["mixed_accuracy_literature"]["value"], 1)

    def test_wrong_answers_of_one_domain_beside_others(self):
        test = self.simulated("wrong answers on literature beside others")
        self.assert_found(test, "under the mix")
        self.assertEqual(test["metrics"]["alone_accuracy_literature"]["value"], 1)
        self.assertEqual(test["metrics"]["mixed_accuracy_science"]["value"], 1)

    def test_errors_beside_others(self):
        self.assert_found(self.simulated("refuses beside others"), "in 5 sessions, the request for")


if __name__ == "__main__":
    main()
