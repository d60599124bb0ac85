"""The simulated server with one fault each. The name of a fault is its key in FAULTS."""

import os
import random
import threading
import time
import zlib

import brains
from simulated_server import Server

FAULTS = {}


def fault(name):
    def register(kind):
        FAULTS[name] = kind
        return kind
    return register


class Doubtful(Server):
    """Of what it knows it gets some wrong."""

    def forgets(self, question):
        raise NotImplementedError

    def words(self, messages, max_tokens):
        question = messages[-1]["content"]
        if brains.answer_of(question) is not None and self.forgets(question):
            return [" I", " can", " not", " say", "."][:max_tokens]
        return super().words(messages, max_tokens)


@fault("wrong answers")
class WrongAnswers(Doubtful):
    """Three of ten, always the same."""

    def forgets(self, question):
        return zlib.crc32(question.encode()) % 10 < 3


@fault("two wrong answers")
class TwoWrongAnswers(Doubtful):
    """The first two that it is asked."""

    def forgets(self, question):
        with self.lock:
            self.requests += 1
            return self.requests <= 2


@fault("some requests fail")
class SomeFail(Server):
    def generate(self, handler, body):
        with self.lock:
            self.requests += 1
            failing = self.requests % 10 == 0
        if failing:
            return handler.error(500, "no more today")
        super().generate(handler, body)


@fault("wrong usage count")
class WrongUsage(Server):
    def claimed_tokens(self, generated):
        return generated + 7


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
        return (1 + (time.monotonic() - self.started) / 2) / self.tok_s


@fault("marathon: error burst")
class ErrorBurst(Server):
    def generate(self, handler, body):
        if 3 < time.monotonic() - self.started < 5:
            return handler.error(500, "out of order")
        return super().generate(handler, body)


@fault("marathon: dies")
class Dies(Server):
    def after_request(self):
        with self.lock:
            self.requests += 1
            if self.requests == 12:
                os._exit(7)
class CountsRequests(Server):
    """Knows how many requests it serves at once."""

    def __init__(self, options):
        super().__init__(options)
        self.at_once = 0

    def generate(self, handler, body):
        with self.lock:
            self.requests += 1
            self.at_once += 1
            at_once = self.at_once
        try:
            self.arrived(at_once)
            super().generate(handler, body)
        finally:
            with self.lock:
                self.at_once -= 1

    def arrived(self, at_once):
        """A request more; `at_once` with it."""


@fault("refuses one request in three")
class RefusesSome(CountsRequests):
    def generate(self, handler, body):
        if self.requests % 3 == 2:
            self.requests += 1
            return handler.error(503, "busy")
        super().generate(handler, body)


@fault("answers one request in five with 500")
class FailsSome(CountsRequests):
    def generate(self, handler, body):
        if self.requests % 5 == 4:
            self.requests += 1
            return handler.error(500, "out of luck")
        super().generate(handler, body)


@fault("answers 503 when all slots are taken")
class SaysWhenFull(CountsRequests):
    """No fault: what a server under more load than it can serve should say."""

    def __init__(self, options):
        super().__init__(options)
        self.slots_count = options.slots

    def generate(self, handler, body):
        if self.at_once >= self.slots_count:
            return handler.error(503, "all slots are taken")
        super().generate(handler, body)


@fault("freezes for three seconds of every six")
class Freezes(Server):
    def seconds_of_prefill(self, tokens):
        return super().seconds_of_prefill(tokens) + max(0, 3 - (time.monotonic() - self.started) % 6)


@fault("stays slow after a burst")
class StaysSlow(CountsRequests):
    slow = 1

    def arrived(self, at_once):
        if at_once > 6:
            self.slow = 3

    def seconds_of_prefill(self, tokens):
        return self.slow * super().seconds_of_prefill(tokens)


@fault("dies of a burst")
class DiesOfBurst(CountsRequests):
    def arrived(self, at_once):
        if at_once > 6:
            os._exit(3)


@fault("keeps memory of each request")
class Leaks(Server):
    kept = []

    def after_request(self):
        self.kept.append(b"x" * 200_000)


@fault("keeps memory of each load")
class KeepsLoad(CountsRequests):
    kept = []

    def arrived(self, at_once):
        if at_once > 3:
            self.kept.append(b"x" * 40_000_000)


@fault("stalls at every fifteenth token")
class Stalls(Server):
    def seconds_per_token(self, index):
        return super().seconds_per_token(index) + (0.3 if index % 15 == 14 else 0)


class KnowsPrompt(Server):
    """A token's time may depend on the prompt's length."""

    def __init__(self, options):
        super().__init__(options)
        self.of_thread = threading.local()

    def seconds_of_prefill(self, tokens):
        self.of_thread.prompt = tokens
        return super().seconds_of_prefill(tokens)


@fault("slows down with the square of the context")
class SlowsDown(KnowsPrompt):
    def seconds_per_token(self, index):
        return super().seconds_per_token(index) * (1 + (self.of_thread.prompt / 80) ** 2)


@fault("says that a tenth of the time was for the prompt")
class ClaimsTenth(Server):
    """As shimmy's published figures had it."""

    def timings(self, prompt_s, decode_s):
        return super().timings(0.1 * (prompt_s + decode_s), 0.9 * (prompt_s + decode_s))


@fault("says that it decodes three times as fast")
class ClaimsFast(Server):
    def timings(self, prompt_s, decode_s):
        return super().timings(prompt_s, decode_s / 3)
def past(messages, turns):
    """Whether more than so many user turns have been."""
    return sum(message["role"] == "user" for message in messages) > turns


@fault("forgotten context")
class ForgottenContext(Server):
    """All but the last two turns are dropped before the model sees them."""

    def words(self, messages, max_tokens):
        return super().words(messages[-3:] if past(messages, 3) else messages, max_tokens)


@fault("lost turn")
class LostTurn(Server):
    """A long conversation loses its second exchange."""

    def kept(self, messages):
        return messages[:3] + messages[5:] if past(messages, 5) else messages

    def words(self, messages, max_tokens):
        return super().words(self.kept(messages), max_tokens)

    def claimed_prompt_tokens(self, messages):
        return self.prompt_tokens(self.kept(messages))


@fault("stale values")
class StaleValues(Server):
    """What a conversation tells anew never arrives."""

    def words(self, messages, max_tokens):
        if past(messages, 3):
            messages = [message for message in messages if " is now " not in message["content"]]
        return super().words(messages, max_tokens)


@fault("mixed sessions")
class MixedSessions(Server):
    """Now and then a question is answered from the history of another conversation that goes on beside it."""

    def __init__(self, options):
        super().__init__(options)
        self.histories = {}

    def words(self, messages, max_tokens):
        if not past(messages, 4):
            return super().words(messages, max_tokens)
        key = messages[1]["content"]
        with self.lock:
            self.requests += 1
            others = [history for other, history in self.histories.items() if other != key]
            self.histories[key] = messages
            mixed = self.requests % 3 == 0 and others
        return super().words(others[0][:-1] + messages[-1:] if mixed else messages, max_tokens)


@fault("no abstention")
class NoAbstention(Server):
    """In a long conversation it makes up what it was not told."""

    def words(self, messages, max_tokens):
        said = super().words(messages, max_tokens)
        return [" It", " is", " Marek."] if past(messages, 3) and "not told" in "".join(said) else said


@fault("stream broken off")
class BrokenStream(Server):
    """One reply in the middle of a conversation breaks off."""

    def stream(self, handler, chat, tokens, finish, usage):
        with self.lock:
            self.requests += 1
            broken = self.requests == 33
        if not broken:
            return super().stream(handler, chat, tokens, finish, usage)
        handler.begin_stream()
        handler.piece(self.event(chat, tokens[0]))
        handler.close_connection = True


@fault("slow long prompts")
class SlowLongPrompts(Server):
    """No fault: prefill takes more than in proportion to the prompt."""

    def seconds_of_prefill(self, tokens):
        return super().seconds_of_prefill(tokens) * (1 + tokens / 500)


@fault("text in a loop")
class LoopingText(Server):
    """After a good beginning the text says the same few words again and again."""

    def words(self, messages, max_tokens):
        said = super().words(messages, max_tokens)
        loop = [" round", " and"] if " round" in said else said[:3]
        return [said[i] if i < 150 else loop[i % len(loop)] for i in range(len(said))]


@fault("text getting poorer")
class PoorerText(Server):
    """It draws its words from ever fewer the longer a reply gets, and never quite loops."""

    def words(self, messages, max_tokens):
        said = super().words(messages, max_tokens)
        source = random.Random(1)
        return [word if i < 300 else " " + source.choice(["the", "and", "old"]) for i, word in enumerate(said)]


@fault("slower along a reply")
class SlowerAlongReply(Server):
    def seconds_per_token(self, index):
        return super().seconds_per_token(index) * (1 + index / 300)


@fault("slower with context")
class SlowerWithContext(Server):
    """No fault: a token costs more the more tokens are before it, whoever wrote them."""

    thread = threading.local()

    def prompt_tokens(self, messages):
        self.thread.prompt = super().prompt_tokens(messages)
        return self.thread.prompt

    def seconds_per_token(self, index):
        return super().seconds_per_token(index) * (1 + (self.thread.prompt + index) / 600)


@fault("early stop")
class EarlyStop(Server):
    """It generates two thirds of what was asked for and says that it was all."""

    def stream(self, handler, chat, tokens, finish, usage):
        super().stream(handler, chat, tokens[:len(tokens) * 2 // 3], finish, usage)


@fault("leak while generating")
class LeakingGeneration(Server):
    kept = []

    def after_request(self):
        self.kept.append(b"\x01" * 4_000_000)


import context_faults  # noqa: E402,F401  registers its own
import faults_api  # noqa: E402,F401  registers its own
