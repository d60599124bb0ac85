from fault_case import FaultCase, main

SOUND = "no fault in the context"


class Saturation(FaultCase):
    id = "S4"
    plan = """extends = "smoke"
[target]
context_tokens = 512
[tests]
saturation_steps = 6
saturation_reply_tokens = 8
"""

    def saturate(self, fault, context=512):
        return self.simulated(fault, f"--gguf {self.random_model()} --context {context} --prefill-tok-s 4000")

    def test_a_sound_server(self):
        test = self.saturate(SOUND)
        self.assert_sound(test)
        self.assertEqual(test["metrics"]["overflow_http_status"]["value"], 400)

    def test_growth_in_proportion_is_no_fault(self):
        for fault in ("decoding that slows down linearly", "memory that grows linearly"):
            self.assert_sound(self.saturate(fault))

    def test_an_error_before_the_limit(self):
        self.assert_found(self.saturate(SOUND, context=400), "before the limit")

    def test_an_overflow_that_is_not_clean(self):
        self.assert_found(self.saturate("a context that overflows with a 500"), "http_5xx")
        self.assert_found(self.saturate("a context that is cut silently"), "as if nothing were wrong")

    def test_memory_beyond_linear(self):
        self.assert_found(self.saturate("memory that grows beyond linear"), "memory grows beyond linear")

    def test_memory_that_does_not_return(self):
        self.assert_found(self.saturate("memory that does not return"), "memory does not return")

    def test_decoding_beyond_linear(self):
        self.assert_found(self.saturate("decoding that slows down beyond linear"), "slows down beyond linear")

    def test_a_server_that_stays_slow(self):
        self.assert_found(self.saturate("a server that stays slow once it was full"), "no recovery")


if __name__ == "__main__":
    main()
