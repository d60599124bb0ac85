"""Faults of the API under stress (4.2), of loading (1.1, 1.3) and of serving several sessions (2.2)."""

import json
import os
import socket
import threading

from faults import fault
from simulated_server import Server


@fault("500 on bad JSON")
class ServerErrorOnBadJson(Server):
    def on_malformed(self, handler, error):
        handler.error(500, f"internal error: {error}")


@fault("dies of deep JSON")
class DiesOfDeepJson(Server):
    def parse(self, raw, chat):
        if b"[" * 1000 in raw:
            os._exit(139)
        return super().parse(raw, chat)


@fault("accepts missing messages")
class AcceptsMissingMessages(Server):
    def parse(self, raw, chat):
        body = json.loads(raw)
        if isinstance(body, dict) and not {"messages", "prompt"} & body.keys():
            return dict(body, messages=[{"role": "user", "content": ""}])
        return super().parse(raw, chat)


@fault("never answers bad JSON")
class SilentOnBadJson(Server):
    def on_malformed(self, handler, error):
        if not isinstance(error, json.JSONDecodeError):
            return super().on_malformed(handler, error)
        threading.Event().wait()


@fault("keeps the slot of a client that hung up")
class KeepsSlot(Server):
    def __init__(self, options):
        super().__init__(options)
        release = self.slots.release
        self.slots.release = lambda: getattr(threading.current_thread(), "hung_up", False) or release()

    def on_hang_up(self):
        threading.current_thread().hung_up = True


@fault("cuts every third stream")
class CutsStreams(Server):
    streams = 0

    def stream(self, handler, chat, tokens, *rest):
        with self.lock:
            self.streams += 1
            cut = self.streams % 3 == 0
        if not cut:
            return super().stream(handler, chat, tokens, *rest)
        handler.begin_stream()
        handler.piece(self.event(chat, tokens[0]))
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)


@fault("one slow reader stalls all")
class OneWriter(Server):
    """All replies are written by one writer, which waits until the client has taken what it was given."""

    def __init__(self, options):
        super().__init__(options)
        self.writer = threading.Lock()

    def stream(self, handler, *rest):
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        write = handler.piece

        def write_alone(text):
            with self.writer:
                write(text)
        handler.piece = write_alone
        super().stream(handler, *rest)


@fault("holds far more memory than it says")
class HoldsMemory(Server):
    def before_listening(self):
        self.held = bytearray(b"\1") * (700 << 20)


class CountsRunning(Server):
    """Knows how many requests it has in hand."""

    running = 0

    def generate(self, handler, body):
        with self.lock:
            self.running += 1
            threading.current_thread().company = self.running
        try:
            self.generate_in_company(handler, body)
        finally:
            with self.lock:
                self.running -= 1

    def generate_in_company(self, handler, body):
        super().generate(handler, body)


@fault("text leaks between sessions")
class CrossTalk(CountsRunning):
    said_last = None

    def words(self, messages, max_tokens):
        own = super().words(messages, max_tokens)
        with self.lock:
            others, self.said_last = self.said_last, own
            beside = self.running > 1
        if beside and others and len(own) > 4:
            own = own[:4] + others[:1] + own[5:]
        return own

    def event(self, chat, text=None, finish=None, usage=None, **more):
        """With log probabilities that leave no doubt about any token."""
        event = json.loads(super().event(chat, text, finish, usage, **more)[len("data: "):])
        if text:
            sure = [{"token": text, "logprob": -0.01}, {"token": " never", "logprob": -7.0}]
            event["choices"][0]["logprobs"] = {"content": [dict(sure[0], top_logprobs=sure)]}
        return f"data: {json.dumps(event)}\n\n"


@fault("starves the second of several sessions")
class Starves(CountsRunning):
    def seconds_per_token(self, index):
        return (8 if threading.current_thread().company == 2 else 1) / self.tok_s


@fault("serves the second of several sessions last")
class ServesLast(CountsRunning):
    def seconds_of_prefill(self, tokens):
        return super().seconds_of_prefill(tokens) + (3 if threading.current_thread().company == 2 else 0)


@fault("gets slower in all with each session")
class Thrashes(CountsRunning):
    def seconds_per_token(self, index):
        return max(1, self.running) ** 1.5 / self.tok_s


@fault("fails when three requests run")
class FailsInCompany(CountsRunning):
    def generate_in_company(self, handler, body):
        if self.running >= 3:
            return handler.error(500, "out of memory")
        super().generate_in_company(handler, body)
