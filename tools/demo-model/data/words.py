"""Common English words by kind, from the most often used ones of WordNet 3.0, for questions about anything."""

import os

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "words.txt"), encoding="utf-8") as f:
    LISTS = {kind: words.split() for kind, words in (line.split(": ", 1) for line in f)}
THINGS, ANIMALS, PERSONS = LISTS["thing"], LISTS["animal"], LISTS["person"]
TOPICS, VERBS, ADJECTIVES = LISTS["topic"], LISTS["verb"], LISTS["adjective"]


def plural(noun):
    """By rule; the irregular ones are in `facts.PLURALS`."""
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"
