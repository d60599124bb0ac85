"""A server that speaks OpenAI's API without a model, sound or with one fault, for the tests of moestress' own tests.

Usage: simulated_server.py PORT [--fault NAME] [OPTION]… (-h lists them)

It answers in words that are one token each in the vocabulary of `moestress forge --size tiny`, so that its token counts
are exact. What it says is up to its brain (brains.py); each fault (faults.py) overrides one of the hooks of Server.
Only the standard library.
"""

import argparse
import http.server
import json
import pathlib
import random
import re
import threading
import time

WORDS = """the and that number for part return numbers you are people they this than about other first one word list who
there she sum some function car can name not result self What answer work does time value from two them slow would
will were fast came less total day into before how hour year sea model has have step help travel energy config new largest
said miles experts sugar until small oxygen price book machine disk after sun same side old water went four food found
city per plan print but back last light too end each run right river thing three think between house send When more
moves party under her times train agreement Put enough cont False words kind text law lamp Every keep blood
helpful json question takes around wrote week close patient planet mountain money language dioxide requests empty rates
through degrees character""".split()


class Server:
    """The sound server. Hooks are called by one thread for each connection."""

    def __init__(self, options):
        self.tok_s = options.tok_s
        self.prefill_tok_s = options.prefill_tok_s
        self.slots = threading.BoundedSemaphore(options.slots)
        self.context = options.context
        self.claims_prompt = options.claim_prompt
        self.started = time.monotonic()
        self.requests = 0
        self.lock = threading.Lock()
        self.of_request = threading.local()

    # Hooks.

    def before_listening(self):
        """What loading does; blocks until ready."""

    def prompt_tokens(self, messages):
        """About as many as a tokenizer of 850 entries makes of it."""
        texts = [message["content"] for message in messages]
        if sum(map(len, texts)) > 1 << 20:  # too many to count them one by one
            return sum(len(text) // 3 for text in texts)
        return sum(8 + len(re.findall(r"\w{1,4}|\W", text)) for text in texts)

    def words(self, messages, max_tokens):
        """The reply as a list of tokens; brains.py knows what to say, else it is prose."""
        import brains
        said = brains.reply(messages)
        if said is not None:
            return said[:max_tokens]
        source = random.Random(json.dumps(messages))
        return [" " + source.choice(WORDS) for _ in range(max_tokens)]

    def claimed_tokens(self, generated):
        """What `usage` says."""
        return generated

    def usage(self, prompt, generated):
        return {"completion_tokens": self.claimed_tokens(generated)}

    def timings(self, prompt_s, decode_s):
        """What the server says of its own times, as llama-server does."""
        return {"prompt_ms": 1000 * prompt_s, "predicted_ms": 1000 * decode_s}

    def claimed_prompt_tokens(self, messages):
        """What `usage` says of the prompt, with --claim-prompt: in a tokenizer of its own."""
        return self.prompt_tokens(messages)

    def seconds_per_token(self, index):
        return 1 / self.tok_s

    def seconds_of_prefill(self, tokens):
        return tokens / self.prefill_tok_s

    def after_request(self):
        """Called once for each reply, whether it was read to its end or not."""

    def on_hang_up(self):
        """The client went away in the middle of a reply; its slot is free after this."""

    def on_malformed(self, handler, error):
        handler.error(400, f"malformed request: {error}")

    def on_overflow(self, handler, tokens):
        handler.error(400, f"the request exceeds the available context size: {tokens} tokens, {self.context} fit")

    # The service.

    def parse(self, raw, chat):
        """The body's object. Raises ValueError for what can't be read as a request (RecursionError for what nests too
        deeply)."""
        body = json.loads(raw)
        if not isinstance(body, dict):
            raise ValueError("not an object")
        name, kind = ("messages", list) if chat else ("prompt", str)
        if not isinstance(body.get(name), kind) or not body[name]:
            raise ValueError(f"'{name}' is missing, or not what it must be")
        max_tokens = body.get("max_tokens", 1)
        if not isinstance(max_tokens, int) or not 0 < max_tokens < 1 << 31:
            raise ValueError("'max_tokens' is no count")
        return body

    def generate(self, handler, body):
        messages = body.get("messages") or [{"role": "user", "content": body.get("prompt", "")}]
        max_tokens = int(body.get("max_tokens", 64))
        prompt = self.prompt_tokens(messages)
        if prompt + 1 > self.context:
            return self.on_overflow(handler, prompt)
        tokens = self.words(messages, max_tokens)
        finish = "length" if len(tokens) >= max_tokens else "stop"
        usage = self.usage(prompt, len(tokens))
        if self.claims_prompt:
            usage["prompt_tokens"] = self.claimed_prompt_tokens(messages)
        chat = "messages" in body
        self.slots.acquire()
        try:
            self.of_request.began = time.monotonic()
            time.sleep(self.seconds_of_prefill(prompt))
            if body.get("stream"):
                self.stream(handler, chat, tokens, finish, usage)
            else:
                time.sleep(sum(self.seconds_per_token(i) for i in range(len(tokens))))
                handler.answer(200, self.whole(chat, "".join(tokens), finish, usage))
        except (BrokenPipeError, ConnectionResetError):
            self.on_hang_up()
        finally:
            self.slots.release()
            self.after_request()

    def whole(self, chat, text, finish, usage):
        choice = {"index": 0, "finish_reason": finish}
        choice.update({"message": {"role": "assistant", "content": text}} if chat else {"text": text})
        return {"object": "chat.completion", "model": "simulated", "choices": [choice], "usage": usage}

    def event(self, chat, text=None, finish=None, usage=None, timings=None):
        choice = {"index": 0, "finish_reason": finish}
        choice.update({"delta": {"content": text} if text else {}} if chat else {"text": text or ""})
        event = {"object": "chat.completion.chunk", "model": "simulated", "choices": [choice]}
        if usage:
            event["usage"] = usage
        if timings:
            event["timings"] = timings
        return f"data: {json.dumps(event)}\n\n"

    def stream(self, handler, chat, tokens, finish, usage):
        handler.begin_stream()
        due = first = time.monotonic()
        for i, token in enumerate(tokens):
            due += self.seconds_per_token(i)
            time.sleep(max(0, due - time.monotonic()))
            if i == 0:
                first = time.monotonic()
            handler.piece(self.event(chat, token))
        timings = self.timings(first - self.of_request.began, time.monotonic() - first)
        handler.piece(self.event(chat, finish=finish, usage=usage, timings=timings))
        handler.piece("data: [DONE]\n\n")
        handler.piece("")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_object: Server
    record = None
    wbufsize = 0
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, message):
        self.answer(status, {"error": {"message": message, "code": status}})

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def piece(self, text):
        """One chunk of a stream; an empty one ends it."""
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def do_GET(self):
        if self.path == "/health":
            self.answer(200, {"status": "ok"})
        elif self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": [{"id": "simulated", "object": "model"}]})
        else:
            self.error(404, "no such path")

    def do_POST(self):
        if self.path not in ("/v1/chat/completions", "/v1/completions"):
            return self.error(404, "no such path")
        try:
            length = int(self.headers.get("Content-Length", 0))
            raw = self.rfile.read(length)
            if len(raw) < length:
                raise ValueError("shorter than announced")
            if self.record:
                with self.server_object.lock:
                    self.record.write(json.dumps({"path": self.path, "body": raw.decode()}) + "\n")
                    self.record.flush()
            body = self.server_object.parse(raw, self.path == "/v1/chat/completions")
        except (ValueError, RecursionError) as error:
            return self.server_object.on_malformed(self, error)
        self.server_object.generate(self, body)

    def do_DELETE(self):
        self.error(405, "POST only")


def main():
    import brains
    import faults
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--fault")
    parser.add_argument("--tok-s", type=float, default=200)
    parser.add_argument("--prefill-tok-s", type=float, default=20000)
    parser.add_argument("--slots", type=int, default=5)
    parser.add_argument("--context", type=int, default=1 << 20)
    parser.add_argument("--gguf", help="the model whose vocabulary tokens are counted with, where a fault needs it exact")
    parser.add_argument("--record", help="a file that every request's body is appended to")
    parser.add_argument("--claim-prompt", action="store_true")
    parser.add_argument("--tasks", help="what `moestress tasks --json` printed: it knows their answers")
    options = parser.parse_args()
    if options.record:
        Handler.record = open(options.record, "a", encoding="utf-8")
    if options.tasks:
        brains.learn(json.loads(pathlib.Path(options.tasks).read_text()))
    server = faults.FAULTS[options.fault](options) if options.fault else Server(options)
    server.before_listening()
    Handler.server_object = server

    class Listener(http.server.ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    Listener(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
