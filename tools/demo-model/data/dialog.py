"""Conversations: skills mixed in proportion, several turns, the held-out split."""

import hashlib
import random

from . import arithmetic, facts, lists, project, smalltalk, stories
from .phrase import pick

HELD_OUT = 40  # one unit in this many is kept for the evaluation


def followup(r):
    return pick(r, [arithmetic.followup, facts.capital_followup, facts.capital_followup, facts.word_followup, lists.followup, remembered, remembered, stories.followup])(r)


def remembered(r):
    first, last, check = smalltalk.memory(r)
    between = []
    for _ in range(r.randrange(3)):
        between += unit(r, pick(r, ["facts", "arithmetic", "lists", "smalltalk-plain"]))[0]
    return [first] + between + [last], check


def plain_talk(r):
    while True:
        turns, check = smalltalk.sample(r)
        if len(turns) == 1 and "Nice to meet you" not in turns[0][1]:
            return turns, check


SKILLS = {
    # name: (weight in training, in documents; function)
    "add": (12, lambda r: arithmetic.sample(r, "+")),
    "subtract": (13, lambda r: arithmetic.sample(r, "-")),
    "multiply": (5, lambda r: arithmetic.sample(r, "x")),
    "facts": (22, facts.sample),
    "yes-no": (16, facts.yes_no),
    "lists": (26, lists.sample),
    "stories": (7, lambda r: stories.sample(r)[:2]),
    "smalltalk": (6, smalltalk.sample),
    "project": (6, project.sample),
    "cannot": (6, project.cannot),
    "gibberish": (1, project.gibberish),
    "follow-up": (9, followup),
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
    return int.from_bytes(hashlib.blake2b(prompt_key(turns).encode(), digest_size=8).digest(), "little") % HELD_OUT == 0


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
        while told and any(a.startswith("You have not told me") for _, a in turns):
            turns = training_unit(r)
        for q, a in turns:
            told = told or "Nice to meet you" in a or "how nice!" in a
            messages += [("user", q), ("assistant", a)]
    return messages


if __name__ == "__main__":
    import sys
    rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for _ in range(12):
        for role, text in conversation(rng):
            print(f"{role}: {text}")
        print("---")
