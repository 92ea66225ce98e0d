"""How Hugging Face `tokenizers` cuts the texts, for each way that a GGUF's `tokenizer.ggml.pre` can name: the
pre-tokenizers as the models' own `tokenizer.json` spell them, in Oniguruma, the engine of Hugging Face."""

import hashlib
import json
import os

from tokenizers import Regex, pre_tokenizers as pt

import texts
from vocabulary import LLAMA3_SPLIT

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/tokenizer/pieces.json")

BYTE_LEVEL = pt.ByteLevel(add_prefix_space=False, use_regex=True)
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
QWEN2 = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")
WORD_UPPER = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
WORD_LOWER = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
BEHIND = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT4O = f"{WORD_UPPER}{CONTRACTIONS}?|{WORD_LOWER}{CONTRACTIONS}?|" + r"\p{N}{1,3}" + BEHIND
TEKKEN = f"{WORD_UPPER}|{WORD_LOWER}|" + r"\p{N}" + BEHIND
YOUTU = f"{WORD_UPPER}{CONTRACTIONS}?|{WORD_LOWER}{CONTRACTIONS}?|" + r"\p{N}" + BEHIND
DEEPSEEK3 = (
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
HAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
# The cased letters as deepseek-llm's tokenizer.json lists them, by code point.
CASED = (
    "B5 C0:D6 D8:F6 F8:1BA 1BC:1BF 1C4:293 295:2AF 370:373 376 377 37B:37D 37F 386 388:38A 38C 38E:3A1 3A3:3F5 "
    "3F7:481 48A:52F 531:556 10A0:10C5 13A0:13F5 13F8:13FD 1C90:1CBA 1CBD:1CBF 1D00:1D2B 1D6B:1D77 1D79:1D9A 1E00:1F15 "
    "1F18:1F1D 1F20:1F45 1F48:1F4D 1F50:1F57 1F59 1F5B 1F5D 1F5F:1F7D 1F80:1FB4 1FB6:1FBC 1FBE 1FC2:1FC4 1FC6:1FCC "
    "1FD0:1FD3 1FD6:1FDB 1FE0:1FEC 1FF2:1FF4 1FF6:1FFC 2102 2107 210A:2113 2115 2119:211D 2124 2126 2128 212A:212D "
    "212F:2134 2139 213C:213F 2145:2149 214E 2183 2184 2C00:2C7B 2C7E:2CE4 2CEB:2CEE 2CF2 2CF3 A640:A66D A680:A69B "
    "A722:A76F A771:A787 A78B:A78E AB70:ABBF FB00:FB06 FB13:FB17 FF21:FF3A FF41:FF5A 10400:1044F 104B0:104D3 104D8:104FB "
    "10C80:10CB2 10CC0:10CF2 118A0:118DF 1E900:1E943"
).split()


def cased():
    def char(code):
        return chr(int(code, 16))

    return r"\s?[A-Za-z" + "".join("-".join(map(char, item.split(":"))) for item in CASED) + "]+"


def split(pattern):
    return pt.Split(Regex(pattern), behavior="isolated")


def sequence(*steps):
    return pt.Sequence([split(step) if isinstance(step, str) else step for step in steps])


PRE_TOKENIZERS = {
    "llama-bpe": sequence(LLAMA3_SPLIT),
    "gpt-2": BYTE_LEVEL,
    "qwen2": sequence(QWEN2),
    "qwen35": sequence(
        CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "smollm": sequence(pt.Digits(individual_digits=True), BYTE_LEVEL),
    "deepseek-llm": sequence(
        r"[\r\n]",
        cased(),
        "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
        r"\s+$",
        HAN,
        r"\p{N}+",
    ),
    "deepseek-coder": sequence(r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", HAN, pt.Digits(individual_digits=True)),
    "deepseek-v3": sequence(r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", DEEPSEEK3),
    "dbrx": sequence(LLAMA3_SPLIT),
    "falcon": sequence(r"[\p{P}\$\+<=>\^~\|`]+", BYTE_LEVEL, r"[0-9][0-9][0-9]"),
    "gpt-4o": sequence(GPT4O),
    "tekken": sequence(TEKKEN),
    "youtu": sequence(
        "[\uac00-\ud7a3\u3131-\u318e]+|[！…“”‘’—：；，\u3001-\u303f\ufe30-\ufe4f]+|[\u3105-\u312f]+"
        "|[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        YOUTU,
    ),
    "minicpm5": sequence(r"\p{N}{1,3}", LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}+")),
    "bailingmoe": sequence(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
    ),
    "seed-coder": sequence(
        CONTRACTIONS
        + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "ufakzeka": sequence(QWEN2.removeprefix(CONTRACTIONS + "|")),
    "laguna": sequence(r"[^\n]+|[\n]+", QWEN2),
    "exaone-moe": sequence(
        CONTRACTIONS
        + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"
    ),
    "bloom": sequence(r" ?[^(\s|.,!?…。，、।۔،)]+"),
    "viking": sequence(r" ?[^(\s|.,!?…。，、।۔،)]+", pt.Digits(individual_digits=True)),
}


def pieces(pre_tokenizer, text):
    """The pieces by their places: in byte-level pre-tokenizers the texts of the pieces are spelled otherwise."""
    found = [text[start:end] for _, (start, end) in pre_tokenizer.pre_tokenize_str(text)]
    found = [piece for piece in found if piece]
    assert "".join(found) == text, (text, found)
    return found


def digest(found):
    return hashlib.sha256("\0".join(found).encode()).hexdigest()[:8]


if __name__ == "__main__":
    cases = texts.all_texts()
    record = {name: [digest(pieces(pre, case["text"])) for case in cases] for name, pre in PRE_TOKENIZERS.items()}
    with open(OUT, "w") as sink:
        lines = [json.dumps(name) + ": " + json.dumps(" ".join(row)) for name, row in record.items()]
        sink.write("{\n" + ",\n".join(lines) + "\n}\n")
    print(len(record), "ways to cut", len(cases), "texts")
