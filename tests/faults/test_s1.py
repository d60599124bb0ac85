from fault_case import FaultCase, main


class Marathon(FaultCase):
    id = "S1"
    plan = """extends = "smoke"
[target]
context_tokens = 400
[tests]
marathon_seconds = 6.0
marathon_threads = 2
marathon_tokens = 16
marathon_checkpoint_seconds = 0.4
"""

    def test_a_sound_server(self):
        test = self.simulated()
        # Six seconds can't show that a server endures, only that nothing was found.
        self.assertEqual(test["verdict"], "INCONCLUSIVE", test["reason"])
        self.assertIn("takes", test["reason"])
        value = {name: metric["value"] for name, metric in test["metrics"].items()}
        self.assertEqual((value["requests_failed"], value["error_bursts"], value["server_deaths"]), (0, 0, 0))
        self.assertEqual(value["segments"], 1)
        self.assertGreater(value["conversations"], 4)
        self.assertAlmostEqual(value["active_hours"] * 3600, 6, delta=1)
        self.assertIn("own_private_bytes_per_hour", value)

    def test_a_leak(self):
        self.assert_found(self.simulated("marathon: leak"), "private memory grows by")

    def test_speed_that_decays(self):
        self.assert_found(self.simulated("marathon: speed decay"), "decode speed changes by -")

    def test_an_error_burst(self):
        self.assert_found(self.simulated("marathon: error burst"), "1 error burst")

    def test_a_server_that_dies(self):
        test = self.simulated("marathon: dies")
        self.assert_found(test, "the server died 4 times")
        self.assertLess(test["metrics"]["active_hours"]["value"] * 3600, 5.9, "it is given up after the fourth")


if __name__ == "__main__":
    main()
