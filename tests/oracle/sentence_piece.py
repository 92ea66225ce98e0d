"""SentencePiece vocabularies, trained here, as GGUF files without tensors, and token ids by the `sentencepiece` package.

Two of them: as Llama 2's (a space before a text, bytes for unknown characters) and as Gemma's (no such space, tokens
that hold spaces in their middle, user-defined tokens for runs of spaces and line ends).
"""

import io
import json
import os
import random
import re

import sentencepiece as spm
from tokenizers import Tokenizer, models, normalizers

import gguf_file as g
import texts
import tokenizer as bpe
import vocabulary

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/tokenizer")
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
# Tokens that Hugging Face adds behind a SentencePiece vocabulary.
ADDED = [("<|eot_id|>", CONTROL), ("<think>", USER_DEFINED)]

SHAPES = {
    "spm-llama": {
        "size": 1600,
        "options": {"add_dummy_prefix": True, "split_digits": True, "unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1},
        "split_on_added": True,
    },
    "spm-gemma": {
        "size": 1800,
        "options": {
            "add_dummy_prefix": False,
            "split_by_whitespace": False,
            "pad_id": 0,
            "eos_id": 1,
            "bos_id": 2,
            "unk_id": 3,
            "control_symbols": ["<start_of_turn>", "<end_of_turn>"],
            "user_defined_symbols": ["\n\n", "\n\n\n", "▁▁", "▁▁▁", "▁▁▁▁", "<table>"],
        },
        "split_on_added": False,
    },
    # Without bytes: unknown characters are one unknown token.
    "spm-unknown": {
        "size": 900,
        "options": {"byte_fallback": False, "unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1},
        "split_on_added": True,
    },
}


def train(size, options):
    sink = io.BytesIO()
    lines = [line.replace("\n", " ").strip() for line in vocabulary.training_text()]
    rng = random.Random(11)
    lines += ["  ".join(rng.sample(line.split(" "), len(line.split(" ")))) for line in lines[:600]]
    defaults = {
        "model_type": "bpe",
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "remove_extra_whitespaces": False,
        "allow_whitespace_only_pieces": True,
        "character_coverage": 0.999,
        "minloglevel": 2,
    }
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=sink, vocab_size=size, num_threads=1, **(defaults | options)
    )
    return spm.SentencePieceProcessor(model_proto=sink.getvalue())


def kind(model, id):
    tests = [(model.is_unknown, UNKNOWN), (model.is_control, CONTROL), (model.is_unused, UNUSED), (model.is_byte, BYTE)]
    return next((kind for test, kind in tests if test(id)), NORMAL)


def listed(model, user_defined):
    """(tokens, scores, types) as llama.cpp's converter writes them: user-defined tokens with spaces, not U+2581."""
    size = model.get_piece_size()
    tokens = [model.id_to_piece(id) for id in range(size)]
    scores = [model.get_score(id) for id in range(size)]
    types = [USER_DEFINED if tokens[id] in user_defined else kind(model, id) for id in range(size)]
    tokens = [token.replace("▁", " ") if kind == USER_DEFINED else token for token, kind in zip(tokens, types)]
    for token, kind_of_added in ADDED:
        tokens.append(token)
        scores.append(-1000.0)
        types.append(kind_of_added)
    return tokens, scores, types


def write(path, model, shape, tokens, scores, types):
    pairs = [
        ("general.architecture", g.STR, "llama"),
        ("tokenizer.ggml.model", g.STR, "llama"),
        ("tokenizer.ggml.tokens", (g.ARRAY, g.STR), tokens),
        ("tokenizer.ggml.scores", (g.ARRAY, g.F32), scores),
        ("tokenizer.ggml.token_type", (g.ARRAY, g.I32), types),
        ("tokenizer.ggml.bos_token_id", g.U32, model.bos_id()),
        ("tokenizer.ggml.eos_token_id", g.U32, model.eos_id()),
        ("tokenizer.ggml.unknown_token_id", g.U32, model.unk_id()),
    ]
    if not shape["options"].get("add_dummy_prefix", True):
        pairs.append(("tokenizer.ggml.add_space_prefix", g.BOOL, False))
    g.write(path, pairs, [])


def ids_of(model, tokens, types, text, plain):
    """Special tokens are cut out first, and each text between them is a text of its own, as in llama.cpp and in
    transformers' LlamaTokenizer with `legacy`."""
    kinds = (USER_DEFINED,) if plain else (USER_DEFINED, CONTROL)
    special = {token: id for id, (token, kind) in enumerate(zip(tokens, types)) if kind in kinds}
    cut = re.split("(" + "|".join(re.escape(t) for t in sorted(special, key=len, reverse=True)) + ")", text)
    ids = []
    for index, part in enumerate(cut):
        if index % 2:
            ids.append(special[part])
        elif part:
            # The package takes a written U+2581 for a space and finds runs with it; llama.cpp finds runs in the text.
            runs = " " + chr(0x2581) in part and "  " in special
            ids += [id for piece in (re.split("(?=▁)", part) if runs else [part]) for id in model.encode(piece)]
    return ids


def hugging_face(model, tokens, scores, types):
    """LlamaTokenizerFast's model of the same vocabulary: merges made of the scores."""
    vocab = {token: id for id, (token, kind) in enumerate(zip(tokens, types)) if kind in (NORMAL, BYTE, UNKNOWN)}
    merges = []
    for token, id in vocab.items():
        if types[id] != NORMAL:
            continue
        local = [(token[:at], token[at:], scores[id]) for at in range(1, len(token))]
        local = [(l, r, s) for l, r, s in local if vocab.get(l) is not None and vocab.get(r) is not None]
        merges += sorted(local, key=lambda item: (vocab[item[0]], vocab[item[1]]))
    merges.sort(key=lambda item: (item[2], len(item[0]), len(item[1])), reverse=True)
    unknown = model.id_to_piece(model.unk_id())
    return Tokenizer(
        models.BPE(
            vocab=vocab, merges=[m[:2] for m in merges], unk_token=unknown, fuse_unk=True, byte_fallback=BYTE in types
        )
    )


def compare(model, other, shape, cases):
    """How many texts Hugging Face cuts otherwise: it breaks ties between merges of one token by length, not by place."""
    prefix = "▁" if shape["options"].get("add_dummy_prefix", True) else ""
    user_defined = shape["options"].get("user_defined_symbols", [])
    differences = 0
    for case in cases:
        text = case["text"]
        if text and not any(symbol.replace("▁", " ") in text for symbol in user_defined):
            found = other.encode(prefix + text.replace(" ", "▁"), add_special_tokens=False).ids
            differences += found != model.encode(text)
    return differences


def make():
    cases = texts.all_texts()
    for name, shape in SHAPES.items():
        model = train(shape["size"], shape["options"])
        tokens, scores, types = listed(model, shape["options"].get("user_defined_symbols", []))
        write(f"{OUT}/{name}.gguf", model, shape, tokens, scores, types)
        record = {"file": f"{name}.gguf", "vocab_size": len(tokens), "bos": model.bos_id(), "eos": model.eos_id()}
        record["cases"] = []
        for case in cases:
            ids = {plain: ids_of(model, tokens, types, case["text"], plain) for plain in (False, True)}
            plain = {} if ids[True] == ids[False] else {"plain_ids": ids[True]}
            record["cases"].append({"name": case["name"], "ids": ids[False]} | plain)
        record["decode"] = []
        with open(f"{OUT}/{name}.json", "w") as sink:
            sink.write(bpe.compact(record))
        other = hugging_face(model, tokens, scores, types)
        print(name, len(cases), "texts;", compare(model, other, shape, cases), "cut otherwise by tokenizers")


if __name__ == "__main__":
    make()
