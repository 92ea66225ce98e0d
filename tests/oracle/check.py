"""Checks the fixtures in a second way: reads each GGUF again (with the gguf package's reader where it knows the
types), computes the logits with a plain numpy forward pass in float64, and compares them with transformers'.

It shows that a file holds what transformers computed with, and how much float32 differs from exact arithmetic: the
noise that a shape's clear margin must stay above.
"""

import glob
import json
import os
import struct
import sys

import numpy as np
from gguf import GGUFReader, quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

import gguf_file as g
import models
import observation
import shapes

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "../fixtures/models")


class Reader:
    """A plain GGUF reader, independent of the writer."""

    SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}

    def __init__(self, path):
        self.data, self.at = open(path, "rb").read(), 0
        assert self.take(4) == b"GGUF"
        self.version, n_tensors, n_pairs = self.number("<I"), self.number("<Q"), self.number("<Q")
        self.metadata = {}
        for _ in range(n_pairs):
            key = self.string()
            self.metadata[key] = self.value(self.number("<I"))
        self.infos = {}
        for _ in range(n_tensors):
            name = self.string()
            dims = [self.number("<Q") for _ in range(self.number("<I"))]
            self.infos[name] = (dims, self.number("<I"), self.number("<Q"))
        self.start = -(-self.at // 32) * 32

    def take(self, count):
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def string(self):
        return self.take(self.number("<Q")).decode("utf-8")

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            element, count = self.number("<I"), self.number("<Q")
            return [self.value(element) for _ in range(count)]
        return self.number(self.SCALARS[kind])

    def tensor(self, name, group=128):
        dims, kind, offset = self.infos[name]
        shape, at = dims[::-1], self.start + offset
        count = int(np.prod(shape))
        if kind == g.TYPE_I2_S:
            return g.unpack_i2_s(self.data[at : at + count // 4 + 32], shape, group)
        raw = lambda size: np.frombuffer(self.data[at : at + size], np.uint8)
        if kind == g.TYPE_F32:
            return raw(4 * count).view(np.float32).reshape(shape)
        if kind == g.TYPE_F16:
            return raw(2 * count).view(np.float16).astype(np.float32).reshape(shape)
        if kind == g.TYPE_BF16:
            return (raw(2 * count).view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape)
        if kind in (g.TYPE_Q1_0, g.TYPE_Q2_0, g.TYPE_PQ2_0, g.TYPE_PTQ1_0):
            room = min([i[2] for i in self.infos.values() if i[2] > offset], default=len(self.data) - self.start) - offset
            if kind == g.TYPE_Q2_0 and room < count // 64 * 18:  # an old file
                kind = g.TYPE_PQ2_0
            size = {g.TYPE_Q1_0: 18, g.TYPE_Q2_0: 18, g.TYPE_PQ2_0: 34, g.TYPE_PTQ1_0: 28}[kind] * count // g.GROUPS[kind]
            return g.unpack_groups(self.data[at : at + size], kind, shape)
        weights, block = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
        size = block * count // weights
        return quants.dequantize(raw(size).reshape(shape[0], -1), GGMLQuantizationType(kind))


def scale_frequencies(frequencies, metadata, config):
    """What `rope.scaling.*` asks for: the frequencies, and what cosines and sines are multiplied with."""
    scaling = metadata["general.architecture"] + ".rope.scaling."
    kind, factor = metadata.get(scaling + "type"), metadata.get(scaling + "factor", 1.0)
    if kind != "yarn":
        return frequencies / factor, 1.0
    dim, original = config["head_dim"], metadata[scaling + "original_context_length"]
    # The pair that turns `times` times within the original context.
    pair = lambda times: dim * np.log(original / (times * 2 * np.pi)) / (2 * np.log(config["rope_theta"]))
    low, high = max(np.floor(pair(32)), 0), min(np.ceil(pair(1)), dim - 1)
    kept = 1 - np.clip((np.arange(dim // 2) - low) / max(high - low, 0.001), 0, 1)
    return frequencies * kept + frequencies / factor * (1 - kept), 0.1 * np.log(factor) + 1


def forward(read, config, tokens, group, scaled=None, rounds=True):
    """Logits of one sequence, in float64. `scaled` collects the activations before they are rounded to codes; without `rounds`
    they are not rounded."""
    dim, n_heads, n_kv, hd = config["dim"], config["n_heads"], config["n_kv_heads"], config["head_dim"]
    n = len(tokens)

    def weight(name):
        return read.tensor(name + ".weight", group).astype(np.float64)

    def norm(x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + config["rms_norm_eps"]) * weight(name)

    def linear(x, name):
        w = weight(name)
        if not rounds:
            return x @ w.T
        sizes = np.unique(np.abs(w[w != 0]))
        if len(sizes) > 1:  # master weights
            scale = np.float64(np.float32(1 / np.float32(np.abs(w).mean())))
            w = np.clip(np.rint(w * scale), -1, 1) / scale
        s = 127 / np.maximum(np.abs(x).max(-1, keepdims=True), 1e-5)
        if scaled is not None:
            scaled.append(x * s)
        y = np.clip(np.rint(x * s), -128, 127) @ w.T / s
        if name + ".scale" in read.infos:
            y *= read.tensor(name + ".scale")[0]
        return y

    arch = read.metadata["general.architecture"]
    half = hd // 2
    frequencies = config["rope_theta"] ** -(np.arange(half) / half)
    if "rope_freqs.weight" in read.infos:
        frequencies /= weight("rope_freqs")
    frequencies, magnitude = scale_frequencies(frequencies, read.metadata, config)
    window = read.metadata.get(f"{arch}.attention.sliding_window", 0)

    def rope(x, frequencies, magnitude):
        angle = np.arange(n)[:, None] * frequencies
        cos, sin = magnitude * np.cos(angle)[:, None], magnitude * np.sin(angle)[:, None]
        if arch == "llama":  # neighbours
            a, b = x[..., 0::2], x[..., 1::2]
            return np.stack([a * cos - b * sin, b * cos + a * sin], -1).reshape(x.shape)
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

    def own_norm(x, name):
        return norm(x, name) if name + ".weight" in read.infos else x

    def project(x, name):
        return linear(own_norm(x, name + "_norm_in"), name)

    act = {
        "relu2": lambda x: np.maximum(x, 0) ** 2,
        "silu": lambda x: x / (1 + np.exp(-x)),
        "gelu_pytorch_tanh": lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    }[config["activation"]]

    x = weight("token_embd")[tokens] * (np.sqrt(dim) if arch == "gemma3" else 1)
    for layer in range(config["n_layers"]):
        blk = f"blk.{layer}."
        is_windowed = window > 0 and layer % 6 < 5
        turn = (10000.0 ** -(np.arange(half) / half), 1.0) if is_windowed else (frequencies, magnitude)
        a = norm(x, blk + "attn_norm")
        q = rope(own_norm(project(a, blk + "attn_q").reshape(n, n_heads, hd), blk + "attn_q_norm"), *turn)
        k = rope(own_norm(project(a, blk + "attn_k").reshape(n, n_kv, hd), blk + "attn_k_norm"), *turn)
        v = project(a, blk + "attn_v").reshape(n, n_kv, hd)
        out = np.empty((n, n_heads, hd))
        distance = np.arange(n)[:, None] - np.arange(n)
        for h in range(n_heads):
            kv = h // (n_heads // n_kv)
            scores = q[:, h] @ k[:, kv].T / np.sqrt(hd)
            scores[(distance < 0) | (is_windowed & (distance >= window))] = -np.inf
            p = np.exp(scores - scores.max(-1, keepdims=True))
            out[:, h] = p / p.sum(-1, keepdims=True) @ v[:, kv]
        out = project(own_norm(out.reshape(n, n_heads * hd), blk + "attn_sub_norm"), blk + "attn_output")
        x = x + own_norm(out, blk + "post_attention_norm")
        a = norm(x, blk + "ffn_norm")
        gated = act(project(a, blk + "ffn_gate")) * project(a, blk + "ffn_up")
        x = x + own_norm(project(own_norm(gated, blk + "ffn_sub_norm"), blk + "ffn_down"), blk + "post_ffw_norm")
    head = "token_embd" if config["tied"] else "output"
    return norm(x, "output_norm") @ weight(head).T


def check_model(path):
    record = json.load(open(path))
    shape = next(shape for shape, _ in shapes.PLAN if shape.name == record["name"])
    assert record["config"] == shape.config, f"{path} is not what shapes.py says: run models.py {shape.name}"
    rows = np.fromfile(os.path.join(MODELS, record["logits"]), "<f4").reshape(-1, record["config"]["vocab_size"])
    for file in record["files"]:
        name = os.path.join(MODELS, file["name"])
        read = Reader(name)
        others = (g.TYPE_I2_S, g.TYPE_Q1_0, g.TYPE_Q2_0, g.TYPE_PQ2_0, g.TYPE_PTQ1_0)
        known = all(kind not in others for _, kind, _ in read.infos.values())
        if known:
            for tensor in GGUFReader(name).tensors:
                values = quants.dequantize(tensor.data, tensor.tensor_type)
                assert np.array_equal(values.reshape(-1), read.tensor(tensor.name).reshape(-1)), tensor.name
        at, errors, clear, swaps = 0, [], [], 0
        for sequence in record["sequences"]:
            n = len(sequence["tokens"])
            want = rows[at : at + n].astype(np.float64)
            got = forward(read, record["config"], sequence["tokens"], file["i2_s_group"],
                          rounds=record["transformers_linear"] != "float")
            at += n
            error = np.sqrt(((got - want) ** 2).mean(-1) / (want**2).mean(-1))
            errors.extend(error)
            clear.extend(np.array(sequence["margins"]) >= record["clear_margin"])
            swaps += int((got.argmax(-1) != want.argmax(-1)).sum())
        errors, clear = np.array(errors), np.array(clear)
        echo = np.mean(np.concatenate([s["tokens"] for s in record["sequences"]]) == rows.argmax(-1))
        print(f"{file['name']:32} gguf reader {'yes' if known else 'no '} clear {clear.sum()}/{len(clear)}: max "
              f"{errors[clear].max():.1e}; all: {np.mean(errors < record['tight']):.0%} tight, max {errors.max():.1e}, "
              f"top token differs {swaps}; echo of the input {echo:.0%}")
        assert errors[clear].max() < record["tight"] and errors.max() < record["flip_bound"]


def check_noise(shape, file):
    """How far float32 moves an activation before rounding, in units of codes, where no code flips."""
    record = json.load(open(f"{MODELS}/{shape.name}.json"))
    tokens = record["sequences"][0]["tokens"]
    model = models.make_model(shape, models.make_weights(shape))
    watch, scaled = observation.Watch(model), []
    watch.run(model, [tokens])
    forward(Reader(f"{MODELS}/{file.name}.gguf"), record["config"], tokens, file.group, scaled)
    assert len(scaled) == len(watch.scaled)
    moved = np.concatenate([np.abs(a - b[0].double().numpy()).ravel() for a, b in zip(scaled, watch.scaled)])
    noise = moved.max()
    print(f"{shape.name:32} float32 moves a value before rounding by {np.median(moved):.0e} in the middle, "
          f"99% below {np.quantile(moved, 0.99):.0e}, at most {noise:.1e}")
    assert noise < shape.clear_margin


if __name__ == "__main__":
    only = sys.argv[1:]
    for path in sorted(glob.glob(f"{MODELS}/*.json")):
        if not only or os.path.basename(path)[:-5] in only:
            check_model(path)
    for shape, files in shapes.PLAN:
        if shape.linear != "float" and (not only or shape.name in only):
            check_noise(shape, files[0])
