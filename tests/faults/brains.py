"""What the simulated server says: each brain looks at the conversation and gives the reply as tokens, or None where the
question is not one that it knows."""

import functools
import pathlib
import re

BRAINS = []
ANSWERS = {}  # by question: what learn() told


def learn(tasks):
    """The answers to the tasks of `moestress tasks --json`."""
    for task in tasks:
        answer = task["answer"]
        code = f"Here it is:\n```\n{answer}```\n"
        ANSWERS[task["prompt"]] = code if task["form"] == "code" else f"Let me think. Answer: {answer}"


def answer_of(question):
    """What it would say, or None."""
    known = known_answers().get(question)
    return f"The answer is {known[1]}." if known else ANSWERS.get(question)


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
    """Knows the answer to every question of 3.2, 6.1 and S2, and to the tasks that it learned."""
    answer = answer_of(messages[-1]["content"])
    return re.findall(r"\s?\S+|\s", answer) if answer else None


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


def user_turns(messages):
    return [message["content"] for message in messages if message["role"] == "user"]


def tokens_of(text):
    """A reply in words, each with the space before it."""
    return re.findall(r"\s*\S+", text)


DO_NOT_KNOW = "I do not know, you have not told me."


@brain
def recall(messages):
    """What was told earlier as "My … is …" or "two things: first … and then …", the newest first; else says so."""
    turns = user_turns(messages)
    facts, pair = {}, ()
    for turn in turns:
        for thing, value in re.findall(r"\b(?:my|our|the) ([\w' ]+?) is (?:now )?(\w+)\.", turn, re.I):
            facts[thing.lower()] = value
        for first, second in re.findall(r"two things: first an? (\w+) and then an? (\w+)\.", turn):
            pair = (first, second)
    if len(turns) < 2 and not facts and not pair:
        return None
    asked = re.search(r"\bWhat is (?:my|our|the) ([\w' ]+)\?$", turns[-1], re.I)
    if asked:
        value = facts.get(asked[1].lower())
        return tokens_of(f"It is {value}." if value else DO_NOT_KNOW)
    if re.search(r"\bWhat did I \w+ first\?$", turns[-1]):
        return tokens_of(f"First a {pair[0]}." if pair else DO_NOT_KNOW)
    # An ellipsis: what it asks for is in the question before.
    if re.search(r"^And [\w' ]*\b(second|after that)\b[\w' ]*\?$", turns[-1]):
        follows = len(turns) > 1 and re.search(r"\bfirst\?$", turns[-2])
        return tokens_of(f"Then a {pair[1]}." if follows and pair else DO_NOT_KNOW)
    if re.search(r" is (now )?\w+\.|two things: ", turns[-1]):
        return tokens_of("I see, thank you.")
    return None
