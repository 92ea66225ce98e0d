"""Small byte-level BPE vocabularies, trained here by Hugging Face `tokenizers`, and their GGUF metadata."""

import json
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import gguf_file as g

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CONTROL = [
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
]
USER_DEFINED = ["<think>"]

# The known wrong chat template of the published file has this shape: a file of the family that holds it
# must be given the right one.
WRONG_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ 'Human: ' + message['content'] + '\\n\\n"
    "BITNETAssistant: ' + eos_token }}{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)
RIGHT_TEMPLATE = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = message['role'] | capitalize"
    " + ': '+ message['content'] | trim + '<|eot_id|>' %}{{ content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"
)

_SYLLABLES = "ba be bi bo da de di do fa fe ka ke ki ko la le li lo ma me mi mo na ne ni no ra re ri ro sa se ta te ti to".split()
_WORDS = (
    "the of and to in a is that it was for on with as are be this by from or one had not but what all were when we "
    "there can an your which their said if do will each about how up out them then she many some so these would other "
    "into has more her two like him see time could no make than first been its who now people my made over did down "
    "only way find use may water long little very after words called just where most know weight token model layer "
    "attention browser worker memory thread ternary kernel prompt answer question function return value string number "
    "array while const import export class struct match error result option vector matrix"
).split()
_OTHER = [
    "Привет, как дела? Это простой пример текста на русском языке.",
    "日本語の文章を書きます。これは例です。私は学生です。",
    "你好，世界。这是一个简单的例子。我们在学习。",
    "안녕하세요. 이것은 간단한 예입니다.",
    "Γειά σου κόσμε, αυτό είναι ένα παράδειγμα.",
    "שלום עולם, זאת דוגמה פשוטה.",
    "مرحبا بالعالم، هذا مثال بسيط.",
    "नमस्ते दुनिया, यह एक सरल उदाहरण है।",
    "Voilà déjà l'été, où naïve façade et cœur brûlent; ¿qué pasó mañana, señor? Grüße aus München, schöne Straße.",
    "fn main() {\n    let x = vec![1, 2, 3];\n    for i in 0..x.len() {\n        println!(\"{}\", x[i]);\n    }\n}\n",
    "def add(a, b):\n    return a + b\n\n\nclass Model:\n    def __init__(self):\n        self.layers = []\n",
    "😀😃😄 👍🏽 👩‍👩‍👧 🇩🇪 ❤️ 🎉🎉🎉",
]


def training_text(seed: int = 7, lines: int = 3000):
    """Made-up text: real short words, invented words, numbers, contractions, code and some lines in other scripts."""
    rng = random.Random(seed)
    for _ in range(lines):
        words = []
        for _ in range(rng.randint(4, 14)):
            pick = rng.random()
            if pick < 0.7:
                word = rng.choice(_WORDS)
            elif pick < 0.9:
                word = "".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4)))
            elif pick < 0.95:
                word = str(rng.randint(0, 10 ** rng.randint(1, 6)))
            else:
                word = rng.choice(["I'm", "don't", "we'll", "it's", "you've", "they're", "he'd"])
            words.append(word.capitalize() if rng.random() < 0.15 else word)
        yield " ".join(words) + rng.choice([".", "?", "!", ",", ";", ":", " -", "...\n", "\n\n"])
        if rng.random() < 0.25:
            yield rng.choice(_OTHER)


def pre_tokenizer(name: str):
    """The pre-tokenizer that a GGUF's `tokenizer.ggml.pre` names."""
    if name == "llama-bpe":
        return pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(LLAMA3_SPLIT), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    assert name == "gpt-2"
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def train(size: int):
    """Trains byte-level BPE; returns (tokens in id order, merges as pairs), without special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer("llama-bpe")
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(training_text(), trainer)
    vocab = tokenizer.get_vocab()
    tokens = sorted(vocab, key=vocab.get)
    merges = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    return tokens, merges


def small(size: int, whole_words=()):
    """A vocabulary of `size` tokens: bytes, merges, `whole_words` that no merge reaches, specials at the end.
    Returns (tokens, merges, token types)."""
    specials = len(CONTROL) + len(USER_DEFINED)
    tokens, merges = train(size - specials - len(whole_words))
    for word in whole_words:
        assert word not in tokens
    tokens = tokens + list(whole_words) + CONTROL + USER_DEFINED
    assert len(tokens) == size, (len(tokens), size)
    types = [1] * (size - specials) + [3] * len(CONTROL) + [4] * len(USER_DEFINED)
    return tokens, merges, types


def build(tokens, merges, types, pre: str) -> Tokenizer:
    """The Hugging Face tokenizer that such metadata means."""
    ordinary = {token: i for i, (token, kind) in enumerate(zip(tokens, types)) if kind == 1}
    # An added token takes the id that the model's vocabulary already has for it.
    vocab = ordinary | {token: i for i, (token, kind) in enumerate(zip(tokens, types)) if kind != 1}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=pre == "llama-bpe"))
    tokenizer.pre_tokenizer = pre_tokenizer(pre)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(
        [
            AddedToken(token, special=kind == 3, normalized=False)
            for token, kind in zip(tokens, types)
            if kind in (3, 4)
        ]
    )
    assert tokenizer.get_vocab_size() == len(tokens)
    return tokenizer


def metadata(tokens, merges, types, pre, template=RIGHT_TEMPLATE, scores=False):
    """The tokenizer.* pairs of a GGUF; pre=None leaves tokenizer.ggml.pre out, as the published 2B4T file does."""
    pairs = [("tokenizer.ggml.model", g.STR, "gpt2")]
    if pre is not None:
        pairs.append(("tokenizer.ggml.pre", g.STR, pre))
    pairs.append(("tokenizer.ggml.tokens", (g.ARRAY, g.STR), tokens))
    if scores:
        pairs.append(("tokenizer.ggml.scores", (g.ARRAY, g.F32), [0.0] * len(tokens)))
    pairs += [
        ("tokenizer.ggml.token_type", (g.ARRAY, g.I32), types),
        ("tokenizer.ggml.merges", (g.ARRAY, g.STR), [" ".join(pair) for pair in merges]),
        ("tokenizer.ggml.bos_token_id", g.U32, tokens.index("<|begin_of_text|>")),
        ("tokenizer.ggml.eos_token_id", g.U32, tokens.index("<|end_of_text|>")),
        ("tokenizer.ggml.eot_token_id", g.U32, tokens.index("<|eot_id|>")),
        ("tokenizer.ggml.padding_token_id", g.U32, tokens.index("<|end_of_text|>")),
        ("tokenizer.ggml.add_bos_token", g.BOOL, True),
    ]
    if template is not None:
        pairs.append(("tokenizer.chat_template", g.STR, template))
    return pairs


def sentence_piece_metadata(size, *, space_prefix=True, add_eos=False):
    """The tokenizer.* pairs of a SentencePiece vocabulary: an unknown token, two control tokens, all bytes, some pieces."""
    pieces = ["▁", *"abcdefghijklmnopqrstuvwxyz", *("▁" + word for word in _WORDS[:10]), "▁t", "he", "▁h", "in", "er"]
    more = ["<|eot|>"] + [f"<unused{i}>" for i in range(size - 3 - 256 - len(pieces) - 1)]
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces, *more]
    assert len(set(tokens)) == len(tokens) == size
    return [
        ("tokenizer.ggml.model", g.STR, "llama"),
        ("tokenizer.ggml.pre", g.STR, "default"),
        ("tokenizer.ggml.tokens", (g.ARRAY, g.STR), tokens),
        ("tokenizer.ggml.scores", (g.ARRAY, g.F32), [0.0] * 259 + [-float(i) for i in range(size - 259)]),
        ("tokenizer.ggml.token_type", (g.ARRAY, g.I32), [2, 3, 3] + [6] * 256 + [1] * len(pieces) + [3] + [5] * (len(more) - 1)),
        ("tokenizer.ggml.bos_token_id", g.U32, 1),
        ("tokenizer.ggml.eos_token_id", g.U32, 2),
        ("tokenizer.ggml.add_bos_token", g.BOOL, True),
        ("tokenizer.ggml.add_eos_token", g.BOOL, add_eos),
        ("tokenizer.ggml.add_space_prefix", g.BOOL, space_prefix),
    ]
