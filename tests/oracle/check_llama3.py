"""Compares what llama3-vocab.mjs wrote with Hugging Face `tokenizers` and with the published 2B4T file's merges:

    node tests/oracle/llama3-vocab.mjs FOLDER && python tests/oracle/check_llama3.py FOLDER
"""

import hashlib
import json
import os
import sys

from gguf import GGUFReader

import vocabulary

FOLDER = sys.argv[1]
# What others measured of the published 2B4T GGUF: SHA-256 over its merges, each followed by a zero byte.
MERGES_SHA256 = "cfe2e1ca857e85780db48349c18f4dc6e5262573b9a25e79e15f93f2a2d43339"
TEXTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/tokenizer/texts.json")


def main():
    fields = GGUFReader(os.path.join(FOLDER, "llama3-vocab.gguf")).fields
    get = lambda key: fields["tokenizer.ggml." + key].contents()
    joined = "".join(pair + "\0" for pair in get("merges"))
    assert hashlib.sha256(joined.encode("utf-8")).hexdigest() == MERGES_SHA256
    merges = [tuple(pair.split(" ")) for pair in get("merges")]
    tokenizer = vocabulary.build(get("tokens"), merges, get("token_type"), get("pre"))
    texts = json.load(open(TEXTS))
    cases = json.load(open(os.path.join(FOLDER, "llama3-ids.json")))["cases"]
    differ = 0
    for entry, case in zip(texts, cases, strict=True):
        for key in ("ids", "plain_ids"):
            tokenizer.encode_special_tokens = key == "plain_ids"
            ids = tokenizer.encode(entry["text"], add_special_tokens=False).ids
            assert tokenizer.decode(ids, skip_special_tokens=False) == entry["text"]
            if ids != case[key]:
                differ += 1
                print(entry["name"], key, ids, case[key])
    print(len(cases), "texts,", differ, "differences")
    sys.exit(differ > 0)


main()
