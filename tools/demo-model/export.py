"""Writes a checkpoint as a GGUF file in the form of the published 2B4T one.

    python export.py CHECKPOINT OUT.gguf
    python export.py CHECKPOINT OUT.pt      the master weights alone in 16 bits, to go on training elsewhere

Ternary matrices are I2_S (type 36: 128 codes in 32 bytes, most significant pair first, then one f32
scale and 28 zero bytes a tensor), norms f32, the tied embedding f16. The `gguf` package refuses type
36, so the few lines of the format are written here.
"""

import os
import struct
import sys

import torch

import model
from tokenizer import BOS, EOS, EOT, Coder

HERE = os.path.dirname(os.path.abspath(__file__))
ALIGN = 32
F32, F16, I2_S = 0, 1, 36
ARCH = "bitnet-b1.58"
TEMPLATE = (
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = message['role'] | capitalize + ': '"
    "+ message['content'] | trim + '<|eot_id|>' %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ 'Assistant: ' }}{% endif %}"
)
NAMES = {
    "attn_norm": "attn_norm", "attn_sub_norm": "attn_sub_norm", "ffn_norm": "ffn_norm", "ffn_sub_norm": "ffn_sub_norm",
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
}


def string(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def value(v):
    """Type id and bytes of a metadata value; u32 for whole numbers, f32 for fractions."""
    if isinstance(v, bool):
        return 7, struct.pack("<?", v)
    if isinstance(v, int):
        return 4, struct.pack("<I", v)
    if isinstance(v, float):
        return 6, struct.pack("<f", v)
    if isinstance(v, str):
        return 8, string(v)
    inner = 5 if isinstance(v[0], int) else 6 if isinstance(v[0], float) else 8
    pack = {5: lambda x: struct.pack("<i", x), 6: lambda x: struct.pack("<f", x), 8: string}[inner]
    return 9, struct.pack("<IQ", inner, len(v)) + b"".join(map(pack, v))


def i2_s(w):
    """[M, K] master weights to I2_S bytes."""
    w = w.float()
    scale = w.abs().mean().clamp(min=1e-5)
    codes = ((w / scale).round().clamp(-1, 1) + 1).to(torch.uint8).numpy().reshape(-1, 4, 32)
    packed = (codes[:, 0] << 6) | (codes[:, 1] << 4) | (codes[:, 2] << 2) | codes[:, 3]
    return packed.tobytes() + struct.pack("<f", scale.item()) + bytes(28)


def tensors(cfg, p):
    """(name, GGUF dims, type, bytes) in file order."""
    def f32(name, t):
        return name, list(reversed(t.shape)), F32, t.float().numpy().astype("<f4").tobytes()

    yield "token_embd.weight", [cfg.dim, cfg.vocab], F16, p["embed"].float().numpy().astype("<f2").tobytes()
    for i in range(cfg.layers):
        for key, name in NAMES.items():
            t = p[f"{i}.{key}"]
            if key.endswith("norm"):
                yield f32(f"blk.{i}.{name}.weight", t)
            else:
                yield f"blk.{i}.{name}.weight", list(reversed(t.shape)), I2_S, i2_s(t)
    yield f32("output_norm.weight", p["norm"])


def metadata(cfg, coder, trained):
    ids = sorted(coder.vocab, key=coder.vocab.get) + [BOS, EOS, EOT]
    return {
        "general.architecture": ARCH,
        "general.name": "bitnet-web demo",
        "general.description": f"A tiny BitNet b1.58 for demonstration, trained from scratch on generated text ({trained} tokens).",
        "general.license": "MIT OR Apache-2.0",
        "general.file_type": 40,
        "general.quantization_version": 2,
        f"{ARCH}.vocab_size": cfg.vocab,
        f"{ARCH}.context_length": cfg.context,
        f"{ARCH}.embedding_length": cfg.dim,
        f"{ARCH}.block_count": cfg.layers,
        f"{ARCH}.feed_forward_length": cfg.ffn,
        f"{ARCH}.rope.dimension_count": cfg.head_dim,
        f"{ARCH}.attention.head_count": cfg.heads,
        f"{ARCH}.attention.head_count_kv": cfg.kv_heads,
        f"{ARCH}.attention.layer_norm_rms_epsilon": model.EPS,
        f"{ARCH}.rope.freq_base": cfg.theta,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "llama-bpe",
        "tokenizer.ggml.tokens": ids,
        "tokenizer.ggml.token_type": [1] * len(coder.vocab) + [3] * 3,
        "tokenizer.ggml.merges": [" ".join(m) for m in coder.merges],
        "tokenizer.ggml.bos_token_id": coder.bos,
        "tokenizer.ggml.eos_token_id": coder.eos,
        "tokenizer.ggml.eot_token_id": coder.eot,
        "tokenizer.ggml.padding_token_id": coder.eos,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.chat_template": TEMPLATE,
    }


def write(path, meta, parts):
    head = b"GGUF" + struct.pack("<IQQ", 3, len(parts), len(meta))
    for key, v in meta.items():
        kind, data = value(v)
        head += string(key) + struct.pack("<I", kind) + data
    offset = 0
    for name, dims, kind, data in parts:
        head += string(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims) + struct.pack("<IQ", kind, offset)
        offset += -(-len(data) // ALIGN) * ALIGN
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % ALIGN))
        for _, _, _, data in parts:
            f.write(data + bytes(-len(data) % ALIGN))


def main():
    saved = torch.load(sys.argv[1], map_location="cpu")
    if sys.argv[2].endswith(".pt"):
        half = {n: t.half() for n, t in saved["params"].items()}
        torch.save({"params": half, **{k: saved[k] for k in ("config", "steps", "tokens", "seconds")}}, sys.argv[2])
        return
    cfg = model.Config(**saved["config"])
    coder = Coder(os.path.join(HERE, "tokenizer.json"))
    assert coder.size == cfg.vocab, "the tokenizer is not the one of this checkpoint"
    write(sys.argv[2], metadata(cfg, coder, saved["tokens"]), list(tensors(cfg, saved["params"])))
    print(sys.argv[2], os.path.getsize(sys.argv[2]), "bytes;", saved["steps"], "steps,", saved["tokens"], "tokens")


if __name__ == "__main__":
    main()
