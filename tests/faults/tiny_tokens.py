"""Counts tokens as moestress does with the vocabulary of a model from `moestress forge --size tiny`: byte-level BPE with
GPT-2's split into words, ASCII only. Only the standard library."""

import functools
import re
import struct

WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")
SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9


def metadata(path):
    """A GGUF's lists of strings, by key."""
    data = open(path, "rb").read()
    at = 24
    found = {}

    def number(kind, size):
        nonlocal at
        at += size
        return struct.unpack_from(kind, data, at - size)[0]

    def text():
        nonlocal at
        length = number("<Q", 8)
        at += length
        return data[at - length:at].decode("utf-8", "replace")

    for _ in range(struct.unpack_from("<Q", data, 16)[0]):
        key, kind = text(), number("<I", 4)
        if kind == STRING:
            text()
        elif kind == ARRAY:
            inner, count = number("<I", 4), number("<Q", 8)
            if inner == STRING:
                found[key] = [text() for _ in range(count)]
            else:
                at += SIZES[inner] * count
        else:
            at += SIZES[kind]
    return found


class TinyTokens:
    def __init__(self, path):
        self.ranks = {tuple(merge.split(" ")): rank
                      for rank, merge in enumerate(metadata(path)["tokenizer.ggml.merges"])}
        self.of_word = functools.lru_cache(maxsize=1 << 16)(self._of_word)

    def _of_word(self, word):
        # GPT-2 writes a space as Ġ and a line break as Ċ.
        parts = list(word.replace(" ", "\u0120").replace("\n", "\u010a"))
        while len(parts) > 1:
            pairs = [self.ranks.get(pair, len(self.ranks)) for pair in zip(parts, parts[1:])]
            best = min(pairs)
            if best == len(self.ranks):
                break
            i = pairs.index(best)
            parts[i:i + 2] = [parts[i] + parts[i + 1]]
        return len(parts)

    def count(self, text):
        return sum(self.of_word(word) for word in WORD.findall(text))
