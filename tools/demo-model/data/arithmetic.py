"""Addition and subtraction up to three digits, products up to 12 x 12.

Sums of longer numbers are answered the way they are done on paper: column by column from the right,
then the result. Each step needs only two digits and a carry, so a very small network can learn it,
and the visitor sees the working. Single digits are answered in the same form, so that there is one table to learn.
"""

from .phrase import ask, pick

COLUMNS = ["ones", "tens", "hundreds"]


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


def answer(a, op, b):
    if op == "x":
        return f"{a} x {b} = {a * b}."
    if op == "+":
        return f"{a} + {b}: {add_steps(a, b)}. The answer is {a + b}."
    if a < b:
        return f"{a} - {b} is below zero. {b} - {a}: {sub_steps(b, a)}. The answer is -{b - a}."
    return f"{a} - {b}: {sub_steps(a, b)}. The answer is {a - b}."


SYMBOL = {
    "+": ["{a} + {b}", "{a}+{b}", "{a} plus {b}", "{a} + {b}", "{a} + {b} ="],
    "-": ["{a} - {b}", "{a}-{b}", "{a} minus {b}", "{a} - {b}", "{a} - {b} ="],
    "x": ["{a} x {b}", "{a}*{b}", "{a} times {b}", "{a} * {b}", "{a} x {b} ="],
}
FRAMES = [
    "{e}", "{e}", "{e}?", "What is {e}?", "What is {e}?", "What's {e}?", "Calculate {e}.", "How much is {e}?", "Compute {e}.",
    "Can you calculate {e}?", "What does {e} make?", "Work out {e}.", "Tell me what {e} is.", "Solve {e}.", "Do you know {e}?",
    "I need to know {e}.", "Can you do {e}?", "What do you get for {e}?", "What is the result of {e}?", "Give me {e}.", "Try {e}.",
]
WORDS = {
    "+": ["Add {a} and {b}.", "What is the sum of {a} and {b}?", "Add {b} to {a}.", "What do you get if you add {a} and {b}?",
          "Sum up {a} and {b}.", "How much do {a} and {b} make together?",
          "I have {a} apples and get {b} more. How many do I have?", "There are {a} birds and {b} more come. How many are there?",
          "Tom has {a} coins and Anna has {b}. How many do they have together?"],
    "-": ["Subtract {b} from {a}.", "Take {b} away from {a}.", "What is the difference between {a} and {b}?",
          "What is left if you take {b} from {a}?", "I have {a} apples and eat {b}. How many are left?",
          "There are {a} birds and {b} fly away. How many are left?", "How much is {a} less {b}?",
          "I had {a} coins and lost {b}. How many do I have now?"],
    "x": ["Multiply {a} by {b}.", "What is the product of {a} and {b}?", "Multiply {a} and {b}.", "How much is {a} multiplied by {b}?",
          "There are {a} boxes with {b} pens each. How many pens are there?", "I buy {a} bags of {b} apples. How many apples is that?"],
}


def number(r, n_digits):
    if n_digits == 1:
        return r.randrange(10)
    return r.randrange(10 ** (n_digits - 1), 10 ** n_digits)


def operands(r, op, size):
    """Two numbers of which the longer has `size` digits."""
    if op == "x":
        return r.randrange(13) if r.random() < 0.1 else r.randrange(2, 13), r.randrange(1, 13)
    other = size if r.random() < 0.7 else r.randrange(1, size + 1)
    a, b = number(r, size), number(r, other)
    if op == "+":
        return (a, b) if r.random() < 0.5 else (b, a)
    if r.random() < 0.12 and size > 1:
        b = max(0, a - r.randrange(12))
    if a < b and r.random() > 0.15:
        a, b = b, a
    return a, b


def question(r, a, op, b):
    if r.random() < 0.22 and not (op == "-" and a < b):
        text = pick(r, WORDS[op])
    else:
        text = pick(r, FRAMES).replace("{e}", pick(r, SYMBOL[op]))
        text = text.replace("=?", "= ?").replace("=.", "=") if "=" in text else text
    return ask(r, text.format(a=a, b=b))


def sample(r, op=None, size=None):
    op = op or pick(r, "++++----x")
    size = size or pick(r, [1, 1, 2, 2, 3, 3])
    a, b = operands(r, op, size)
    return [(question(r, a, op, b), answer(a, op, b))], {"type": "number", "expected": {"+": a + b, "-": a - b, "x": a * b}[op]}


def followup(r):
    """`12 + 7` and then `now add 5`, which needs the result before."""
    op = pick(r, "+-")
    a, b = operands(r, op, pick(r, [1, 2, 2]))
    if op == "-" and a < b:
        a, b = b, a
    res = a + b if op == "+" else a - b
    c = number(r, pick(r, [1, 1, 2]))
    first = (question(r, a, op, b), answer(a, op, b))
    op2 = pick(r, "+-") if res >= c else "+"
    text = pick(r, {
        "+": ["Now add {c}.", "And plus {c}?", "Add {c} to that.", "Plus {c}?", "And if you add {c}?", "What if I add {c} more?"],
        "-": ["Now subtract {c}.", "And minus {c}?", "Take {c} away from that.", "Minus {c}?", "And if you take away {c}?"],
    }[op2]).format(c=c)
    return [first, (ask(r, text), answer(res, op2, c))], {"type": "number", "expected": res + c if op2 == "+" else res - c}
