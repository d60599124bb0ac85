"""Faults of a server's context, for 2.3 and S4. All count tokens exactly: `--gguf` names the model whose vocabulary they
count with."""

import os
import threading
import time

from faults import fault
from simulated_server import Server
from tiny_tokens import TinyTokens


@fault("no fault in the context")
class ExactServer(Server):
    """Sound. Prompts are bare texts, as /v1/completions gets them."""

    def __init__(self, options):
        super().__init__(options)
        self.tokens = TinyTokens(options.gguf)
        self.here = threading.local()

    def prompt_tokens(self, messages):
        return sum(self.tokens.count(message["content"]) for message in messages)

    def usage(self, prompt, generated):
        return {"prompt_tokens": prompt, **super().usage(prompt, generated)}

    def seconds_of_prefill(self, tokens):
        self.here.prompt = tokens  # of the request that this thread serves
        return super().seconds_of_prefill(tokens)


@fault("a context that crashes when it overflows")
class CrashesOnOverflow(ExactServer):
    def on_overflow(self, handler, tokens):
        os._exit(139)


@fault("a context that overflows with a 500")
class ServerErrorOnOverflow(ExactServer):
    def on_overflow(self, handler, tokens):
        handler.error(500, "internal error")


@fault("a context that hangs when it overflows")
class HangsOnOverflow(ExactServer):
    def on_overflow(self, handler, tokens):
        threading.Event().wait()


@fault("a context that is cut silently")
class CutsOnOverflow(ExactServer):
    """As Ollama does it: what does not fit is dropped from the front."""

    def generate(self, handler, body):
        prompt = body.get("prompt", "")
        while prompt and self.tokens.count(prompt) + 1 > self.context:
            prompt = prompt[max(1, len(prompt) // 50):]
        super().generate(handler, {**body, "prompt": prompt})


@fault("a server that is stuck after an overflow")
class StuckAfterOverflow(ExactServer):
    stuck = False

    def on_overflow(self, handler, tokens):
        super().on_overflow(handler, tokens)
        self.stuck = True

    def generate(self, handler, body):
        if self.stuck:
            return handler.error(503, "no slot available")
        super().generate(handler, body)


@fault("a context whose front half is dropped")
class DropsTheFrontHalf(ExactServer):
    """Longer prompts than this are read from their middle on."""

    def words(self, messages, max_tokens):
        seen = [{**m, "content": m["content"][len(m["content"]) // 2 if len(m["content"]) > 400 else 0:]}
                for m in messages]
        return super().words(seen, max_tokens)


@fault("a model too weak to answer")
class KnowsNothing(ExactServer):
    """No fault of the server: it reads all, and the model is too weak for the question."""

    def words(self, messages, max_tokens):
        return super().words([{**m, "content": m["content"][:40]} for m in messages], max_tokens)


@fault("decoding that slows down beyond linear")
class SlowsBeyondLinear(ExactServer):
    def seconds_per_token(self, index):
        return super().seconds_per_token(index) + 0.03 * (self.here.prompt / 500) ** 2


@fault("decoding that slows down linearly")
class SlowsLinearly(ExactServer):
    """What attention costs: no fault."""

    def seconds_per_token(self, index):
        return super().seconds_per_token(index) + 0.03 * self.here.prompt / 500


@fault("memory that grows beyond linear")
class HoardsBeyondLinear(ExactServer):
    """Its cache is as large as the largest context so far needs, and is given back when a short request comes."""

    def __init__(self, options):
        super().__init__(options)
        self.cache = bytearray()

    def seconds_of_prefill(self, tokens):
        size = int(200e6 * (tokens / 500) ** 2) if tokens > 32 else 0
        if size == 0 or size > len(self.cache):
            self.cache = bytearray()  # the old one goes before the new one comes
            self.cache = bytearray(b"x") * size
        return super().seconds_of_prefill(tokens)


@fault("memory that grows linearly")
class GrowsLinearly(HoardsBeyondLinear):
    """What a cache costs: no fault."""

    def seconds_of_prefill(self, tokens):
        size = int(200e6 * tokens / 500) if tokens > 32 else 0
        if size == 0 or size > len(self.cache):
            self.cache = bytearray()  # the old one goes before the new one comes
            self.cache = bytearray(b"x") * size
        return ExactServer.seconds_of_prefill(self, tokens)


@fault("memory that does not return")
class KeepsMemory(ExactServer):
    """Something of every long request."""

    def __init__(self, options):
        super().__init__(options)
        self.kept = []

    def seconds_of_prefill(self, tokens):
        if tokens > 32:
            self.kept.append(bytearray(b"x") * 25_000_000)
        return super().seconds_of_prefill(tokens)


@fault("a server that stays slow once it was full")
class StaysSlow(ExactServer):
    was_full = False

    def seconds_of_prefill(self, tokens):
        self.was_full = self.was_full or tokens > 400
        if self.was_full:
            time.sleep(0.15)
        return super().seconds_of_prefill(tokens)
