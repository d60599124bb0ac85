from fault_case import FaultCase, main


class Memory(FaultCase):
    id = "5.1"
    plan = """extends = "smoke"
[tests]
memory_requests = 12
memory_idle_seconds = 0.5
memory_sessions = [1, 5]
"""

    def test_a_sound_server(self):
        self.assert_sound(self.simulated())

    def test_the_engine(self):
        test = self.run_test("--device", "cpu", model=self.random_model())
        self.assert_sound(test)
        self.assertIn("private_bytes_peak_s5_c64", test["metrics"])
        self.assertIn("page_cache_model_bytes", test["metrics"])

    def test_a_leak_of_each_request(self):
        self.assert_found(self.simulated("keeps memory of each request"), "bytes a request")

    def test_memory_that_stays_after_load(self):
        test = self.simulated("keeps memory of each load")
        self.assert_found(test, "memory does not come back")
        self.assertTrue(any("a leak, since each load" in finding["text"] for finding in test["findings"]))


if __name__ == "__main__":
    main()
