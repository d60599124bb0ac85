from fault_case import FaultCase, main


class Specialisation(FaultCase):
    id = "3.2"
    plan = '''extends = "smoke"
[target]
device = "cpu"
threads = 1
[tests]
specialisation_questions = 4
specialisation_tokens = 12
'''

    def test_a_sound_model_that_says_nothing(self):
        test = self.run_test(model=self.random_model())
        self.assert_sound(test)
        self.assertNotIn("accuracy_science", test["metrics"])
        self.assertGreater(test["metrics"]["mixed_between"]["value"], 0.9)

    def test_a_router_that_ignores_its_input(self):
        test = self.run_test(model=self.damaged("blind-router", "--layer", 1))
        self.assert_found(test, "the router of layer 1 ignores its input")

    def test_a_sound_server(self):
        test = self.simulated(model=self.speaking_model())
        self.assert_sound(test)
        self.assertEqual(test["metrics"]["accuracy_literature"]["value"], 1)

    def test_a_server_that_loses_what_the_model_knows(self):
        test = self.simulated("ignorance", model=self.speaking_model())
        self.assert_found(test, "right answers are lost")


if __name__ == "__main__":
    main()
