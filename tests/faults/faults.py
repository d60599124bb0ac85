"""The simulated server with one fault each. The name of a fault is its key in FAULTS."""

import brains
import os
import time

from simulated_server import Server

FAULTS = {}


def fault(name):
    def register(kind):
        FAULTS[name] = kind
        return kind
    return register


@fault("wrong usage count")
class WrongUsage(Server):
    def claimed_tokens(self, generated):
        return generated + 7


import context_faults  # noqa: E402,F401  registers its own
@fault("ignorance")
class Ignorant(Server):
    """Says something else than the model would."""

    def words(self, messages, max_tokens):
        return [" The", " answer", " is", " not", " known", "."][:max_tokens]


class Crowded(Server):
    """Knows how many requests it works on."""

    def __init__(self, options):
        super().__init__(options)
        self.at_work = 0

    def generate(self, handler, body):
        with self.lock:
            self.at_work += 1
        try:
            self.generate_among(self.at_work, handler, body)
        finally:
            with self.lock:
                self.at_work -= 1

    def generate_among(self, at_work, handler, body):
        super().generate(handler, body)


@fault("wrong answers on literature beside others")
class ForgetsBesideOthers(Crowded):
    def words(self, messages, max_tokens):
        subject, _ = brains.known_answers().get(messages[-1]["content"], ("", ""))
        if self.at_work > 1 and subject == "literature":
            return [" The", " answer", " is", " not", " known", "."][:max_tokens]
        return super().words(messages, max_tokens)


@fault("refuses beside others")
class RefusesBesideOthers(Crowded):
    def generate_among(self, at_work, handler, body):
        if at_work > 1:
            return handler.error(503, "busy")
        super().generate_among(at_work, handler, body)
@fault("marathon: leak")
class LeakPerRequest(Server):
    def after_request(self):
        with self.lock:
            self.leaked = getattr(self, "leaked", []) + [b"x" * (3 << 20)]


@fault("marathon: speed decay")
class SpeedDecay(Server):
    def seconds_per_token(self, index):
        return (1 + (time.monotonic() - self.started) / 3) / self.tok_s


@fault("marathon: error burst")
class ErrorBurst(Server):
    def generate(self, handler, body):
        if 4 < time.monotonic() - self.started < 7:
            return handler.error(500, "out of order")
        return super().generate(handler, body)


@fault("marathon: dies")
class Dies(Server):
    def after_request(self):
        with self.lock:
            self.requests += 1
            if self.requests == 20:
                os._exit(7)
