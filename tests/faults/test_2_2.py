from fault_case import FaultCase, main


class Concurrency(FaultCase):
    id = "2.2"

    def server(self, fault=None, prefill_tok_s=1000, tok_s=60, rounds=1, tokens=16):
        plan = f"[tests]\nconcurrency_rounds = {rounds}\nconcurrency_tokens = {tokens}\n"
        return self.simulated(fault, f"--tok-s {tok_s} --prefill-tok-s {prefill_tok_s}", plan)

    def test_a_sound_server(self):
        # Slow, so that the client's own lag is little beside it; C5 takes some replies for its intervals.
        self.assert_sound(self.server(prefill_tok_s=100, tok_s=150, rounds=3, tokens=24))
        self.assertEqual(self.criteria["C5"]["verdict"], "PASS", self.criteria["C5"])

    def test_cross_talk(self):
        self.assert_found(self.server("text leaks between sessions"), "cross-talk")

    def test_a_session_that_decodes_slowly(self):
        self.assert_found(self.server("starves the second of several sessions"), "a session was starved")

    def test_a_session_that_is_served_last(self):
        self.assert_found(self.server("serves the second of several sessions last"), "a session was starved")

    def test_slower_in_all_with_each_session(self):
        self.server("gets slower in all with each session", prefill_tok_s=400, tok_s=150, rounds=3, tokens=64)
        self.assertEqual(self.criteria["C5"]["verdict"], "FAIL", self.criteria["C5"])

    def test_errors_in_company(self):
        self.assert_found(self.server("fails when three requests run"), "at 3 sessions a request")
        self.assertEqual(self.criteria["C5"]["verdict"], "FAIL", self.criteria["C5"])


if __name__ == "__main__":
    main()
