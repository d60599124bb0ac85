from fault_case import FaultCase, main

# Prompts in some 200 ms: latencies that a busy machine's clock can be held to.
SLOW = "--tok-s 60 --prefill-tok-s 250"


class ProductionLoad(FaultCase):
    id = "S3"
    plan = """extends = "smoke"
[target]
slots = 5
[tests]
production_tokens = 16
production_ttft_ms_max = 1500.0
production_tpot_ms_max = 60.0
production_search_steps = 2
"""

    # Enough requests for an interval that holds 90 %.
    enough = "production_seconds = 1.5\n"

    def test_a_sound_server(self):
        test = self.simulated(options=SLOW, plan=self.enough)
        self.assert_sound(test)
        # Five slots, each some 200 ms of prompt and 6 tokens of 17 ms: about 16 requests a second.
        self.assertGreater(test["metrics"]["rate_max_per_s"]["value"], 5)
        self.assertLess(test["metrics"]["rate_max_per_s"]["value"], 60)

    def test_a_server_that_says_when_it_is_full(self):
        test = self.simulated("answers 503 when all slots are taken", options=SLOW)
        self.assertIn(test["verdict"], ("PASS", "INCONCLUSIVE"), test["reason"])
        self.assertGreater(test["metrics"]["requests_failed"]["value"], 0)

    def test_requests_refused_one_at_a_time(self):
        self.assert_found(self.simulated("refuses one request in three", options=SLOW), "well below capacity")

    def test_errors_one_at_a_time(self):
        self.assert_found(self.simulated("answers one request in five with 500", options=SLOW), "http_5xx")

    def test_a_server_that_freezes(self):
        self.assert_found(self.simulated("freezes for three seconds of every six", options=SLOW,
                                         plan="production_seconds = 12.0\n"), "are in time")

    def test_a_server_that_stays_slow(self):
        self.assert_found(self.simulated("stays slow after a burst", options=SLOW), "does not recover")

    def test_a_server_that_dies(self):
        self.assert_found(self.simulated("dies of a burst", options=SLOW), "died")


if __name__ == "__main__":
    main()
