"""OpenAI's own client for Python against a running server. Starts nothing: BASE_URL names the server."""

import os
import re
import time
import unittest
import urllib.request

import openai

BASE_URL = os.environ["BASE_URL"]
CLIENT = openai.OpenAI(base_url=f"{BASE_URL}/v1", api_key="none", max_retries=0)
MODEL = CLIENT.models.list().data[0].id
MESSAGES = [{"role": "user", "content": "Name three rivers."}]
GREEDY = {"model": MODEL, "messages": MESSAGES, "temperature": 0, "seed": 1, "max_tokens": 12}
FORCED = {"extra_body": {"ignore_eos": True}}


def metric(name):
    with urllib.request.urlopen(f"{BASE_URL}/metrics") as response:
        text = response.read().decode()
    return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE).group(1))


class Client(unittest.TestCase):
    def test_models(self):
        self.assertEqual(CLIENT.models.retrieve(MODEL).id, MODEL)

    def test_chat(self):
        reply = CLIENT.chat.completions.create(**GREEDY, **FORCED)
        self.assertEqual(reply.choices[0].message.role, "assistant")
        self.assertEqual(reply.choices[0].finish_reason, "length")
        self.assertEqual(reply.usage.completion_tokens, 12)
        self.assertEqual(reply.usage.total_tokens, reply.usage.prompt_tokens + 12)

    def test_stream_equals_whole(self):
        whole = CLIENT.chat.completions.create(**GREEDY)
        text, usage, reasons = "", None, []
        with CLIENT.chat.completions.create(
            **GREEDY, stream=True, stream_options={"include_usage": True}
        ) as stream:
            for chunk in stream:
                usage = chunk.usage or usage
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    reasons += [choice.finish_reason] if choice.finish_reason else []
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(reasons, [whole.choices[0].finish_reason])
        self.assertEqual(usage, whole.usage)

    def test_chat_logprobs(self):
        reply = CLIENT.chat.completions.create(**GREEDY, **FORCED, logprobs=True, top_logprobs=3)
        content = reply.choices[0].logprobs.content
        self.assertEqual(len(content), reply.usage.completion_tokens)
        for token in content:
            self.assertLessEqual(token.logprob, 0)
            self.assertEqual(len(token.top_logprobs), 3)

    def test_completion(self):
        reply = CLIENT.completions.create(
            model=MODEL, prompt="Once", temperature=0, max_tokens=5, logprobs=2
        )
        self.assertEqual(reply.object, "text_completion")
        self.assertEqual(len(reply.choices[0].logprobs.tokens), reply.usage.completion_tokens)
        self.assertEqual(len(reply.choices[0].logprobs.top_logprobs), reply.usage.completion_tokens)

    def test_completion_of_tokens(self):
        reply = CLIENT.completions.create(model=MODEL, prompt=[5, 6, 7], temperature=0, max_tokens=3)
        self.assertEqual(reply.usage.prompt_tokens, 3)

    def test_errors(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            CLIENT.chat.completions.create(**{**GREEDY, "model": "no-such-model"})
        self.assertEqual(raised.exception.code, "model_not_found")
        with self.assertRaises(openai.BadRequestError) as raised:
            CLIENT.chat.completions.create(**{**GREEDY, "temperature": 9})
        self.assertEqual(raised.exception.param, "temperature")
        with self.assertRaises(openai.BadRequestError) as raised:
            CLIENT.chat.completions.create(**{**GREEDY, "max_tokens": 10_000_000})
        self.assertEqual(raised.exception.code, "context_length_exceeded")
        self.assertRegex(str(raised.exception), r"maximum context length is \d+ tokens")
        with self.assertRaises(openai.NotFoundError):
            CLIENT.models.retrieve("no-such-model")

    def test_abort_frees_the_slot(self):
        arguments = {**GREEDY, "max_tokens": 8000}
        stream = CLIENT.chat.completions.create(**arguments, **FORCED, stream=True)
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                break
        self.assertEqual(metric("moestress_slots_busy"), 1)
        stream.close()
        until = time.monotonic() + 1
        while metric("moestress_slots_busy") > 0:
            self.assertLess(time.monotonic(), until, "the slot is still busy after a second")


if __name__ == "__main__":
    unittest.main(verbosity=2)
