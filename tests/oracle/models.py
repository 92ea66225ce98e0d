"""Builds small random models with transformers, writes them as GGUF in every weight type, and records what
transformers computes with them: logits, intermediate values, and how close each token comes to a rounding flip.

The model code is transformers' own throughout: BitNetForCausalLM, LlamaForCausalLM, Qwen3ForCausalLM or Gemma3ForCausalLM with
its linear layers replaced by replace_with_bitnet_linear, on the CPU in float32 with eager attention. Only the weights are
set here.
"""

import json
import math
import os
import re
import sys
from dataclasses import dataclass

# The quantizers are decorated with torch.compile; without this they would need a C++ compiler. Same arithmetic.
os.environ["TORCHDYNAMO_DISABLE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from gguf import quants
from gguf.constants import GGMLQuantizationType
from transformers import (
    BitNetConfig,
    BitNetForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from transformers.integrations import replace_with_bitnet_linear
from transformers.integrations.bitnet import AutoBitLinear, BitLinear, pack_weights
from transformers.utils.quantization_config import BitNetQuantConfig

import gguf_file as g
import vocabulary
from observation import Unrounded, Watch, choose_clear, flip_study, record_intermediates
from shapes import LINEARS, PLAN, File, Shape

torch.set_num_threads(1)  # one order of summation, whatever the machine

# Relative RMS of a token's logits: what a token without a flipped code stays below.
TIGHT = 1e-4


def _ternary(rng, rows, columns):
    return rng.choice(np.array([-1, 0, 1], np.int8), size=(rows, columns))  # density 2/3


def _master(rng, rows, columns, step):
    """Master weights as training leaves them, in steps that every float type holds exactly, so that mean|W| has
    one value in float32 whatever the order of summation."""
    units = np.clip(np.round(rng.standard_normal((rows, columns)) * 40), -127, 127)
    return (units * step).astype(np.float32)


@dataclass
class Quantized:
    """A matrix in quantized blocks, and what they decode to."""

    raw: np.ndarray
    values: np.ndarray


@dataclass
class Grouped:
    """Codes `[rows, columns]` with a scale for each group of columns, f16 `[rows, columns / group]`."""

    codes: np.ndarray
    scales: np.ndarray

    @property
    def values(self):
        scales = np.repeat(self.scales.astype(np.float32), self.codes.shape[1] // self.scales.shape[1], axis=1)
        return self.codes * scales


def _grouped(rng, shape: Shape, rows, columns, group, size):
    """Scales of about `size`, no two of which are likely to be alike."""
    codes = rng.choice(np.array(shape.codes, np.int8), size=(rows, columns))
    scales = size * np.exp(0.3 * rng.standard_normal((rows, columns // group)))
    return Grouped(codes, scales.astype(np.float16))


def _quantized_table(rng, kind, shape: Shape):
    """Random blocks with values of the size that an embedding has here: standard deviation 0.12."""
    sizes = (shape.vocab, shape.dim)
    if shape.groups:
        grouped = _grouped(rng, shape, *sizes, g.GROUPS[kind], 0.12)
        raw = np.frombuffer(g.pack_groups(kind, grouped.codes, grouped.scales), np.uint8)
        return Quantized(raw, grouped.values)
    raw = g.random_blocks(rng, kind, sizes, lambda count: np.ones(count))
    spread = quants.dequantize(raw, GGMLQuantizationType(kind)).std(dtype=np.float64)
    scales = lambda count: 0.12 / spread * (1 + 0.1 * rng.standard_normal(count))
    raw = g.random_blocks(rng, kind, sizes, scales)
    return Quantized(raw, quants.dequantize(raw, GGMLQuantizationType(kind)))


def make_weights(shape: Shape):
    """GGUF-named float weights or quantized tables, and for linears (weights in {-1, 0, 1}, scale) or the master weights."""
    rng = np.random.default_rng(shape.seed)
    q_dim, kv_dim = shape.n_heads * shape.head_dim, shape.n_kv_heads * shape.head_dim
    sizes = {
        "attn_q": (q_dim, shape.dim),
        "attn_k": (kv_dim, shape.dim),
        "attn_v": (kv_dim, shape.dim),
        "attn_output": (shape.dim, q_dim),
        "ffn_gate": (shape.ffn, shape.dim),
        "ffn_up": (shape.ffn, shape.dim),
        "ffn_down": (shape.dim, shape.ffn),
    }
    weights = {}

    def table(name):
        if kind := shape.tables.get(name):
            return _quantized_table(rng, kind, shape)
        values = (rng.standard_normal((shape.vocab, shape.dim)) * 0.12).astype(np.float32)
        values[np.abs(values) < 2.0**-10] = 0  # below this bf16 and f16 do not share their values
        values = torch.from_numpy(values).to(torch.bfloat16 if shape.bf16_embedding else torch.float16)
        return values.float().numpy()

    def norm(size):
        values = (1 + 0.1 * rng.standard_normal(size)).astype(np.float32)
        return values.astype(np.float16).astype(np.float32) if shape.f16_norms else values

    weights["token_embd"] = table("token_embd")
    for layer in range(shape.n_layers):
        for name in LINEARS:
            rows, columns = sizes[name]
            # An RMS-normed input of size 1 gives an output of about 0.8 * scale * sqrt(columns): between 0.4 and
            # 2, so that the blocks and not the embedding (0.12) decide what the residual stream holds.
            exponent = -round(np.log2(np.sqrt(columns))) + int(rng.integers(-1, 2))
            if name in ("attn_q", "attn_k"):  # attention that is neither flat nor all on one token
                exponent = -round(np.log2(np.sqrt(columns))) + (name == "attn_q")
            if shape.groups:
                size = 2.0 ** (exponent - 1) if shape.codes == (-1, 1) else 2.0**exponent
                weights[f"blk.{layer}.{name}"] = _grouped(rng, shape, rows, columns, shape.groups, size)
            elif shape.linear == "autobitlinear online":
                weights[f"blk.{layer}.{name}"] = _master(rng, rows, columns, 2.0 ** (exponent - 5))
            else:
                weights[f"blk.{layer}.{name}"] = (_ternary(rng, rows, columns), 2.0**exponent)
        for name in shape.norms:
            weights[f"blk.{layer}.{name}"] = norm(shape.norm_size(name))
    weights["output_norm"] = norm(shape.dim)
    if not shape.tied:
        weights["output"] = table("output")
    return weights


FAMILIES = {
    "bitnet": (BitNetConfig, BitNetForCausalLM),
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM),
}


def make_config(shape: Shape):
    rope = {"rope_type": "default", "rope_theta": shape.theta} | shape.rope
    own = {"hidden_act": shape.act} if shape.family == "bitnet" else {"hidden_act": shape.act, "head_dim": shape.head_dim}
    if shape.family == "gemma3":
        windows = {"rope_type": "default", "rope_theta": shape.theta_of_windows}
        rope = {"full_attention": rope, "sliding_attention": windows}
        own = {
            "hidden_activation": shape.act,
            "head_dim": shape.head_dim,
            "query_pre_attn_scalar": shape.head_dim,
            "sliding_window": shape.window,
            "layer_types": ["sliding_attention" if layer % shape.window_pattern < shape.window_pattern - 1
                            else "full_attention" for layer in range(shape.n_layers)],
            "pad_token_id": None,
        }
    return FAMILIES[shape.family][0](
        vocab_size=shape.vocab,
        hidden_size=shape.dim,
        intermediate_size=shape.ffn,
        num_hidden_layers=shape.n_layers,
        num_attention_heads=shape.n_heads,
        num_key_value_heads=shape.n_kv_heads,
        max_position_embeddings=shape.context,
        rms_norm_eps=shape.eps,
        tie_word_embeddings=shape.tied,
        rope_parameters=rope,
        **own,
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="eager",
    )


def norm_weight(shape: Shape, name, stored):
    """The parameter of transformers' norm. Gemma's own multiply by 1 + w, and a file holds 1 + w."""
    return stored - np.float32(1) if shape.family == "gemma3" and not name.endswith("_norm_in") else stored


def make_model(shape: Shape, weights):
    config = make_config(shape)
    model = FAMILIES[shape.family][1](config)
    linear_class, _, mode = shape.linear.partition(" ")
    if shape.linear != "float":
        quant = BitNetQuantConfig(linear_class=linear_class, quantization_mode=mode or "offline",
                                  use_rms_norm=shape.input_norms, rms_norm_eps=shape.eps)
        replace_with_bitnet_linear(model, modules_to_not_convert=["lm_head"], quantization_config=quant)

    def parameter(values):
        values = values.values if isinstance(values, (Quantized, Grouped)) else values
        return torch.nn.Parameter(torch.from_numpy(np.array(values, np.float32)), requires_grad=False)

    replaced = 0
    for layer in range(shape.n_layers):
        block = model.model.layers[layer]
        for name, path in LINEARS.items():
            linear = block.get_submodule(path)
            weight = weights[f"blk.{layer}.{name}"]
            if shape.linear == "float":
                linear.weight = parameter(weight)
            elif isinstance(linear, BitLinear):
                codes, scale = weight
                linear.weight = torch.nn.Buffer(pack_weights(torch.from_numpy(codes.copy())))
                linear.weight_scale = torch.nn.Buffer(torch.tensor([1 / scale]))  # this class divides
                linear.dtype = torch.float32
            else:
                assert isinstance(linear, AutoBitLinear)
                if linear.online_quant:
                    linear.weight = parameter(weight)
                else:
                    codes, scale = weight
                    linear.weight = parameter(codes)
                    linear.weight_scale = torch.nn.Buffer(torch.tensor([scale]))
            replaced += 1
        for name, path in shape.norms.items():
            block.get_submodule(path).weight = parameter(norm_weight(shape, name, weights[f"blk.{layer}.{name}"]))
    model.model.norm.weight = parameter(norm_weight(shape, "output_norm", weights["output_norm"]))
    model.model.embed_tokens.weight = parameter(weights["token_embd"])
    model.lm_head.weight = model.model.embed_tokens.weight if shape.tied else parameter(weights["output"])
    assert replaced == 7 * shape.n_layers
    assert not any(t.is_meta for t in [*model.parameters(), *model.buffers()])
    return model.eval()


def linear_bytes(kind, weight, file: File):
    """(type id, bytes, scale to put into a tensor of its own or None) of one linear."""
    if isinstance(weight, Grouped):
        group = g.GROUPS[kind]
        scales = np.repeat(weight.scales, weight.codes.shape[1] // weight.scales.shape[1] // group, axis=1)
        return kind, g.pack_groups(kind, weight.codes, scales), None
    master = isinstance(weight, np.ndarray)
    scale = None if master else weight[1]
    if file.separate_scales:
        weight, scale = (weight[0], 1.0), scale
    values = weight if master else (weight[0] * np.float32(weight[1])).astype(np.float32)
    separate = scale if file.separate_scales else None
    if kind == g.TYPE_I2_S:
        return kind, g.pack_i2_s(weight[0] + 1, weight[1], file.pad, file.group), separate
    if kind in (g.TYPE_TQ1_0, g.TYPE_TQ2_0):
        data = quants.quantize(values, GGMLQuantizationType(kind))
        assert np.array_equal(quants.dequantize(data, GGMLQuantizationType(kind)), values)
        return kind, data.tobytes(), separate
    return kind, float_bytes(kind, values), separate


def float_bytes(kind, values):
    if kind == g.TYPE_F16:
        return g.f16_bytes(values)
    if kind == g.TYPE_BF16:
        return g.bf16_bytes(values)
    return np.ascontiguousarray(values, np.float32).tobytes()


def permute(rows, n_heads):
    """The order of the rows of q and k in a Llama file: neighbours are what transformers rotates as halves
    (`LlamaModel.permute` of llama.cpp's converter)."""
    heads = rows.reshape(n_heads, 2, rows.shape[0] // n_heads // 2, -1)
    return np.ascontiguousarray(heads.swapaxes(1, 2).reshape(rows.shape))


def rope_pairs(arch, shape: Shape):
    """The metadata of scaled frequencies."""
    kind = shape.rope.get("rope_type")
    if kind not in ("linear", "yarn"):
        return []
    pairs = [(f"{arch}.rope.scaling.type", g.STR, kind), (f"{arch}.rope.scaling.factor", g.F32, shape.rope["factor"])]
    if kind == "yarn":
        original = shape.rope["original_max_position_embeddings"]
        pairs.append((f"{arch}.rope.scaling.original_context_length", g.U32, original))
    return pairs


def rope_factors(shape: Shape):
    """What llama.cpp's converter divides the frequencies by for the scaling called llama3."""
    low, high = shape.rope["low_freq_factor"], shape.rope["high_freq_factor"]
    factor, original = shape.rope["factor"], shape.rope["original_max_position_embeddings"]

    def of(wavelength):
        if wavelength < original / high:
            return 1.0
        if wavelength > original / low:
            return factor
        smooth = (original / wavelength - low) / (high - low)
        return 1 / ((1 - smooth) / factor + smooth)

    half = np.arange(shape.head_dim // 2) / (shape.head_dim // 2)
    factors = np.array([of(2 * math.pi * shape.theta**i) for i in half], np.float32)
    assert len(set(factors)) > 3  # all three kinds
    return factors


def write_gguf(path, shape: Shape, weights, file: File, vocab):
    arch = file.arch
    metadata = [
        ("general.architecture", g.STR, arch),
        ("general.name", g.STR, f"bitnet-web fixture {file.name}"),
        (f"{arch}.vocab_size", g.U32, shape.vocab),
        (f"{arch}.context_length", g.U32, shape.context),
        (f"{arch}.embedding_length", g.U32, shape.dim),
        (f"{arch}.block_count", g.U32, shape.n_layers),
        (f"{arch}.feed_forward_length", g.U32, shape.ffn),
        (f"{arch}.rope.dimension_count", g.U32, shape.head_dim),
        (f"{arch}.attention.head_count", g.U32, shape.n_heads),
        (f"{arch}.attention.head_count_kv", g.U32, shape.n_kv_heads),
        (f"{arch}.attention.layer_norm_rms_epsilon", g.F32, shape.eps),
        (f"{arch}.rope.freq_base", g.F32, shape.theta),
        *rope_pairs(arch, shape),
        *([(f"{arch}.attention.sliding_window", g.U32, shape.window)] if shape.window else []),
        *([(f"{arch}.pooling_type", g.U32, 3)] if shape.pooling else []),
        *([(f"{arch}.attention.key_length", g.U32, shape.head_dim),
           (f"{arch}.attention.value_length", g.U32, shape.head_dim)] if shape.own_head_dim else []),
        *file.extra,
        *(vocabulary.sentence_piece_metadata(shape.vocab, **file.sentence_piece) if file.sentence_piece is not None
          else vocabulary.metadata(*vocab, file.pre, file.template, scores=True)),
        ("general.quantization_version", g.U32, 2),
        ("general.file_type", g.U32, {g.TYPE_I2_S: 40, g.TYPE_TQ1_0: 36, g.TYPE_TQ2_0: 37, g.TYPE_F16: 1,
                                      g.TYPE_BF16: 32, g.TYPE_Q1_0: 40, g.TYPE_Q2_0: 41}.get(file.weights if isinstance(file.weights, int) else -1, 0)),
    ]
    tensors = []

    def add(name, kind, values):
        if isinstance(values, Quantized):
            assert kind == shape.tables[name]
            tensors.append((name + ".weight", list(values.values.shape[::-1]), file.ids.get(kind, kind), values.raw.tobytes()))
            return
        tensors.append((name + ".weight", list(values.shape[::-1]), kind, float_bytes(kind, values)))

    norm_kind = g.TYPE_F16 if shape.f16_norms else g.TYPE_F32
    add("token_embd", file.embedding, weights["token_embd"])
    for layer in range(shape.n_layers):
        for name in shape.norms:
            add(f"blk.{layer}.{name}", norm_kind, weights[f"blk.{layer}.{name}"])
        for name in LINEARS:
            key = f"blk.{layer}.{name}"
            weight = weights[key]
            if shape.family == "llama" and name in ("attn_q", "attn_k"):
                heads = shape.n_heads if name == "attn_q" else shape.n_kv_heads
                weight = (Grouped(permute(weight.codes, heads), permute(weight.scales, heads))
                          if isinstance(weight, Grouped) else (permute(weight[0], heads), weight[1]))
            codes = weight.codes if isinstance(weight, Grouped) else weight if isinstance(weight, np.ndarray) else weight[0]
            rows, columns = codes.shape
            kind = file.weights if isinstance(file.weights, int) else file.weights[name]
            kind, data, scale = linear_bytes(kind, weight, file)
            tensors.append((key + ".weight", [columns, rows], file.ids.get(kind, kind), data))
            if scale is not None:
                tensors.append((key + ".scale", [1], g.TYPE_F32, np.float32(scale).tobytes()))
    add("output_norm", norm_kind, weights["output_norm"])
    if shape.rope.get("rope_type") == "llama3":
        add("rope_freqs", g.TYPE_F32, rope_factors(shape))
    if not shape.tied:
        add("output", file.output, weights["output"])
    g.write(path, metadata, tensors, file.version)


def pooled_embedding(model, tokens):
    """The last token's normalized state, at length 1: what sentence-transformers makes with last-token pooling."""
    with torch.no_grad():
        state = model.model(torch.tensor([tokens]), use_cache=False).last_hidden_state[0, -1]
    return torch.nn.functional.normalize(state, dim=0).numpy()


def make(out, only=()):
    vocab = vocabulary.small(320)
    os.makedirs(out, exist_ok=True)
    for shape, files in PLAN:
        if only and shape.name not in only:
            continue
        weights = make_weights(shape)
        model = make_model(shape, weights)
        watch = Unrounded() if shape.linear == "float" else Watch(model)
        rng = np.random.default_rng(1000 + shape.seed)
        sequences = [{"kind": "clear", "tokens": choose_clear(model, watch, shape, rng)}] if shape.clear else []
        for length in shape.free:
            sequences.append({"kind": "free", "tokens": rng.integers(0, shape.vocab, length).tolist()})
        rows = []
        for sequence in sequences:
            logits, _, margins = watch.run(model, [sequence["tokens"]])
            sequence["margins"] = [float(f"{m:.3g}") for m in margins[0].tolist()]
            rows.append(logits[0].numpy())
        if shape.linear == "float":
            # Nothing is rounded: every token must be tight, and no top token may differ.
            study = {"flipped_max": TIGHT / 2, "top_changed_max_gap": 0.0}
        else:
            study = flip_study(model, watch, [s["tokens"] for s in sequences])
            watch.noise = None
        bound = 2 * study["flipped_max"]
        np.concatenate(rows).astype("<f4").tofile(f"{out}/{shape.name}.logits.f32")
        record = {
            "name": shape.name,
            "config": shape.config,
            "transformers_linear": shape.linear,
            "files": [{"name": f"{f.name}.gguf", "architecture": f.arch, "note": f.note, "i2_s_group": f.group}
                      for f in files],
            "logits": f"{shape.name}.logits.f32",
            "sequences": sequences,
            "tight": TIGHT,
            "clear_margin": shape.clear_margin,
            "flip_bound": float(f"{bound:.3g}"),
            # The reference gap between two logits, over the RMS of the row, below which a flip may swap them.
            "near_tie": float(f"{2 * study['top_changed_max_gap']:.3g}"),
            "flip_study": {k: (v if isinstance(v, int) else float(f"{v:.3g}")) for k, v in study.items()},
        }
        if shape.pooling:
            record["embeddings"] = f"{shape.name}.embeddings.f32"
            pooled = [pooled_embedding(model, s["tokens"]) for s in sequences]
            np.stack(pooled).astype("<f4").tofile(f"{out}/{record['embeddings']}")
        if shape.intermediates:
            values = record_intermediates(model, sequences[0]["tokens"])
            keep = [0, 1, 2, 7, 71]
            offset, index, blob = 0, [], b""
            for name, value in values.items():
                part = np.ascontiguousarray(value[keep], "<f4")
                index.append({"name": name, "offset": offset, "size": part.shape[1]})
                blob += part.tobytes()
                offset += part.size
            with open(f"{out}/{shape.name}.intermediates.f32", "wb") as sink:
                sink.write(blob)
            record["intermediates"] = {"file": f"{shape.name}.intermediates.f32", "sequence": 0, "positions": keep,
                                       "values": index}
        with open(f"{out}/{shape.name}.json", "w") as sink:
            sink.write(json_compact(record))
        for file in files:
            write_gguf(f"{out}/{file.name}.gguf", shape, weights, file, vocab)
        print(shape.name, json.dumps(record["flip_study"]), "bound", record["flip_bound"], flush=True)


def json_compact(record):
    """Readable JSON with lists of numbers on one line."""
    text = json.dumps(record, indent=1)
    return re.sub(r"\[[-\d\s.,e+]+\]", lambda m: re.sub(r"\s+", " ", m.group()), text) + "\n"


if __name__ == "__main__":
    make(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/models"), sys.argv[1:])
