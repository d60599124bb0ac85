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


if __name__ == "__main__":
    main()
