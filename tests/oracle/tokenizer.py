"""Token ids by Hugging Face `tokenizers` for many texts, and vocabularies as GGUF files without tensors."""

import json
import os
import random

import gguf_file as g
import texts
import vocabulary

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/tokenizer")

# (name, size, pre-tokenizer). 320 is the vocabulary that every file in models/ has.
VOCABULARIES = [("small-llama-bpe", 2048, "llama-bpe"), ("small-gpt-2", 2048, "gpt-2"), ("models", 320, "llama-bpe")]


def write_gguf(path, vocab, pre):
    g.write(path, [("general.architecture", g.STR, "bitnet-b1.58"), *vocabulary.metadata(*vocab, pre)], [])


def ids_of(tokenizer, text, plain):
    """plain: special tokens in the text are text. User-defined tokens are found in both cases."""
    tokenizer.encode_special_tokens = plain
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    decoded = tokenizer.decode(ids, skip_special_tokens=False)
    assert decoded == text, (text, decoded)
    return ids


def decode_cases(tokenizer, size, seed=3):
    """Random ids: most are not valid UTF-8, each bad byte sequence becomes U+FFFD."""
    rng = random.Random(seed)
    for length in (1, 1, 2, 3, 5, 8, 13, 21, 34, 55):
        ids = [rng.randrange(size) for _ in range(length)]
        yield {"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False)}


def make():
    os.makedirs(OUT, exist_ok=True)
    cases = texts.all_texts()
    with open(f"{OUT}/texts.json", "w") as sink:
        json.dump(cases, sink, indent=0)
    for name, size, pre in VOCABULARIES:
        vocab = vocabulary.small(size, ["Ġbitnet"] if size > 320 else [])
        tokenizer = vocabulary.build(*vocab, pre)
        if size > 320:
            write_gguf(f"{OUT}/{name}.gguf", vocab, pre)
        record = {
            "file": f"{name}.gguf" if size > 320 else None,
            "pre": pre,
            "vocab_size": size,
            "bos": vocab[0].index("<|begin_of_text|>"),
            "eos": vocab[0].index("<|end_of_text|>"),
            "eot": vocab[0].index("<|eot_id|>"),
            "cases": [
                {
                    "name": case["name"],
                    "ids": ids_of(tokenizer, case["text"], plain=False),
                    "plain_ids": ids_of(tokenizer, case["text"], plain=True),
                }
                for case in cases
            ],
            "decode": list(decode_cases(tokenizer, size)),
        }
        with open(f"{OUT}/{name}.json", "w") as sink:
            sink.write(compact(record))
        print(name, sum(len(case["ids"]) for case in record["cases"]), "tokens in", len(cases), "texts")


def compact(record):
    """One case a line."""
    lines = [json.dumps(case) for case in record["cases"]]
    decode = [json.dumps(case) for case in record["decode"]]
    head = json.dumps({k: v for k, v in record.items() if k not in ("cases", "decode")})
    return head[:-1] + ',\n"cases": [\n' + ",\n".join(lines) + '\n],\n"decode": [\n' + ",\n".join(decode) + "\n]}\n"


if __name__ == "__main__":
    make()
