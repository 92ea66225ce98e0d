"""Small helpers for composing text: picking, articles, joining, and the noise that typed text has."""


def pick(r, options):
    return options[r.randrange(len(options))]


def article(noun):
    return ("an " if noun[0].lower() in "aeiou" else "a ") + noun


def joined(items):
    """`a`, `a and b`, `a, b and c`."""
    items = list(items)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def cap(s):
    return s[:1].upper() + s[1:]


POLITE_BEFORE = ["please ", "can you please ", "hey, ", "hi, ", "ok, ", "okay, ", "so, ", "now ", "and now, "]
POLITE_AFTER = [" please", ", please", " thanks", ", thank you"]


def typed(r, text):
    """A message as a person might type it: mostly as written, at times without case or full stop."""
    x = r.random()
    if x < 0.16:
        text = text.lower()
    if x < 0.10 or 0.16 <= x < 0.24:
        text = text.rstrip("?.!")
    elif 0.24 <= x < 0.27:
        text = text.rstrip("?.") + "?"
    elif 0.27 <= x < 0.30:
        text = text.replace("'", "")
    return text


def polite(r, text, p=0.15):
    """Adds a please or a hey now and then; the text starts with a capital and may end with a mark."""
    if r.random() < p:
        if r.random() < 0.5:
            first = text[:1] if text[:2] in ("I ", "I'") else text[:1].lower()
            return cap(pick(r, POLITE_BEFORE)) + first + text[1:]
        end = text[-1] if text[-1] in "?.!" else ""
        return text.rstrip("?.!") + pick(r, POLITE_AFTER) + end
    return text


def ask(r, text):
    return typed(r, polite(r, cap(text)))


BEFORE = ["And ", "But ", "Well, ", "Tell me: ", "I want to know: ", "Hello! ", "Hi, ", "Excuse me, ", "Hm, ", "Listen: "]
AFTER = [" in simple words", " for me", " again", " exactly", " then", ", bot", ", my friend", " really", " right now", " anyway"]
DROPPED = ["the", "a", "is", "of", "do", "you", "are", "me", "does", "in"]


def reworded(r, text):
    """Small changes of wording that do not change what is asked."""
    x = r.random()
    if x < 0.07:
        return pick(r, BEFORE) + (text if text[:2] in ("I ", "I'") else text[:1].lower() + text[1:])
    if x < 0.13:
        end = text[-1] if text[-1] in "?.!" else ""
        return text.rstrip("?.!") + pick(r, AFTER) + end
    if x < 0.19:
        words = text.split(" ")
        at = [i for i, w in enumerate(words) if w in DROPPED]
        if at and len(words) > 3:
            del words[at[r.randrange(len(at))]]
            return " ".join(words)
    return text
