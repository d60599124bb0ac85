"""What the simulated server says: each brain looks at the conversation and gives the reply as tokens, or None where the
question is not one that it knows."""

import re

BRAINS = []


def brain(function):
    BRAINS.append(function)
    return function


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
