from fault_case import FaultCase, main


class Conversation(FaultCase):
    id = "4.1"

    def held(self, fault=None, count=10, context=4096, prefill_tok_s=20000):
        plan = f"""[target]
slots = 5
context_tokens = {context}
[tests]
conversation_count = {count}
conversation_turns = 12
conversation_tokens = 24
"""
        return self.simulated(fault, f"--claim-prompt --tok-s 1000 --prefill-tok-s {prefill_tok_s}", plan=plan)

    def test_a_sound_server(self):
        test = self.held(prefill_tok_s=600)
        self.assert_sound(test)
        for share in ("told_share", "updated_share", "follow_up_share", "abstention_share", "early_late_same_share"):
            self.assertEqual(test["metrics"][share]["value"], 1, share)

    def test_a_slow_server_is_sound(self):
        self.assert_sound(self.held("slow long prompts", prefill_tok_s=1000))

    def test_too_few_questions_decide_nothing(self):
        test = self.held(count=1)
        self.assertEqual(test["verdict"], "INCONCLUSIVE", test["reason"])
        self.assertIn("raise conversation_count", test["reason"])

    def test_fewer_turns_where_the_context_is_small_and_it_says_so(self):
        test = self.held(context=512)
        self.assertLess(test["metrics"]["conversation_turns"]["value"], 12)
        self.assertIn("raise target.context_tokens", "".join(finding["text"] for finding in test["findings"]))

    def test_a_forgotten_context(self):
        self.assert_found(self.held("forgotten context"), "questions on what was told")

    def test_a_lost_turn(self):
        self.assert_found(self.held("lost turn"), "lacks earlier turns")

    def test_stale_values(self):
        test = self.held("stale values")
        self.assert_found(test, "what was told anew")
        self.assertEqual(test["metrics"]["stale_share"]["value"], 1)

    def test_mixed_sessions(self):
        self.assert_found(self.held("mixed sessions", prefill_tok_s=600), "cross-talk")

    def test_no_abstention(self):
        self.assert_found(self.held("no abstention"), "what was never told")

    def test_a_stream_broken_off(self):
        self.assert_found(self.held("stream broken off"), "turn")


if __name__ == "__main__":
    main()
