"""The evaluation: held-out prompts by skill, a scorer of transcripts, and a table.

    python eval.py make                        writes eval-prompts.jsonl
    python eval.py inputs FILE                 writes the prompts alone: {"id", "messages"} a line
    python eval.py run CHECKPOINT FILE         answers them in PyTorch (for checks while training)
    python eval.py score FILE [--failures N]   table by skill for transcripts {"id", "text"} a line

With `--prompts free-prompts.jsonl` the same for the prompts that were written freely, by hand.
"""

import argparse
import json
import os
import random
import re

from data import arithmetic, dialog, stories

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPTS = os.path.join(HERE, "eval-prompts.jsonl")

COUNTS = {
    "add 1 digit": (30, lambda r: arithmetic.sample(r, "+", 1)),
    "add 2 digits": (40, lambda r: arithmetic.sample(r, "+", 2)),
    "add 3 digits": (50, lambda r: arithmetic.sample(r, "+", 3)),
    "subtract 1 digit": (30, lambda r: arithmetic.sample(r, "-", 1)),
    "subtract 2 digits": (40, lambda r: arithmetic.sample(r, "-", 2)),
    "subtract 3 digits": (50, lambda r: arithmetic.sample(r, "-", 3)),
    "multiply": (80, lambda r: arithmetic.sample(r, "x")),
    "divide": (30, None),
    "words": (50, None),
    "chain": (30, None),
    "facts": (90, None),
    "yes-no": (60, None),
    "lists": (80, None),
    "letters": (60, None),
    "stories": (40, lambda r: stories.sample(r, full=True)[:2]),
    "smalltalk": (50, None),
    "statements": (20, None),
    "project": (30, None),
    "cannot": (120, None),
    "gibberish": (20, None),
    "reactions": (20, None),
    "in the middle": (60, None),
    "follow-up": (80, None),
}
REFUSALS = ["cannot", "do not know", "did not understand", "tiny demo model", "know no ", "know too little", "only know a little", "only a small", "too much for me"]


def make():
    r = random.Random(20261127)
    seen = set()
    with open(PROMPTS, "w", encoding="utf-8") as f:
        for skill, (count, make_one) in COUNTS.items():
            done = tries = 0
            while done < count and tries < 200000:
                tries += 1
                turns, check = make_one(r) if make_one else dialog.unit(r, skill)
                key = dialog.prompt_key(turns)
                if not dialog.held_out(turns) or key in seen:
                    continue
                seen.add(key)
                done += 1
                messages = []
                for q, a in turns[:-1]:
                    messages += [{"role": "user", "content": q}, {"role": "assistant", "content": a}]
                messages.append({"role": "user", "content": turns[-1][0]})
                line = {"id": f"{skill.replace(' ', '-')}-{done}", "skill": skill, "messages": messages, "check": check, "answer": turns[-1][1]}
                f.write(json.dumps(line, ensure_ascii=False) + "\n")
            print(skill, done)


def prompts(path=PROMPTS):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def story_faults(check, text):
    faults = []
    low = text.lower()
    words = len(text.split())
    sentences = [s for s in re.split(r"(?<=[.!?])\s+", text) if s]
    if not 60 <= words <= 140:
        faults.append(f"{words} words")
    if not text.rstrip().endswith((".", "!", "?", '"')):
        faults.append("no end")
    if len(set(sentences)) < len(sentences):
        faults.append("repeats itself")
    if check["hero"] and low.count(check["hero"].lower()) < 3:
        faults.append("hero lost")
    if check["place"] and low.count(check["place"].lower().removeprefix("the ")) < 2:
        faults.append("place lost")
    if check["mood"] and not any(s.lower() in low for s in stories.MOODS[check["mood"]][1]):
        faults.append("mood lost")
    return faults


def passes(check, text):
    kind, low = check["type"], text.lower()
    if kind == "number":
        found = re.findall(r"-?\d+", re.sub(r"(?<=\d)-", " - ", text))
        return bool(found) and int(found[-1]) == check["expected"]
    if kind == "contains":
        return all(x.lower() in low for x in check["expected"])
    if kind == "any":
        return any(x.lower() in re.findall(r"[a-z]+", low) for x in check["expected"])
    if kind == "says":
        words = re.findall(r"[a-z0-9]+", low)
        return any(any(w.startswith(x.lower()) for w in words) if x.isalnum() else x.lower() in low for x in check["expected"])
    if kind == "refuses":
        return any(x in low for x in REFUSALS)
    if kind == "spelled":
        return check["expected"] in re.sub(r"[^a-z]", "", low)
    if kind == "verdict":
        return re.findall(r"[a-z]+", low)[-1:] == [check["expected"]]
    if kind == "story":
        return not story_faults(check, text)
    raise ValueError(f"unknown check {kind}")


def score(path, failures, source=PROMPTS, part=None):
    with open(path, encoding="utf-8") as f:
        texts = {x["id"]: x["text"] for x in map(json.loads, f)}
    totals = {}
    for p in prompts(source):
        if p["id"] not in texts or part not in (None, p.get("part")):
            continue
        text = texts[p["id"]].strip()
        ok, n = totals.get(p["skill"], (0, 0))
        good = passes(p["check"], text)
        totals[p["skill"]] = (ok + good, n + 1)
        if not good and failures:
            failures -= 1
            print(f"{p['id']}: {p['messages'][-1]['content']}\n   got  {text}\n   want {story_faults(p['check'], text) if p['check']['type'] == 'story' else p.get('answer', p['check'])}")
    print("| skill | right | prompts | share |\n|---|---|---|---|")
    for skill, (ok, n) in totals.items():
        print(f"| {skill} | {ok} | {n} | {100 * ok / n:.1f}% |")
    ok, n = sum(t[0] for t in totals.values()), sum(t[1] for t in totals.values())
    print(f"| all | {ok} | {n} | {100 * ok / max(n, 1):.1f}% |")


def run(checkpoint, out, every, source):
    import torch

    import reference
    from tokenizer import Coder

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_default_device(device)
    ref, info = reference.load(checkpoint, device)
    coder = Coder(os.path.join(HERE, "tokenizer.json"))
    chosen = prompts(source)[::every]
    texts = reference.answers(ref, coder, [[(m["role"], m["content"]) for m in p["messages"]] for p in chosen], batch=64 if device == "cpu" else 400)
    with open(out, "w", encoding="utf-8") as f:
        for p, t in zip(chosen, texts):
            f.write(json.dumps({"id": p["id"], "text": t}, ensure_ascii=False) + "\n")
    print(info["steps"], "steps", info["tokens"], "tokens")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("what", choices=["make", "inputs", "run", "score"])
    a.add_argument("paths", nargs="*")
    a.add_argument("--failures", type=int, default=0, help="show so many wrong answers")
    a.add_argument("--every", type=int, default=1, help="use each n-th prompt only")
    a.add_argument("--prompts", default=PROMPTS)
    a.add_argument("--part", choices=["guide", "blind"], help="of the freely written prompts")
    a = a.parse_args()
    if a.what == "make":
        make()
    elif a.what == "inputs":
        with open(a.paths[0], "w", encoding="utf-8") as f:
            for p in prompts(a.prompts):
                f.write(json.dumps({"id": p["id"], "messages": p["messages"]}, ensure_ascii=False) + "\n")
    elif a.what == "run":
        run(a.paths[0], a.paths[1], a.every, a.prompts)
        score(a.paths[1], a.failures, a.prompts, a.part)
    else:
        score(a.paths[0], a.failures, a.prompts, a.part)


if __name__ == "__main__":
    main()
