"""Sums and differences up to three digits, products in steps up to 20 x 20 (and up to 99 x 9), small divisions, in digits or words.

Sums of longer numbers are answered the way they are done on paper: column by column from the right,
then the result. Each step needs only two digits and a carry, so a very small network can learn it,
and the visitor sees the working. Single digits are answered in the same form, so that there is one table to learn.
A product beyond the times tables is split into two that are in them, and their results are summed.
"""

from .phrase import ask, pick

COLUMNS = ["ones", "tens", "hundreds"]
SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def word(r, n):
    """`n` (0 to 1000) in words, with or without hyphen and `and`."""
    if n < 20:
        return SMALL[n]
    if n < 100:
        return TENS[n // 10] + (pick(r, ["-", "-", " "]) + SMALL[n % 10] if n % 10 else "")
    if n == 1000:
        return "one thousand"
    head = pick(r, ["one hundred", "a hundred"]) if n // 100 == 1 else SMALL[n // 100] + " hundred"
    return head + (pick(r, [" and ", " and ", " "]) + word(r, n % 100) if n % 100 else "")


def digits(n):
    """Digits of n from the right."""
    return [int(c) for c in reversed(str(n))]


def add_steps(a, b):
    da, db = digits(a), digits(b)
    top = max(len(da), len(db))
    out, carry = [], 0
    for i in range(top):
        parts = [d[i] for d in (da, db) if i < len(d)] + ([carry] if carry else [])
        total = sum(parts)
        work = "+".join(map(str, parts)) + (f"={total}" if len(parts) > 1 else "")
        out.append(f"{COLUMNS[i]} {work}" if top > 1 else work)
        carry = total // 10
    return ", ".join(out)


def sub_steps(a, b):
    da, db = digits(a), digits(b)
    out, borrow = [], 0
    for i in range(len(da)):
        take = ([db[i]] if i < len(db) else []) + ([borrow] if borrow else [])
        top = da[i]
        borrow = 1 if top < sum(take) else 0
        top += 10 * borrow
        work = "-".join(map(str, [top] + take)) + (f"={top - sum(take)}" if take else "")
        out.append(f"{COLUMNS[i]} {work}" if len(da) > 1 else work)
    return ", ".join(out)


def product(a, b):
    """`a x b`, split at the tens of one side where the times tables up to 12 do not hold it."""
    if (a <= 12 and b <= 12) or min(a, b) <= 1 or 10 in (a, b):
        return f"{a} x {b} = {a * b}."
    big, small = max(a, b), min(a, b)
    tens, ones = big // 10 * 10, big % 10
    if small > 12 and big <= 20 and ones == 0:
        return f"{a} x {b}: {small} x 2 = {small * 2}, and ten times that. The answer is {a * b}."
    if ones == 0:
        return f"{a} x {b}: {tens // 10} x {small} = {tens // 10 * small}, and ten times that. The answer is {a * b}."
    x, y = tens * small, ones * small
    return f"{a} x {b}: {tens} x {small} = {x}, {ones} x {small} = {y}, {x} + {y}: {add_steps(x, y)}. The answer is {a * b}."


def quotient(a, b):
    q, rest = divmod(a, b)
    if rest:
        return f"{a} / {b}: {b} x {q} = {b * q}, {a} - {b * q} = {rest}. The answer is {q}, remainder {rest}."
    return f"{a} / {b}: {b} x {q} = {a}. The answer is {q}."


def answer(a, op, b):
    if op == "x":
        return product(a, b)
    if op == "/":
        return quotient(a, b)
    if op == "+":
        return f"{a} + {b}: {add_steps(a, b)}. The answer is {a + b}."
    if a < b:
        return f"{a} - {b} is below zero. {b} - {a}: {sub_steps(b, a)}. The answer is -{b - a}."
    return f"{a} - {b}: {sub_steps(a, b)}. The answer is {a - b}."


SYMBOL = {
    "+": ["{a} + {b}", "{a}+{b}", "{a} plus {b}", "{a} + {b}", "{a} + {b} =", "{a} and {b}", "{a}+ {b}", "{a} added to {b}", "{a} + {b} = ?"],
    "-": ["{a} - {b}", "{a}-{b}", "{a} minus {b}", "{a} - {b}", "{a} - {b} =", "{a} take away {b}", "{a} less {b}", "{a} \u2212 {b}", "{a} - {b} = ?"],
    "x": ["{a} x {b}", "{a}*{b}", "{a} times {b}", "{a} * {b}", "{a} x {b} =", "{a} \u00d7 {b}", "{a}x{b}", "{a} X {b}", "{a} multiplied by {b}", "{a} \u00d7 {b} = ?", "{a} multiplied with {b}", "{a} by {b}"],
    "/": ["{a} / {b}", "{a}/{b}", "{a} divided by {b}", "{a} : {b}", "{a} / {b} =", "{a} \u00f7 {b}", "{a} over {b}"],
}
SPOKEN = {
    "+": ["{a} plus {b}", "{a} plus {b}", "{a} and {b}", "{a} added to {b}"],
    "-": ["{a} minus {b}", "{a} minus {b}", "{a} take away {b}", "{a} less {b}"],
    "x": ["{a} times {b}", "{a} times {b}", "{a} multiplied by {b}", "{a} by {b}", "{a} x {b}", "{a} multiplied with {b}"],
    "/": ["{a} divided by {b}", "{a} over {b}"],
}
FRAMES = [
    "{e}", "{e}", "{e}", "{e}?", "What is {e}?", "What is {e}?", "What's {e}?", "Calculate {e}.", "How much is {e}?", "Compute {e}.",
    "Can you calculate {e}?", "What does {e} make?", "Work out {e}.", "Tell me what {e} is.", "Solve {e}.", "Do you know {e}?",
    "I need to know {e}.", "Can you do {e}?", "What do you get for {e}?", "What is the result of {e}?", "Give me {e}.", "Try {e}.",
    "{e} is what?", "{e} equals?", "{e} equals what?", "{e} makes?", "{e} gives?", "How many is {e}?", "What would {e} be?", "So {e}?", "Answer this: {e}", "Math: {e}", "My homework is {e}.", "Evaluate {e}.",
    "What does {e} give?", "What does {e} equal?", "Could you work out {e}?", "Do the math: {e}", "I want to know what {e} is.", "And {e}?", "What about {e}?", "Help me with {e}.", "Find {e}.", "Quick, {e}!", "Could you tell me what {e} is?",
    "Then what is {e}?", "{e} is how much?", "Let me test you: {e}", "What do {e} come to?", "Sum: {e}", "Next one: {e}",
]
WORDS = {
    "+": ["Add {a} and {b}.", "What is the sum of {a} and {b}?", "Add {b} to {a}.", "What do you get if you add {a} and {b}?", "Sum of {a} and {b}?",
          "Sum up {a} and {b}.", "How much do {a} and {b} make together?", "Put {a} and {b} together.", "What is {a} more than {b}?", "Increase {a} by {b}.", "The total of {a} and {b}?", "What is {a} increased by {b}?",
          "I have {a} {x} and get {b} more. How many do I have?", "There are {a} {x} and {b} more come. How many are there?", "I found {a} {x} yesterday and {b} today. How many in total?",
          "{n} has {a} {x} and {m} has {b}. How many do they have together?", "A {t} costs {a} euros and a {u} costs {b} euros. How much for both?", "If I have {a} {x} and you give me {b}, how many {x} do I have?",
          "{n} picked {a} {x} and then {b} more. How many {x} does {n} have?", "My bag weighs {a} kilos and yours {b} kilos. How heavy are both?", "I read {a} pages on Monday and {b} on Tuesday. How many pages is that?", "I got {a} dollars from {n} and {b} from {m}, how much is it"],
    "-": ["Subtract {b} from {a}.", "Take {b} away from {a}.", "What is the difference between {a} and {b}?", "Take {b} from {a}.", "Decrease {a} by {b}.", "What is {b} less than {a}?", "Remove {b} from {a}.", "The difference of {a} and {b}?",
          "What is left if you take {b} from {a}?", "I have {a} {x} and eat {b}. How many are left?", "How many are left when I take {b} from {a}?", "How far is it from {b} to {a}?",
          "There are {a} {x} and {b} fly away. How many are left?", "How much is {a} less {b}?", "{n} had {a} {x} and gave {b} to {m}. How many does {n} still have?", "A {t} has {a} {x}, {b} break. How many are still fine?",
          "I had {a} coins and lost {b}. How many do I have now?", "I own {a} {x} and sell {b} of them. How many remain?", "{n} made {a} {x} and {m} took {b}. How many are left over?", "I pay with {a} euros for something that costs {b}. How much do I get back?", "Of {a} {x}, {b} are gone. How many are there still?"],
    "x": ["Multiply {a} by {b}.", "What is the product of {a} and {b}?", "Multiply {a} and {b}.", "How much is {a} multiplied by {b}?", "The product of {a} and {b}?", "Multiply {a} with {b}.", "What are {a} groups of {b}?", "{a} groups of {b} are how many?",
          "There are {a} boxes with {b} {x} each. How many {x} are there?", "I buy {a} bags of {b} {x}. How many {x} is that?", "If one {t} costs {b} dollars, how much do {a} cost?", "A {t} costs {b} euros. What do {a} of them cost?",
          "{n} reads {b} pages a day. How many pages in {a} days?", "{a} rows of {b} {x}: how many {x}?", "How many {x} are in {a} packs of {b}?", "I walk {b} kilometres every day for {a} days. How far is that?", "{a} people have {b} {x} each. How many {x} do they have?"],
    "/": ["Divide {a} by {b}.", "How often does {b} go into {a}?", "How many times does {b} fit into {a}?", "Share {a} {x} among {b} people. How many does each get?", "What do you get if you divide {a} by {b}?", "I have {a} {x} for {b} children. How many for each?", "Split {a} into {b} equal parts."],
}
COUNTED = "apples coins birds books pens cookies marbles stickers eggs cards balloons cats sweets flowers stamps toys nuts bananas stones chairs pencils sheep bottles tickets candies cakes oranges leaves shells buttons muffins".split()
PRICED = "ticket book ball hat cake shirt lamp chair pen toy cup bag game box sandwich pizza coffee".split()


def number(r, n_digits):
    if n_digits == 1:
        return r.randrange(10)
    return r.randrange(10 ** (n_digits - 1), 10 ** n_digits)


def factors(r):
    x = r.random()
    if x < 0.08:
        a, b = r.randrange(21), r.randrange(0, 3)
    elif x < 0.35:
        a, b = r.randrange(2, 13), r.randrange(2, 13)
    elif x < 0.8:
        a, b = r.randrange(11, 21), r.randrange(2, 21)
    else:
        a, b = r.randrange(13, 100), r.randrange(2, 10)
    return (a, b) if r.random() < 0.5 else (b, a)


def operands(r, op, size):
    """Two numbers of which the longer has `size` digits."""
    if op == "x":
        return factors(r)
    if op == "/":
        b = r.randrange(2, 13)
        q = r.randrange(1, 51) if b == 2 and r.random() < 0.5 else r.randrange(1, 13)
        return b * q + (r.randrange(b) if r.random() < 0.4 else 0), b
    other = size if r.random() < 0.7 else r.randrange(1, size + 1)
    a, b = number(r, size), number(r, other)
    if op == "+":
        return (a, b) if r.random() < 0.5 else (b, a)
    if r.random() < 0.15 and size > 1:
        b = min(999, max(0, a - r.randrange(-10, 14)))
    elif r.random() < 0.1:
        a = pick(r, [10, 20, 30, 40, 50, 60, 80, 90, 100, 200, 500, 1000])
    if a < b and r.random() > 0.3:
        a, b = b, a
    return (a, b) if a < 1000 else (a - 1, min(b, 999))


def question(r, a, op, b):
    from .names import person
    worded = r.random() < (0.3 if op == "x" else 0.22)
    said = lambda n: word(r, n) if worded and r.random() < 0.93 else str(n)
    x, y = said(a), said(b)
    if r.random() < 0.28 and not (op == "-" and a < b) and not (op == "x" and min(a, b) == 0):
        text = pick(r, WORDS[op]).format(a=x, b=y, x=pick(r, COUNTED), t=pick(r, PRICED), u=pick(r, PRICED), n=person(r), m=person(r))
    elif op == "x" and r.random() < 0.05 and 2 <= a <= 3:
        text = pick(r, FRAMES).replace("{e}", ["double", "three times"][a - 2] + " " + y)
    elif op == "/" and r.random() < 0.3 and b == 2 and a % 2 == 0:
        text = pick(r, FRAMES).replace("{e}", "half of " + x)
    else:
        text = pick(r, FRAMES).replace("{e}", pick(r, (SPOKEN if worded else SYMBOL)[op]).format(a=x, b=y))
        for end in "?.!":
            text = text.replace("=" + end, "= " + ("?" if end == "?" else "")).replace("?" + end, "?")
    return ask(r, text.strip())


RESULT = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "x": lambda a, b: a * b}


def sample(r, op=None, size=None):
    op = op or pick(r, "++++----xx/")
    size = size or pick(r, [1, 1, 2, 2, 3, 3])
    a, b = operands(r, op, size)
    if op == "/":
        return division(r, a, b)
    return [(question(r, a, op, b), answer(a, op, b))], {"type": "number", "expected": RESULT[op](a, b)}


def division(r, a=None, b=None):
    if a is None:
        a, b = operands(r, "/", 2)
    text = quotient(a, b)
    return [(question(r, a, "/", b), text)], {"type": "contains", "expected": [text[text.index("The answer"):]]}


def worded(r):
    """A sum, difference or product whose numbers are written in words."""
    while True:
        turns, check = sample(r, pick(r, "+-x"), pick(r, [1, 2, 2, 3]))
        if not any(c.isdigit() for c in turns[0][0]):
            return turns, check


def chain(r):
    """Three numbers: two sums one after the other."""
    size = pick(r, [1, 1, 2, 2, 3])
    a, b, c = (number(r, size) for _ in range(3))
    o, p = pick(r, "++-"), pick(r, "++-")
    if (o == "-" and a < b) or RESULT[o](a, b) > 999 or (p == "-" and RESULT[o](a, b) < c):
        return chain(r)
    first = RESULT[o](a, b)
    gap = pick(r, ["", " "])
    text = gap.join(map(str, [a, o, b, p, c]))
    if r.random() < 0.35:
        named = {"+": " plus ", "-": " minus "}
        said = [word(r, n) if r.random() < 0.4 else str(n) for n in (a, b, c)]
        text = said[0] + named[o] + said[1] + named[p] + said[2]
    if o == p == "+" and r.random() < 0.2:
        text = pick(r, ["the sum of {a}, {b} and {c}", "{a}, {b} and {c} together", "{a} and {b} and {c}"]).format(a=a, b=b, c=c)
    step = lambda x, op, y: f"{x} {op} {y}: {add_steps(x, y) if op == '+' else sub_steps(x, y)}."
    work = f"{step(a, o, b)} That makes {first}. {step(first, p, c)} The answer is {RESULT[p](first, c)}."
    return [(ask(r, pick(r, FRAMES).replace("{e}", text)), work)], {"type": "number", "expected": RESULT[p](first, c)}


def followup(r):
    """`12 + 7` and then `now add 5`, which needs the result before."""
    op = pick(r, "+-+-x")
    a, b = operands(r, op, pick(r, [1, 2, 2, 3]))
    if op == "-" and a < b:
        a, b = b, a
    res = RESULT[op](a, b)
    if res > 900:
        return followup(r)
    c = number(r, pick(r, [1, 1, 2, 2]))
    first = (question(r, a, op, b), answer(a, op, b))
    op2 = pick(r, "+-") if res >= c else "+"
    if res <= 12 and 2 <= c <= 12 and r.random() < 0.6:
        op2 = "x"
    text = pick(r, {
        "+": ["Now add {c}.", "And plus {c}?", "Add {c} to that.", "Plus {c}?", "And if you add {c}?", "What if I add {c} more?", "plus {c}", "+ {c}", "Now plus {c}.", "Add another {c}.", "And {c} more?", "Then add {c}.", "Add {c}."],
        "-": ["Now subtract {c}.", "And minus {c}?", "Take {c} away from that.", "Minus {c}?", "And if you take away {c}?", "minus {c}", "- {c}", "Now minus {c}.", "Subtract {c} from that.", "Then take away {c}.", "And {c} less?", "Less {c}?"],
        "x": ["Now times {c}.", "And times {c}?", "Multiply that by {c}.", "times {c}", "x {c}", "And that times {c}?", "Now multiply it by {c}."],
    }[op2]).format(c=word(r, c) if r.random() < 0.2 else c)
    return [first, (ask(r, text), answer(res, op2, c))], {"type": "number", "expected": RESULT[op2](res, c)}
