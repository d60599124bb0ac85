from fault_case import FaultCase, main

SOUND = "no fault in the context"


class Context(FaultCase):
    id = "2.3"
    plan = """extends = "smoke"
[target]
context_tokens = 512
[tests]
context_fractions = [0.25, 0.4, 0.55, 0.7, 0.85, 1.0]
context_needle_depths = [0.0, 0.3, 0.6, 0.9]
context_reply_tokens = 8
"""

    def context(self, fault, context=512, plan="", model=None):
        options = f"--gguf {self.random_model()} --context {context} --prefill-tok-s 4000"
        return self.simulated(fault, options, plan, model)

    def test_a_sound_server(self):
        test = self.context(SOUND)
        self.assert_sound(test)
        self.assertIn("24 of 24 needles are recalled", test["reason"])
        self.assertEqual(test["metrics"]["overflow_http_status"]["value"], 400)
        self.assertEqual(test["metrics"]["prompt_tokens_max"]["value"], 512 - 8)

    def test_a_model_too_weak_for_the_question_is_no_fault(self):
        test = self.context("a model too weak to answer")
        self.assert_sound(test)
        self.assertIn("recall is not decided", test["reason"])

    def test_a_model_of_random_weights_is_not_asked(self):
        test = self.context(SOUND, model=self.random_model())
        self.assert_sound(test)
        self.assertNotIn("recall_share", test["metrics"])

    def test_a_crash_on_overflow(self):
        self.assert_found(self.context("a context that crashes when it overflows"), "the server died")

    def test_a_500_on_overflow(self):
        self.assert_found(self.context("a context that overflows with a 500"), "http_5xx")

    def test_a_silent_cut_on_overflow(self):
        self.assert_found(self.context("a context that is cut silently"), "as if nothing were wrong")

    def test_a_larger_context_than_the_plan_says_is_no_cut(self):
        test = self.context(SOUND, context=4096)
        self.assertEqual(test["verdict"], "INCONCLUSIVE", test["reason"])
        self.assertIn("set target.context_tokens", test["reason"])

    def test_a_smaller_context_than_it_should_have(self):
        self.assert_found(self.context(SOUND, context=400), "which fits")

    def test_no_recovery_from_an_overflow(self):
        self.assert_found(self.context("a server that is stuck after an overflow"), "does not recover")

    def test_a_dropped_front_half(self):
        self.assert_found(self.context("a context whose front half is dropped"), "in the front half of the text")


if __name__ == "__main__":
    main()
