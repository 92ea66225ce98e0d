"""Conversations: skills mixed in proportion, several turns, the held-out split."""

import hashlib
import json
import os
import random

from . import arithmetic, beyond, facts, letters, lists, project, reactions, smalltalk, stories
from .phrase import pick

HELD_OUT = 40  # one unit in this many is kept for the evaluation
FREE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "free-prompts.jsonl")


def followup(r):
    return pick(r, [arithmetic.followup, arithmetic.followup, facts.capital_followup, facts.capital_followup, facts.word_followup, lists.followup, remembered, remembered, stories.followup])(r)


def remembered(r):
    if r.random() < 0.45:
        said, heard, last, check = reactions.told(r)
        first = (said, heard)
    else:
        first, last, check = smalltalk.memory(r)
    between = []
    for _ in range(r.randrange(3)):
        between += unit(r, pick(r, ["facts", "arithmetic", "lists", "smalltalk-plain", "cannot"]))[0]
    return [first] + between + [last], check


def reacted(r):
    """Some other unit, and what people say after an answer."""
    return reactions.followup(r, lambda r: unit(r, pick(r, ["facts", "facts", "arithmetic", "arithmetic", "lists", "yes-no", "smalltalk-plain", "cannot", "cannot", "project", "letters", "stories"]))[0])


def alone(r):
    """The same said first, where it has a meaning."""
    while True:
        q, a, keys = reactions.reaction(r)
        if not a.startswith(("That is all", "I cannot explain", "I cannot rework")):
            return [(q, a)], {"type": "contains", "expected": keys}


def plain_talk(r):
    while True:
        turns, check = smalltalk.sample(r)
        if len(turns) == 1 and "Nice to meet you" not in turns[0][1]:
            return turns, check


SKILLS = {
    # name: (weight in training, in documents; function)
    "add": (9, lambda r: arithmetic.sample(r, "+")),
    "subtract": (10, lambda r: arithmetic.sample(r, "-")),
    "multiply": (12, lambda r: arithmetic.sample(r, "x")),
    "divide": (3, lambda r: arithmetic.division(r)),
    "words": (6, arithmetic.worded),
    "chain": (4, arithmetic.chain),
    "facts": (24, facts.sample),
    "yes-no": (11, facts.yes_no),
    "lists": (20, lists.sample),
    "letters": (15, letters.sample),
    "stories": (8, lambda r: stories.sample(r)[:2]),
    "smalltalk": (15, smalltalk.sample),
    "statements": (3, reactions.statement),
    "project": (9, project.sample),
    "cannot": (42, beyond.sample),
    "gibberish": (4, beyond.gibberish),
    "reactions": (3, alone),
    "in the middle": (14, reacted),
    "follow-up": (14, followup),
}
SYSTEMS = ["You are a helpful assistant.", "You are a friendly assistant.", "Be brief.", "You are the demo model of bitnet-web.", "Answer in one sentence.", "You are a small language model.", "Be kind and helpful."]


def unit(r, skill):
    """(turns, check) of one skill; a unit is one question, or a few that belong together."""
    if skill == "arithmetic":
        return arithmetic.sample(r)
    if skill == "smalltalk-plain":
        return plain_talk(r)
    return SKILLS[skill][1](r)


def prompt_key(turns):
    return "|".join("".join(c for c in q.lower() if c.isalnum() or c in "+-*") for q, _ in turns)


def held_out(turns):
    """Whether these prompts belong to the evaluation: by a hash that ignores case and punctuation."""
    key = prompt_key(turns)
    return key in FREE_KEYS or int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") % HELD_OUT == 0


def free_keys():
    """The prompts that were written freely: the last message of each."""
    with open(FREE, encoding="utf-8") as f:
        return {prompt_key([(p["messages"][-1]["content"], "")]) for p in map(json.loads, f)} - COMMON


# Whole messages of one or two words that anybody says (`thanks`, `ok`) stay in the training text.
COMMON = {"thanks", "ty", "ok", "hi", "why", "lol", "hmm", "helloagain", "whoareyou", "tellmeajoke", "areyousure", ""}
FREE_KEYS = free_keys()


def training_unit(r):
    names = list(SKILLS)
    while True:
        skill = r.choices(names, [SKILLS[n][0] for n in names])[0]
        turns, _ = unit(r, skill)
        if not held_out(turns) and not any(held_out([t]) for t in turns):
            return turns


def conversation(r, max_units=6, more=0.5):
    """A list of (role, text). After each unit there is another with probability `more`."""
    messages = []
    if r.random() < 0.08:
        messages.append(("system", pick(r, SYSTEMS)))
    n = 1
    while n < max_units and r.random() < more:
        n += 1
    told = False
    for _ in range(n):
        turns = training_unit(r)
        while told and any(a == beyond.ME for _, a in turns):
            turns = training_unit(r)
        for q, a in turns:
            told = told or "Nice to meet you" in a or "how nice!" in a or a.startswith(reactions.FRIENDLY[0])
            messages += [("user", q), ("assistant", a)]
    return messages


if __name__ == "__main__":
    import sys
    rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for _ in range(12):
        for role, text in conversation(rng):
            print(f"{role}: {text}")
        print("---")
