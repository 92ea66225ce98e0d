"""The byte-level BPE of the demo model: trained on generated text, pre-tokenized like Llama 3.

Digits are never merged: the BPE is trained on text whose digits are split one by one, so no merge
holds a digit, although the run-time pattern groups up to three of them.
"""

import json
import random
import sys

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from data import dialog

BOS, EOS, EOT = "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def splitter(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def build(vocab, merges):
    """A tokenizer with the settings that the run time uses (whole pre-tokens are taken as they are)."""
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=True))
    t.pre_tokenizer = splitter(LLAMA3)
    t.decoder = decoders.ByteLevel()
    return t


def train(size, conversations=60000, seed=1):
    def texts():
        r = random.Random(seed)
        for _ in range(conversations):
            for role, text in dialog.conversation(r):
                yield f"{role.capitalize()}: {text}"

    t = Tokenizer(models.BPE())
    t.pre_tokenizer = splitter(LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}"))
    t.train_from_iterator(texts(), trainers.BpeTrainer(
        vocab_size=size - 3, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    m = json.loads(t.to_str())["model"]
    assert not any(c.isdigit() for x in m["merges"] for c in "".join(x))
    return m["vocab"], [tuple(x) for x in m["merges"]]


class Coder:
    """Text to ids and back, with the chat form of the 2B4T template."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            saved = json.load(f)
        self.vocab, self.merges = saved["vocab"], [tuple(m) for m in saved["merges"]]
        self.t = build(self.vocab, self.merges)
        n = len(self.vocab)
        self.bos, self.eos, self.eot = n, n + 1, n + 2
        self.size = n + 3
        self.cache = {}

    def ids(self, text):
        return self.t.encode(text, add_special_tokens=False).ids

    def prompt(self, messages):
        """Ids of a conversation that waits for the assistant, as the run time makes them."""
        out = [self.bos]
        for role, text in messages:
            out += self.ids(f"{role.capitalize()}: {text.strip()}") + [self.eot]
        return out + self.ids("Assistant: ")

    def training(self, messages, r):
        """Ids and loss weights. An answer follows the `Assistant: ` that generation starts from; some
        earlier answers are written as a re-tokenized history has them, and carry no loss."""
        ids, loss = [self.bos], [0]
        last = len(messages) - 1
        for i, (role, text) in enumerate(messages):
            if role == "assistant" and (i == last or r.random() < 0.75):
                head, body = self.ids("Assistant: "), self.ids(text)
                ids += head + body + [self.eot]
                loss += [0] * len(head) + [1] * (len(body) + 1)
            else:
                body = self.ids(f"{role.capitalize()}: {text}")
                ids += body + [self.eot]
                loss += [0] * (len(body) + 1)
        return ids, loss

    def text(self, ids):
        return self.t.decode([i for i in ids if i < len(self.vocab)])


if __name__ == "__main__":
    vocab, merges = train(int(sys.argv[2]))
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        json.dump({"vocab": vocab, "merges": merges}, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")
    print(len(vocab) + 3, "tokens,", len(merges), "merges")
