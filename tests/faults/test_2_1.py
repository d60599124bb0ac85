from fault_case import FaultCase, main


class LongForm(FaultCase):
    id = "2.1"

    def generated(self, fault=None, lengths=range(240, 245), seconds=0, tok_s=400):
        plan = f"""[tests]
long_form_tokens = {list(lengths)}
long_form_seconds = {seconds}
"""
        return self.simulated(fault, f"--tok-s {tok_s} --prefill-tok-s 1000", plan=plan)

    def test_a_sound_server(self):
        test = self.generated(lengths=(240, 241, 242, 800, 801, 802))
        self.assert_sound(test)
        self.assertEqual(test["metrics"]["text_loops"]["value"], 0)
        self.assertEqual(test["metrics"]["completion_tokens_max"]["value"], 802)

    def test_a_server_whose_speed_the_context_explains(self):
        test = self.generated("slower with context", tok_s=300)
        self.assert_sound(test)
        self.assertLess(test["metrics"]["decode_tok_s_change_in_reply_percent"]["ci"][1], -5)

    def test_text_in_a_loop(self):
        self.assert_found(self.generated("text in a loop"), "loop")

    def test_text_getting_poorer(self):
        self.assert_found(self.generated("text getting poorer", lengths=(800, 801, 802), tok_s=1000), "degenerates")

    def test_speed_that_falls_along_a_reply(self):
        self.assert_found(self.generated("slower along a reply"), "slower than the first")

    def test_an_early_stop(self):
        self.assert_found(self.generated("early stop", tok_s=1000), "tokens were asked for")

    def test_a_leak_while_generating(self):
        self.assert_found(self.generated("leak while generating", lengths=[64], seconds=12, tok_s=1000),
                          "private memory grows")

    def test_a_reply_longer_than_the_model_can_hold_is_said(self):
        test = self.simulated(options="--tok-s 5000", plan="[tests]\nlong_form_tokens = [5000]\n", model=self.random_model("deepseek"))
        said = "".join(finding["text"] for finding in test["findings"])
        self.assertIn("a reply of 5000 tokens is asked for by the plan; the model was trained for a context of 4096", said)


if __name__ == "__main__":
    main()
