"""What the simulated server says: each brain looks at the conversation and gives the reply as tokens, or None where the
question is not one that it knows."""

import re
import functools
import pathlib

BRAINS = []


def brain(function):
    BRAINS.append(function)
    return function


@functools.cache
def known_answers():
    """Question to (subject, first accepted answer), from the files that the program has them from."""
    folder = pathlib.Path(__file__).parents[2] / "src" / "workload" / "prompts"
    known = {}
    for file in folder.glob("questions_*.txt"):
        for entry in ("\n" + file.read_text()).split("\n== ")[1:]:
            lines = entry.strip().split("\n")
            known["\n".join(lines[1:-1])] = (file.stem.removeprefix("questions_"), lines[-1][2:].split(" | ")[0])
    return known


@brain
def knowledge(messages):
    """Knows the answer to every question of 3.2 and S2."""
    known = known_answers().get(messages[-1]["content"])
    return [" The", " answer", " is", " " + known[1], "."] if known else None


def reply(messages):
    for think in BRAINS:
        said = think(messages)
        if said is not None:
            return said
    return None


@brain
def needle(messages):
    """A fact that a text states, asked for at its end."""
    text = messages[-1]["content"]
    asked = re.findall(r"What is the ([a-z ]+) of (\w+)\?", text)
    if not asked:
        return None
    thing, name = map(re.escape, asked[-1])
    fact = re.search(rf"The {thing} of {name} is (\w+)\.", text)
    return [" ", *fact.group(1), "."] if fact else None
