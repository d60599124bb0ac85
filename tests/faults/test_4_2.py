from fault_case import FaultCase, main


class ApiStress(FaultCase):
    id = "4.2"

    def server(self, fault=None, prefill_tok_s=1000):
        return self.simulated(fault, options=f"--prefill-tok-s {prefill_tok_s} --context 512")

    def test_a_sound_server(self):
        # Slow, so that the client's own lag is little beside it.
        self.assert_sound(self.server(prefill_tok_s=100))

    def test_moestress_serve(self):
        # So much context that a reply is far from its end when its client hangs up.
        test = self.run_test("--device", "cpu", "--threads", "1", "--ctx", "32768", model=self.random_model())
        # It answers in so few milliseconds that the client's own lag may make its times invalid.
        self.assertIn(test["verdict"], ("PASS", "INVALID"), test["reason"])
        self.assertLessEqual(test["metrics"]["slot_freed_ms_max"]["value"],
                             test["metrics"]["slot_freed_ms_allowed"]["value"])
        self.assertEqual(test["metrics"]["health_checks_ok"]["value"], test["metrics"]["health_checks_ok"]["n"])
        self.assertEqual(test["metrics"]["misuse_faults"]["value"], 0)

    def test_a_server_error_for_bad_json(self):
        self.assert_found(self.server("500 on bad JSON"), "misuse \"bad JSON\"")

    def test_a_crash_by_deep_json(self):
        test = self.server("dies of deep JSON")
        self.assert_found(test, "misuse \"deeply nested JSON\"")
        self.assertTrue(any("ended the server" in finding["text"] for finding in test["findings"]), test["findings"])
        self.assertEqual(test["metrics"]["health_checks_ok"]["value"], test["metrics"]["health_checks_ok"]["n"] - 1)

    def test_missing_messages_accepted(self):
        self.assert_found(self.server("accepts missing messages"), "was accepted with status 200")

    def test_a_slot_that_is_kept(self):
        self.assert_found(self.server("keeps the slot of a client that hung up"), "slots are not freed")

    def test_streams_that_are_cut(self):
        self.assert_found(self.server("cuts every third stream"), "a well-formed request over")

    def test_a_slow_reader_that_stalls_all(self):
        self.assert_found(self.server("one slow reader stalls all"), "slow readers stalled another client")


if __name__ == "__main__":
    main()
