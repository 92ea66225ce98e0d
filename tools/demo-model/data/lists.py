"""Short lists: sorting, reversing, counting, first and last, biggest and smallest."""

from .phrase import ask, cap, joined, pick

WORDS = """apple banana cherry lemon orange pear plum grape melon peach cat dog horse cow sheep lion tiger bear wolf fox duck eagle frog mouse red blue
green yellow pink brown black white car bus train boat ship plane table chair lamp door window house tree flower river hill cloud star moon sun rain snow
bread milk cheese butter sugar salt rice soup cake honey hat coat shoe sock shirt scarf pen book paper desk school king queen prince ball kite drum piano
violin guitar rose tulip grass leaf sand stone gold silver iron water fire wind anna ben tom lisa mark nina paul emma""".split()
LIST_WORDS = [w for w in WORDS if w not in ("anna", "ben", "tom", "lisa", "mark", "nina", "paul", "emma")]


def written(r, items):
    x = r.random()
    if x < 0.6:
        return ", ".join(map(str, items))
    if x < 0.8:
        return joined(map(str, items))
    return " ".join(map(str, items))


def inserted(items, reverse=False):
    """Sorting as it is done by hand: the list so far with the next item in its place, once for each item."""
    return "; ".join(" ".join(map(str, sorted(items[:n], reverse=reverse))) for n in range(1, len(items) + 1))


def steps(items, keep):
    """The smallest or biggest so far, once for each item."""
    return "; ".join(str(keep(items[:n])) for n in range(1, len(items) + 1))


def letter(r):
    """First letters, which the sorting of words needs."""
    w = pick(r, LIST_WORDS)
    q = pick(r, ["What letter does {w} start with?", "Which letter does {w} begin with?", "What is the first letter of {w}?", "First letter of {w}?", "Tell me the first letter of {w}."])
    return [(ask(r, q.format(w=w)), f"The first letter of {w} is {w[0]}.")], {"type": "contains", "expected": [f"{w} is {w[0]}."]}


def sample(r):
    kind = pick(r, ["letter", "sortn", "sortn", "sortn", "sortw", "sortw", "rev", "rev", "rev", "count", "count", "end", "extreme", "down"])
    if kind == "letter":
        return letter(r)
    if kind in ("sortn", "extreme", "down"):
        top = pick(r, [10, 30, 100, 100])
        items = r.sample(range(top), r.randrange(3, 6))
    elif kind == "sortw":
        items = r.sample(LIST_WORDS, r.randrange(3, 6))
        while r.random() < 0.8 and len({w[0] for w in items}) < len(items):
            items = r.sample(LIST_WORDS, r.randrange(3, 6))
    else:
        n = r.randrange(3, 7) if kind == "count" else r.randrange(3, 6)
        items = r.sample(LIST_WORDS, n) if r.random() < 0.7 else r.sample(range(100), n)
    text = written(r, items)
    exact = lambda seq: {"type": "contains", "expected": [", ".join(map(str, seq))]}
    if kind == "sortn":
        out = sorted(items)
        q = pick(r, ["Sort these numbers: {t}", "Sort {t}", "Sort the numbers {t}.", "Put these numbers in order: {t}", "Sort from small to big: {t}", "Order these numbers: {t}", "Can you sort {t}?", "Arrange {t} from smallest to largest.", "Please sort this list: {t}", "Put {t} in order."])
        return [(ask(r, q.format(t=text)), f"{inserted(items)}. Sorted: " + ", ".join(map(str, out)) + ".")], exact(out)
    if kind == "down":
        out = sorted(items, reverse=True)
        q = pick(r, ["Sort from big to small: {t}", "Sort {t} from largest to smallest.", "Sort these numbers in descending order: {t}", "Order from biggest to smallest: {t}", "Sort downwards: {t}"])
        return [(ask(r, q.format(t=text)), f"{inserted(items, reverse=True)}. From big to small: " + ", ".join(map(str, out)) + ".")], exact(out)
    if kind == "sortw":
        out = sorted(items)
        q = pick(r, ["Sort these words: {t}", "Sort these words from A to Z: {t}", "Put these words in alphabetical order: {t}", "Sort alphabetically: {t}", "Sort the words {t}.", "Alphabetical order: {t}", "Can you sort these words: {t}?", "Order these words from A to Z: {t}"])
        return [(ask(r, q.format(t=text)), f"{cap(inserted(items))}. Sorted: " + ", ".join(out) + ".")], exact(out)
    if kind == "rev":
        out = items[::-1]
        q = pick(r, ["Reverse this list: {t}", "Reverse {t}", "Say this list backwards: {t}", "Turn this list around: {t}", "Write these in reverse order: {t}", "Can you reverse {t}?", "Backwards: {t}", "Reverse the order of {t}.", "Read this list from the end: {t}"])
        return [(ask(r, q.format(t=text)), "Reversed: " + ", ".join(map(str, out)) + ".")], exact(out)
    if kind == "count":
        q = pick(r, ["How many items are in this list: {t}?", "Count these: {t}", "Count the items: {t}", "How many words are here: {t}?", "How many things are in the list {t}?", "Count this list: {t}", "How many are these: {t}?", "How long is this list: {t}?"])
        if "words" in q and isinstance(items[0], int):
            q = "Count these: {t}"
        shown = ", ".join(f"({i + 1}) {w}" for i, w in enumerate(items))
        a = f"I count {shown}. There are {len(items)} items."
        return [(ask(r, q.format(t=text)), a)], {"type": "contains", "expected": [f"There are {len(items)} "]}
    if kind == "end":
        w = pick(r, ["first", "last", "second"])
        q = pick(r, ["What is the {w} item of this list: {t}?", "Which one is {w}: {t}?", "Tell me the {w} one of {t}.", "Name the {w} item: {t}", "What comes {w} in {t}?"])
        v = items[{"first": 0, "last": -1, "second": 1}[w]]
        return [(ask(r, q.format(w=w, t=text)), f"The {w} item is {v}.")], {"type": "contains", "expected": [f"is {v}."]}
    big = r.random() < 0.5
    w = pick(r, ["biggest", "largest", "highest"]) if big else pick(r, ["smallest", "lowest"])
    q = pick(r, ["What is the {w} number: {t}?", "Which number is the {w}: {t}?", "Find the {w} of {t}.", "Tell me the {w} number of {t}.", "Which is the {w}: {t}?"])
    v = max(items) if big else min(items)
    return [(ask(r, q.format(w=w, t=text)), f"{steps(items, max if big else min)}. The {w} number is {v}.")], {"type": "contains", "expected": [f"is {v}."]}


def followup(r):
    """Reverse or count the list of the turn before."""
    items = r.sample(LIST_WORDS, r.randrange(3, 6))
    text = ", ".join(items)
    kind = r.randrange(2)
    if kind == 0:
        first = (ask(r, pick(r, ["Sort these words: {t}", "Sort alphabetically: {t}", "Sort {t}"]).format(t=text)), f"{cap(inserted(items))}. Sorted: " + ", ".join(sorted(items)) + ".")
        out = sorted(items, reverse=True)
    else:
        first = (ask(r, pick(r, ["Reverse this list: {t}", "Reverse {t}", "Backwards: {t}"]).format(t=text)), "Reversed: " + ", ".join(items[::-1]) + ".")
        out = items
    q = ask(r, pick(r, ["Now reverse it.", "And backwards?", "Now the other way round.", "Reverse that.", "And reversed?", "Turn that around."]))
    return [first, (q, "Reversed: " + ", ".join(out) + ".")], {"type": "contains", "expected": [", ".join(out)]}
