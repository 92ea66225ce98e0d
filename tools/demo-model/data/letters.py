"""Letters and words: spelling, first and last letters, counting, and saying again what was written."""

from .facts import KINDS
from .names import invented, person
from .phrase import ask, cap, pick
from .words import ADJECTIVES, ANIMALS, PERSONS, THINGS, TOPICS, VERBS


def any_word(r):
    x = r.random()
    if x < 0.3:
        return invented(r) if r.random() < 0.5 else invented(r).lower()
    return person(r) if x < 0.4 else pick(r, pick(r, [THINGS, ANIMALS, PERSONS, TOPICS, VERBS, ADJECTIVES, KINDS["fruit"], KINDS["animal"]]))


def spell(r):
    w = any_word(r)
    q = pick(r, ["Spell {w}.", "How do you spell {w}?", "Can you spell {w}?", "Spell the word {w}.", "Please spell {w}", "spell {w}", "{w}, spelled?", "How is {w} spelled?", "Spell \"{w}\".", "Spell {w} letter by letter.", "What are the letters of {w}?", "Spelling of {w}?"])
    return [(q.format(w=w), f"{'-'.join(w)}.")], {"type": "contains", "expected": ["-".join(w)]}


def how_many(r):
    w = any_word(r)[:9]
    q = pick(r, ["How many letters does {w} have?", "How many letters are in {w}?", "Count the letters of {w}.", "How long is the word {w}?", "How many letters has the word {w}?", "Number of letters in {w}?", "letters in {w}", "Count the letters in \"{w}\"."])
    work = " ".join(f"{i + 1}{c}" for i, c in enumerate(w))
    return [(q.format(w=w), f"{work}. That makes {len(w)} letters.")], {"type": "contains", "expected": [f"makes {len(w)} "]}


def end(r):
    w = any_word(r)
    if r.random() < 0.6:
        q = pick(r, ["What letter does {w} start with?", "Which letter does {w} begin with?", "What is the first letter of {w}?", "First letter of {w}?", "Tell me the first letter of {w}.", "first letter in {w}", "{w} starts with which letter?", "What does {w} start with?"])
        return [(q.format(w=w), f"The first letter of {w} is {w[0]}.")], {"type": "contains", "expected": [f"{w} is {w[0]}."]}
    q = pick(r, ["What letter does {w} end with?", "Which letter does {w} end with?", "What is the last letter of {w}?", "Last letter of {w}?", "Tell me the last letter of {w}.", "last letter in {w}", "{w} ends with which letter?"])
    return [(q.format(w=w), f"{'-'.join(w)}. The last letter of {w} is {w[-1]}.")], {"type": "contains", "expected": [f"is {w[-1]}."]}


def backwards(r):
    w = any_word(r)[:8]
    q = pick(r, ["Spell {w} backwards.", "Reverse the word {w}.", "Write the word {w} backwards.", "What is {w} spelled backwards?", "Turn the word {w} around.", "the word {w} backwards", "Reverse the letters of {w}."])
    return [(q.format(w=w), f"{'-'.join(w)}. Backwards: {'-'.join(w[::-1])}.")], {"type": "contains", "expected": ["Backwards: " + "-".join(w[::-1])]}


def of_one_kind(r):
    """How often a letter occurs: the word letter by letter, the ones asked for numbered."""
    w = any_word(r)[:12].lower()
    c = pick(r, w) if r.random() < 0.85 else pick(r, "abcdefghijklmnopqrstuvwxyz")
    q = pick(r, ["How many {c} are in {w}?", "How many {c}'s are in {w}?", "How many {c}s are in the word {w}?", "How many times does {c} occur in {w}?", "Count the {c} in {w}.", "how many letters {c} does {w} have", "How often is the letter {c} in {w}?", "How many {c}'s does {w} have?", "number of {c} in {w}", "How many \"{c}\" in {w}?"])
    work, n = [], 0
    for x in w:
        n += x == c
        work.append(x + str(n) if x == c else x)
    return [(q.format(w=w, c=c), f"{' '.join(work)}. That makes {n}.")], {"type": "contains", "expected": [f"makes {n}."]}


def next_to(r):
    """The letter or the number before or after another."""
    after = r.random() < 0.6
    if r.random() < 0.5:
        i = r.randrange(26)
        if not 0 <= i + (1 if after else -1) < 26:
            return next_to(r)
        a, b = chr(97 + i), chr(97 + i + (1 if after else -1))
        if r.random() < 0.5:
            a, b = a.upper(), b.upper()
        what = "letter"
    else:
        a = r.randrange(1, 200)
        b, what = a + (1 if after else -1), "number"
    way = "after" if after else "before"
    q = pick(r, ["Which {t} comes {w} {a}?", "What {t} comes {w} {a}?", "What is the {t} {w} {a}?", "{t} {w} {a}", "What comes {w} {a}?", "Tell me the {t} {w} {a}.", "Which {t} is {w} {a}?", "the {t} that comes {w} {a}"]).format(t=what, w=way, a=a)
    return [(cap(q) if r.random() < 0.6 else q, f"{b} comes {way} {a}.")], {"type": "contains", "expected": [f"{b} comes {way}"]}


def alphabet(r):
    q = pick(r, ["Say the alphabet.", "What is the alphabet?", "Recite the alphabet.", "List the letters of the alphabet.", "Tell me the alphabet.", "Do you know the alphabet?", "the ABC", "Say the ABC.", "abc", "What are the letters of the alphabet?"])
    text = ", ".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ") + "."
    return [(ask(r, q), text)], {"type": "contains", "expected": [text]}


def phrase(r):
    x = r.random()
    if x < 0.35:
        return any_word(r)
    if x < 0.65:
        return pick(r, ["the {a} {n}", "{a} {n}", "my {n} is {a}", "I like {t}", "{n} and {t}", "the {k} will {v}", "{x} and the {k}", "hello {x}", "good morning {x}", "I am a {a} {w}", "{x} is a {w}", "a {k} in a {n}", "{k} {n} {t}", "Long live {x}", "{x} loves {y}", "we {v} the {n}"]).format(
            a=pick(r, ADJECTIVES), n=pick(r, THINGS), t=pick(r, TOPICS), k=pick(r, ANIMALS), v=pick(r, VERBS), w=pick(r, PERSONS), x=person(r), y=person(r))
    if x < 0.8:
        return " ".join(any_word(r) for _ in range(r.randrange(2, 5)))
    return "".join(pick(r, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") for _ in range(r.randrange(2, 9)))


def repeat(r):
    s = phrase(r)
    q = pick(r, ["Repeat after me: {s}", "Say {s}", "Say \"{s}\"", "Repeat: {s}", "Repeat this: {s}", "Please say: {s}", "Can you say {s}?", "Repeat the words {s}", "Say this: {s}", "Write: {s}", "Write \"{s}\".", "Copy this: {s}", "Echo {s}", "say {s}", "Say the word {s}", "Type {s}", "repeat \"{s}\"", "Can you repeat {s}?", "After me: {s}"])
    return [(q.format(s=s), cap(s))], {"type": "contains", "expected": [cap(s)]}


def count(r):
    n = r.randrange(3, 31) if r.random() < 0.6 else pick(r, [5, 10, 10, 12, 20])
    from .arithmetic import word
    said = word(r, n) if r.random() < 0.4 else n
    if r.random() < 0.3:
        n = min(n, 20)
        said = word(r, n) if r.random() < 0.4 else n
        q = pick(r, ["Count down from {n}.", "Count backwards from {n}.", "Countdown from {n}", "Count from {n} to 1.", "Count down from {n} to one."]).format(n=said)
        text = ", ".join(map(str, range(n, 0, -1))) + "."
    else:
        q = pick(r, ["Count to {n}.", "Count from 1 to {n}.", "Can you count to {n}?", "Count up to {n}.", "Please count to {n}", "Count from one to {n}.", "Numbers from 1 to {n}", "List the numbers from 1 to {n}.", "Can you count from one to {n}"]).format(n=said)
        text = ", ".join(map(str, range(1, n + 1))) + "."
    return [(ask(r, q), text)], {"type": "contains", "expected": [text]}


def sample(r):
    return pick(r, [spell, spell, how_many, of_one_kind, of_one_kind, end, end, backwards, repeat, repeat, repeat, count, next_to] + [alphabet] * (r.random() < 0.3))(r)
