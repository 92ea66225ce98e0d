"""Small helpers for composing text: picking, articles, joining, and the noise that typed text has."""

import re


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


POLITE_BEFORE = ["please ", "can you please ", "hey, ", "hi, ", "ok, ", "okay, ", "so, ", "now ", "and now, ", "hey there, ", "could you please ", "pls ", "hello, ", "um, ", "well ", "alright, "]
POLITE_AFTER = [" please", ", please", " thanks", ", thank you", " pls", ", pretty please", " plz", " thx", " for me", " mate", ", thanks a lot"]
SHORT = [("what is ", ["whats ", "what's ", "wats "]), ("what's ", ["whats "]), (" you ", [" u "]), (" are ", [" r "]), ("please", ["pls", "plz"]), ("thanks", ["thx"]), ("do not ", ["dont "]), ("don't", ["dont"]),
         ("i am ", ["im "]), ("i'm ", ["im "]), ("going to", ["gonna"]), ("want to", ["wanna"]), ("because", ["cuz"]), ("tell me", ["tell me", "gimme"]), (" and ", [" & "]), ("colour", ["color"]), ("favourite", ["favorite"])]
# Only words of the question itself are misspelt; what has to be copied stays as it is.
MISSPELT = set("""what which where when who how does about tell story capital country number numbers letter list please multiply times plus minus between difference opposite plural rhymes rhyme colour explain write
translate program question answer because should could would weather today tomorrow language another remember something anything sort reverse order words alphabetical biggest smallest largest month week called sound
calculate subtract together would you know many much this that with from these there have your think make find give again really happy funny short sad""".split())


def misspelt(r, text):
    """One of the common words with two letters exchanged, one lost or one doubled."""
    words = text.split(" ")
    at = [i for i, w in enumerate(words) if len(w) > 3 and w.lower() in MISSPELT]
    if not at:
        return text
    i = pick(r, at)
    w, k, x = words[i], r.randrange(1, len(words[i]) - 1), r.random()
    words[i] = w[:k] + w[k + 1] + w[k] + w[k + 2:] if x < 0.4 else w[:k] + w[k + 1:] if x < 0.75 else w[:k] + w[k] + w[k:]
    return " ".join(words)


def typed(r, text):
    """A message as a person might type it: half the time as written, else without case or full stop, in short forms, misspelt."""
    if r.random() < 0.06:
        text = misspelt(r, text)
    if r.random() < 0.32:
        text = text.lower()
        if r.random() < 0.3:
            short, forms = pick(r, SHORT)
            text = text.replace(short, pick(r, forms))
    x = r.random()
    if x < 0.26:
        text = text.rstrip("?.!")
    elif x < 0.29:
        text = text.rstrip("?.") + "?"
    elif x < 0.31:
        text = text.rstrip("?.!") + pick(r, ["!!", "??", "...", " ?", " !", "?!"])
    if r.random() < 0.05:
        text = text.replace("'", "")
    if r.random() < 0.025:
        text = text.upper()
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


BEFORE = ["And ", "But ", "Well, ", "Tell me: ", "I want to know: ", "Hello! ", "Hi, ", "Excuse me, ", "Hm, ", "Listen: ", "Quick question: ", "My teacher asks: ", "Just wondering, ", "Serious question: ", "Do you know this one: ", "My son wants to know: ", "Ok so "]
AFTER = [" in simple words", " for me", " again", " exactly", " then", ", bot", ", my friend", " really", " right now", " anyway", ", if you know it", ", do you know?", ", any idea?", " by the way", ", buddy"]
DROPPED = ["the", "a", "is", "of", "do", "you", "are", "me", "does", "in"]


def reworded(r, text):
    """Small changes of wording that do not change what is asked."""
    x = r.random()
    if x < 0.07:
        return pick(r, BEFORE) + (text if text[:2] in ("I ", "I'") else text[:1].lower() + text[1:])
    if x < 0.13:
        end = text[-1] if text[-1] in "?.!" else ""
        tail = pick(r, AFTER)
        return text.rstrip("?.!") + tail + ("" if tail.endswith("?") else end)
    if x < 0.19:
        words = text.split(" ")
        at = [i for i, w in enumerate(words) if w in DROPPED]
        if at and len(words) > 3:
            del words[at[r.randrange(len(at))]]
            return " ".join(words)
    return text


def filled(text, **slots):
    """`text` with its {slots} filled; other braces stay, as they occur in code."""
    return re.sub(r"\{(\w+)\}", lambda m: str(slots.get(m[1], m[0])), text)
