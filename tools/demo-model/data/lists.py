"""Short lists: sorting, reversing, counting, first and last, biggest and smallest."""

from .facts import comparison
from .names import person
from .phrase import ask, cap, joined, pick
from .words import ANIMALS, PERSONS, THINGS, TOPICS

WORDS = """apple banana cherry lemon orange pear plum grape melon peach cat dog horse cow sheep lion tiger bear wolf fox duck eagle frog mouse red blue
green yellow pink brown black white car bus train boat ship plane table chair lamp door window house tree flower river hill cloud star moon sun rain snow
bread milk cheese butter sugar salt rice soup cake honey hat coat shoe sock shirt scarf pen book paper desk school king queen prince ball kite drum piano
violin guitar rose tulip grass leaf sand stone gold silver iron water fire wind anna ben tom lisa mark nina paul emma""".split()
NUMERALS = "one two three four five six seven eight nine ten eleven twelve monday tuesday friday sunday january march june july spring summer autumn winter".split()
EXTRA = [w for group in (THINGS, ANIMALS, PERSONS, TOPICS) for w in group]
LIST_WORDS = [w for w in WORDS if w not in ("anna", "ben", "tom", "lisa", "mark", "nina", "paul", "emma")]


def words(r, n):
    """`n` different words: the well-known ones, any, or names."""
    x = r.random()
    if x < 0.5:
        return words(r, n)
    if x < 0.56:
        return r.sample(NUMERALS, n)
    if x < 0.9:
        return r.sample(EXTRA, n)
    names = set()
    while len(names) < n:
        names.add(person(r))
    return r.sample(sorted(names), n)


def written(r, items):
    x = r.random()
    if x < 0.55:
        return ", ".join(map(str, items))
    if x < 0.72:
        return joined(map(str, items))
    if x < 0.77:
        return pick(r, ["\n", "\n- "]).join(["", *map(str, items)])
    if x < 0.83:
        return pick(r, [",", "; ", " - ", " , ", "/"]).join(map(str, items))
    return " ".join(map(str, items))


def inserted(items, reverse=False):
    """Sorting as it is done by hand: the list so far with the next item in its place, once for each item."""
    return "; ".join(" ".join(map(str, sorted(items[:n], reverse=reverse))) for n in range(1, len(items) + 1))


def steps(items, keep):
    """The smallest or biggest so far, once for each item."""
    return "; ".join(str(keep(items[:n])) for n in range(1, len(items) + 1))


def sample(r):
    kind = pick(r, ["sortn", "sortn", "sortn", "sortw", "sortw", "rev", "rev", "rev", "count", "count", "end", "extreme", "down"])
    if kind in ("sortn", "extreme", "down"):
        top = pick(r, [10, 30, 100, 100])
        items = r.sample(range(top), r.randrange(3, 6))
    elif kind == "sortw":
        items = words(r, r.randrange(3, 6))
        while r.random() < 0.75 and len({w[0].lower() for w in items}) < len(items):
            items = words(r, r.randrange(3, 6))
    else:
        n = r.randrange(3, 7) if kind == "count" else r.randrange(3, 6)
        items = words(r, n) if r.random() < 0.7 else r.sample(range(100), n)
    text = written(r, items)
    exact = lambda seq: {"type": "contains", "expected": [", ".join(map(str, seq))]}
    if kind == "sortn":
        out = sorted(items)
        q = pick(r, ["Sort these numbers: {t}", "Sort {t}", "Sort the numbers {t}.", "Put these numbers in order: {t}", "Sort from small to big: {t}", "Order these numbers: {t}", "Can you sort {t}?", "Arrange {t} from smallest to largest.", "Please sort this list: {t}", "Put {t} in order.", "sort {t}", "Sort {t} ascending.", "Sort in ascending order: {t}", "Order {t}", "Can you put {t} in order?", "Put in order: {t}", "Arrange these numbers: {t}", "numbers to sort: {t}", "{t} sorted?", "{t}: sort them", "Rank {t} from low to high.", "I need {t} sorted.", "Sort my numbers {t}", "Which order do {t} have?", "Bring {t} into order.", "From smallest to biggest: {t}", "Could you sort {t} for me?"])
        return [(ask(r, q.format(t=text)), f"{inserted(items)}. Sorted: " + ", ".join(map(str, out)) + ".")], exact(out)
    if kind == "down":
        out = sorted(items, reverse=True)
        q = pick(r, ["Sort from big to small: {t}", "Sort {t} from largest to smallest.", "Sort these numbers in descending order: {t}", "Order from biggest to smallest: {t}", "Sort downwards: {t}", "Sort {t} descending.", "Sort {t} in descending order.", "{t} from high to low", "Biggest first: {t}", "Arrange {t} from largest to smallest.", "Sort {t} backwards, biggest first.", "descending order: {t}", "Rank {t} from high to low.", "Largest first please: {t}"])
        return [(ask(r, q.format(t=text)), f"{inserted(items, reverse=True)}. From big to small: " + ", ".join(map(str, out)) + ".")], exact(out)
    if kind == "sortw":
        out = sorted(items)
        q = pick(r, ["Sort these words: {t}", "Sort these words from A to Z: {t}", "Put these words in alphabetical order: {t}", "Sort alphabetically: {t}", "Sort the words {t}.", "Alphabetical order: {t}", "Can you sort these words: {t}?", "Order these words from A to Z: {t}", "Sort {t}", "sort {t} alphabetically", "Alphabetize {t}.", "Put {t} in alphabetical order.", "Order by letter: {t}", "Arrange {t} alphabetically.", "Put these in order: {t}", "Sort by the alphabet: {t}", "{t} in alphabetical order", "Order {t} from A to Z.", "Sort this list: {t}", "A to Z please: {t}", "Sort from a to z: {t}", "Can you sort {t}?", "Which order do these have in the alphabet: {t}?"])
        return [(ask(r, q.format(t=text)), f"{cap(inserted(items))}. Sorted: " + ", ".join(out) + ".")], exact(out)
    if kind == "rev":
        out = items[::-1]
        q = pick(r, ["Reverse this list: {t}", "Reverse {t}", "Say this list backwards: {t}", "Turn this list around: {t}", "Write these in reverse order: {t}", "Can you reverse {t}?", "Backwards: {t}", "Reverse the order of {t}.", "Read this list from the end: {t}", "reverse: {t}", "Reverse the list {t}.", "{t} backwards", "Say {t} in reverse.", "List {t} backwards.", "From last to first: {t}", "The other way round: {t}", "Flip this list: {t}", "Put {t} the other way round.", "{t} in reverse order"])
        return [(ask(r, q.format(t=text)), "Reversed: " + ", ".join(map(str, out)) + ".")], exact(out)
    if kind == "count":
        q = pick(r, ["How many items are in this list: {t}?", "Count these: {t}", "Count the items: {t}", "How many words are here: {t}?", "How many things are in the list {t}?", "Count this list: {t}", "How many are these: {t}?", "How long is this list: {t}?", "How many things are these: {t}?", "How many entries: {t}?", "count {t}", "How many items: {t}", "Number of items in {t}?", "How many elements are in {t}?", "Tell me how many there are: {t}", "How many of them are there: {t}?"])
        if "words" in q and isinstance(items[0], int):
            q = "Count these: {t}"
        shown = ", ".join(f"({i + 1}) {w}" for i, w in enumerate(items))
        a = f"I count {shown}. There are {len(items)} items."
        return [(ask(r, q.format(t=text)), a)], {"type": "contains", "expected": [f"There are {len(items)} "]}
    if kind == "end":
        w = pick(r, ["first", "last", "second"])
        q = pick(r, ["What is the {w} item of this list: {t}?", "Which one is {w}: {t}?", "Tell me the {w} one of {t}.", "Name the {w} item: {t}", "What comes {w} in {t}?", "{w} of {t}", "the {w} item in {t}", "What is the {w} one: {t}?", "Give me the {w} of these: {t}", "Which is the {w} in {t}?"])
        v = items[{"first": 0, "last": -1, "second": 1}[w]]
        return [(ask(r, q.format(w=w, t=text)), f"The {w} item is {v}.")], {"type": "contains", "expected": [f"is {v}."]}
    big = r.random() < 0.5
    if r.random() < 0.35:
        a, b = items[:2]
        word = pick(r, ["bigger", "larger", "greater", "higher", "more"]) if big else pick(r, ["smaller", "less", "lower"])
        q = pick(r, ["Which is {w}, {a} or {b}?", "Which is {w}: {a} or {b}?", "What is {w}, {a} or {b}?", "Which number is {w}, {a} or {b}?", "{a} or {b}, which is {w}?", "What's {w}: {a} or {b}?", "Is {a} or {b} {w}?"]).format(w=word, a=a, b=b)
        v = max(a, b) if big else min(a, b)
        return [(ask(r, q), f"{comparison(a, b)} The {'bigger' if big else 'smaller'} number is {v}.")], {"type": "contains", "expected": [f"is {v}."]}
    w = pick(r, ["biggest", "largest", "highest", "greatest"]) if big else pick(r, ["smallest", "lowest"])
    q = pick(r, ["What is the {w} number: {t}?", "Which number is the {w}: {t}?", "Find the {w} of {t}.", "Tell me the {w} number of {t}.", "Which is the {w}: {t}?", "{w} of {t}", "Which of these is {w}: {t}", "which is {w} {t}", "The {w} of these numbers: {t}", "Of {t}, which is the {w}?", "Pick the {w}: {t}", "Which one is the {w} of {t}?", "What's the {w} out of {t}?"])
    v = max(items) if big else min(items)
    return [(ask(r, q.format(w=w, t=text)), f"{steps(items, max if big else min)}. The {w} number is {v}.")], {"type": "contains", "expected": [f"is {v}."]}


def followup(r):
    """Reverse or count the list of the turn before."""
    items = words(r, r.randrange(3, 6))
    text = ", ".join(items)
    kind = r.randrange(2)
    if kind == 0:
        first = (ask(r, pick(r, ["Sort these words: {t}", "Sort alphabetically: {t}", "Sort {t}"]).format(t=text)), f"{cap(inserted(items))}. Sorted: " + ", ".join(sorted(items)) + ".")
        out = sorted(items, reverse=True)
    else:
        first = (ask(r, pick(r, ["Reverse this list: {t}", "Reverse {t}", "Backwards: {t}"]).format(t=text)), "Reversed: " + ", ".join(items[::-1]) + ".")
        out = items
    q = ask(r, pick(r, ["Now reverse it.", "And backwards?", "Now the other way round.", "Reverse that.", "And reversed?", "Turn that around.", "the other way round", "backwards please", "now backwards", "Reverse it.", "And the other way?", "In reverse order please.", "Other direction.", "Now from the end."]))
    return [first, (q, "Reversed: " + ", ".join(out) + ".")], {"type": "contains", "expected": [", ".join(out)]}
