"""Builds small random BitNet models with transformers, writes them as GGUF in every weight type, and records what
transformers computes with them: logits, intermediate values, and how close each token comes to a rounding flip.

The model code is transformers' own throughout: BitNetForCausalLM with its linear layers replaced by
replace_with_bitnet_linear, on the CPU in float32 with eager attention. Only the weights are set here.
"""

import json
import os
from dataclasses import dataclass, field

# The quantizers are decorated with torch.compile; without this they would need a C++ compiler. Same arithmetic.
os.environ["TORCHDYNAMO_DISABLE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from gguf import quants
from gguf.constants import GGMLQuantizationType
from transformers import BitNetConfig, BitNetForCausalLM
from transformers.integrations import replace_with_bitnet_linear
from transformers.integrations.bitnet import AutoBitLinear, BitLinear, pack_weights
from transformers.utils.quantization_config import BitNetQuantConfig

import gguf_file as g
import vocabulary

torch.set_num_threads(1)  # one order of summation, whatever the machine

# Relative RMS of a token's logits: what a token without a flipped code stays below.
TIGHT = 1e-4

LINEARS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
NORMS = {
    "attn_norm": "input_layernorm",
    "attn_sub_norm": "self_attn.attn_sub_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_sub_norm": "mlp.ffn_sub_norm",
}


@dataclass
class Shape:
    name: str
    dim: int
    n_layers: int
    ffn: int
    n_heads: int
    n_kv_heads: int
    tied: bool
    theta: float = 10000.0
    act: str = "relu2"
    eps: float = 1e-5
    context: int = 512
    vocab: int = 320
    # "autobitlinear offline" (as 2B4T), "autobitlinear online" (master weights), "bitlinear" (packed, exact integers)
    linear: str = "autobitlinear offline"
    seed: int = 0
    # Embeddings that bf16, f16 and f32 all hold exactly (else all that f16 holds).
    bf16_embedding: bool = False
    intermediates: bool = False
    free: tuple = (12, 8, 6, 4)
    clear: int = 24  # 72 and 80 for two shapes: longer than one prefill batch
    # An activation code is round(127 * x / max|x|). Its margin is how far the value before rounding lies from the
    # nearest half: float32 noise below the margin cannot flip it. The sequences marked "clear" are chosen so that
    # no code of any of their tokens has a smaller margin than this, and check.py shows that the noise stays below.
    clear_margin: float = 4e-4

    @property
    def head_dim(self):
        return self.dim // self.n_heads


@dataclass
class File:
    """One GGUF made of a shape's weights."""

    name: str
    weights: object  # a type id, or a dict from linear name to type id
    arch: str = "bitnet-b1.58"
    embedding: int = g.TYPE_F16
    output: int = g.TYPE_F16
    version: int = 3
    pre: object = "llama-bpe"
    template: str = vocabulary.RIGHT_TEMPLATE
    pad: bytes = bytes(28)
    group: int = 128  # 64: the layout that ARM builds wrote
    separate_scales: bool = False  # the scale in a tensor of its own, 1.0 in the weight
    extra: list = field(default_factory=list)
    note: str = ""


# ---------------------------------------------------------------------------------------------------- weights


def _ternary(rng, rows, columns):
    return rng.choice(np.array([-1, 0, 1], np.int8), size=(rows, columns))  # density 2/3


def _master(rng, rows, columns, step):
    """Master weights as training leaves them, in steps that every float type holds exactly, so that mean|W| has
    one value in float32 whatever the order of summation."""
    units = np.clip(np.round(rng.standard_normal((rows, columns)) * 40), -127, 127)
    return (units * step).astype(np.float32)


def make_weights(shape: Shape):
    """GGUF-named float weights, and for linears (weights in {-1, 0, 1}, scale) or the master weights."""
    rng = np.random.default_rng(shape.seed)
    kv_dim = shape.n_kv_heads * shape.head_dim
    sizes = {
        "attn_q": (shape.dim, shape.dim),
        "attn_k": (kv_dim, shape.dim),
        "attn_v": (kv_dim, shape.dim),
        "attn_output": (shape.dim, shape.dim),
        "ffn_gate": (shape.ffn, shape.dim),
        "ffn_up": (shape.ffn, shape.dim),
        "ffn_down": (shape.dim, shape.ffn),
    }
    weights = {}

    def table():
        values = (rng.standard_normal((shape.vocab, shape.dim)) * 0.12).astype(np.float32)
        values[np.abs(values) < 2.0**-10] = 0  # below this bf16 and f16 do not share their values
        values = torch.from_numpy(values).to(torch.bfloat16 if shape.bf16_embedding else torch.float16)
        return values.float().numpy()

    def norm(size):
        return (1 + 0.1 * rng.standard_normal(size)).astype(np.float32)

    weights["token_embd"] = table()
    for layer in range(shape.n_layers):
        for name in LINEARS:
            rows, columns = sizes[name]
            # An RMS-normed input of size 1 gives an output of about 0.8 * scale * sqrt(columns): between 0.4 and
            # 2, so that the blocks and not the embedding (0.12) decide what the residual stream holds.
            exponent = -round(np.log2(np.sqrt(columns))) + int(rng.integers(-1, 2))
            if name in ("attn_q", "attn_k"):  # attention that is neither flat nor all on one token
                exponent = -round(np.log2(np.sqrt(columns))) + (name == "attn_q")
            if shape.linear == "autobitlinear online":
                weights[f"blk.{layer}.{name}"] = _master(rng, rows, columns, 2.0 ** (exponent - 5))
            else:
                weights[f"blk.{layer}.{name}"] = (_ternary(rng, rows, columns), 2.0**exponent)
        for name in NORMS:
            weights[f"blk.{layer}.{name}"] = norm(shape.ffn if name == "ffn_sub_norm" else shape.dim)
    weights["output_norm"] = norm(shape.dim)
    if not shape.tied:
        weights["output"] = table()
    return weights


def make_model(shape: Shape, weights):
    config = BitNetConfig(
        vocab_size=shape.vocab,
        hidden_size=shape.dim,
        intermediate_size=shape.ffn,
        num_hidden_layers=shape.n_layers,
        num_attention_heads=shape.n_heads,
        num_key_value_heads=shape.n_kv_heads,
        hidden_act=shape.act,
        max_position_embeddings=shape.context,
        rms_norm_eps=shape.eps,
        tie_word_embeddings=shape.tied,
        rope_parameters={"rope_type": "default", "rope_theta": shape.theta},
        bos_token_id=None,
        eos_token_id=None,
        attn_implementation="eager",
    )
    model = BitNetForCausalLM(config)
    linear_class, _, mode = shape.linear.partition(" ")
    quant = BitNetQuantConfig(linear_class=linear_class, quantization_mode=mode or "offline")
    replace_with_bitnet_linear(model, modules_to_not_convert=["lm_head"], quantization_config=quant)

    def parameter(values):
        return torch.nn.Parameter(torch.from_numpy(np.array(values, np.float32)), requires_grad=False)

    replaced = 0
    for layer in range(shape.n_layers):
        block = model.model.layers[layer]
        for name, path in LINEARS.items():
            linear = block.get_submodule(path)
            weight = weights[f"blk.{layer}.{name}"]
            if isinstance(linear, BitLinear):
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
        for name, path in NORMS.items():
            block.get_submodule(path).weight = parameter(weights[f"blk.{layer}.{name}"])
    model.model.norm.weight = parameter(weights["output_norm"])
    model.model.embed_tokens.weight = parameter(weights["token_embd"])
    model.lm_head.weight = model.model.embed_tokens.weight if shape.tied else parameter(weights["output"])
    assert replaced == 7 * shape.n_layers
    assert not any(t.is_meta for t in [*model.parameters(), *model.buffers()])
    return model.eval()


# ------------------------------------------------------------------------------------------------ observation


class Watch:
    """Sees the input of every BitLinear: it keeps the activation codes and their margins, and can add noise."""

    def __init__(self, model):
        self.codes, self.scaled, self.margins, self.noise = [], [], [], None
        self.handles = [
            module.register_forward_pre_hook(self._see)
            for module in model.modules()
            if isinstance(module, (AutoBitLinear, BitLinear))
        ]
        assert self.handles

    def _see(self, module, args):
        x = args[0]
        if self.noise is not None:
            level, generator = self.noise
            x = x * (1 + level * torch.randn(x.shape, generator=generator))
        scaled = x * (127 / x.abs().amax(-1, keepdim=True).clamp(min=1e-5))
        self.scaled.append(scaled)
        self.codes.append(scaled.round().to(torch.int8))
        fraction = scaled.double() - scaled.double().floor()
        self.margins.append((fraction - 0.5).abs().amin(-1))
        return (x,)

    def run(self, model, tokens, noise=None):
        """Logits [batch, tokens, vocab], codes (a list per linear), and per token the least margin over the
        linears of that token and of all tokens before it."""
        self.codes, self.scaled, self.margins, self.noise = [], [], [], noise
        with torch.no_grad():
            logits = model(torch.tensor(tokens), use_cache=False).logits
        assert logits.dtype == torch.float32
        margins = torch.stack(self.margins).amin(0).cummin(-1).values
        return logits, self.codes, margins


def choose_clear(model, watch, shape, rng):
    """A sequence in which no code of any token comes closer to a flip than the clear margin, found token by token
    (later tokens do not change earlier ones)."""
    tokens = []
    while len(tokens) < shape.clear:
        order = rng.permutation(shape.vocab).tolist()
        fine = []
        for at in range(0, shape.vocab, 32):
            _, _, margins = watch.run(model, [tokens + [c] for c in order[at : at + 32]])
            fine = [c for c, m in zip(order[at : at + 32], margins[:, -1].tolist()) if m >= shape.clear_margin]
            if fine:
                break
        if fine:
            tokens.append(fine[0])
        else:
            tokens.pop()
    return tokens


def relative_rms(a, b):
    """RMS of a - b over RMS of b, per token."""
    return ((a - b).double().pow(2).mean(-1).sqrt() / b.double().pow(2).mean(-1).sqrt()).flatten()


def flip_study(model, watch, sequences, seeds=40):
    """How far logits move when noise flips codes. Noise of two levels before quantization: 3e-7, what float32
    itself does, and 3e-5, to see many flips. A token counts as flipped when a code of it or of an earlier
    token of its sequence differs from the run without noise."""
    still, flipped, flips_at_f32_noise, tokens_at_f32_noise = [], [], 0, 0
    swap_gaps, swaps = [0.0], 0  # where the top token changed: how far above the new one the old one was
    for tokens in sequences:
        logits, codes, _ = watch.run(model, [tokens])
        for level in (3e-7, 3e-5):
            for seed in range(seeds):
                noise = (level, torch.Generator().manual_seed(seed))
                noisy, noisy_codes, _ = watch.run(model, [tokens], noise)
                changed = torch.stack([(a != b).any(-1) for a, b in zip(codes, noisy_codes)]).any(0)
                reached = changed.flatten().int().cummax(-1).values.bool()
                error = relative_rms(noisy, logits)
                was, now = logits[0].argmax(-1, keepdim=True), noisy[0].argmax(-1, keepdim=True)
                gap = (logits[0].gather(-1, was) - logits[0].gather(-1, now))[:, 0]
                gap = gap / logits[0].pow(2).mean(-1).sqrt()
                swaps += int((was != now).sum())
                swap_gaps.append(float(gap.max()))
                if level == 3e-7:
                    flips_at_f32_noise += int(reached.sum())
                    tokens_at_f32_noise += len(tokens)
                    still.append(error[~reached])
                flipped.append(error[reached])
    still, flipped = torch.cat(still), torch.cat(flipped)
    level = lambda q: float(flipped.quantile(q))
    return {
        "still_max": float(still.max()) if len(still) else 0.0,
        "flipped_median": level(0.5),
        "flipped_p99": level(0.99),
        "flipped_max": float(flipped.max()),
        "flipped_tokens": len(flipped),
        "top_changed": swaps,
        "top_changed_max_gap": max(swap_gaps),
        "flipped_share_at_f32_noise": flips_at_f32_noise / tokens_at_f32_noise,
    }


def record_intermediates(model, tokens):
    """Values on the way to the logits for one sequence, each [tokens, size]."""
    seen = {}
    block = model.model.layers[0]

    def keep(name, index=None):
        def hook(module, args, output):
            seen[name] = (output if index is None else output[index])[0]

        return hook

    def keep_input(name):
        def hook(module, args):
            seen[name] = args[0][0]

        return hook

    handles = [
        model.model.embed_tokens.register_forward_hook(keep("embedding")),
        block.input_layernorm.register_forward_hook(keep("blk.0.attn_norm")),
        block.self_attn.q_proj.register_forward_hook(keep("blk.0.attn_q")),
        block.self_attn.k_proj.register_forward_hook(keep("blk.0.attn_k")),
        block.self_attn.v_proj.register_forward_hook(keep("blk.0.attn_v")),
        block.self_attn.attn_sub_norm.register_forward_pre_hook(keep_input("blk.0.attention")),
        block.self_attn.attn_sub_norm.register_forward_hook(keep("blk.0.attn_sub_norm")),
        block.post_attention_layernorm.register_forward_pre_hook(keep_input("blk.0.after_attention")),
        block.mlp.ffn_sub_norm.register_forward_pre_hook(keep_input("blk.0.gated")),
        block.register_forward_hook(keep("blk.0.after_ffn")),
        model.model.norm.register_forward_hook(keep("output_norm")),
    ]
    with torch.no_grad():
        model(torch.tensor([tokens]), use_cache=False)
    for handle in handles:
        handle.remove()
    return {name: value.numpy() for name, value in seen.items()}


# ---------------------------------------------------------------------------------------------------- writing


def linear_bytes(kind, weight, file: File):
    """(type id, bytes, scale to put into a tensor of its own or None) of one linear."""
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
        *file.extra,
        *vocabulary.metadata(*vocab, file.pre, file.template, scores=True),
        ("general.quantization_version", g.U32, 2),
        ("general.file_type", g.U32, {g.TYPE_I2_S: 40, g.TYPE_TQ1_0: 36, g.TYPE_TQ2_0: 37, g.TYPE_F16: 1,
                                      g.TYPE_BF16: 32}.get(file.weights if isinstance(file.weights, int) else -1, 0)),
    ]
    tensors = []

    def add(name, kind, values):
        tensors.append((name + ".weight", list(values.shape[::-1]), kind, float_bytes(kind, values)))

    add("token_embd", file.embedding, weights["token_embd"])
    for layer in range(shape.n_layers):
        for name in NORMS:
            add(f"blk.{layer}.{name}", g.TYPE_F32, weights[f"blk.{layer}.{name}"])
        for name in LINEARS:
            key = f"blk.{layer}.{name}"
            weight = weights[key]
            rows, columns = (weight if isinstance(weight, np.ndarray) else weight[0]).shape
            kind = file.weights if isinstance(file.weights, int) else file.weights[name]
            kind, data, scale = linear_bytes(kind, weight, file)
            tensors.append((key + ".weight", [columns, rows], kind, data))
            if scale is not None:
                tensors.append((key + ".scale", [1], g.TYPE_F32, np.float32(scale).tobytes()))
    add("output_norm", g.TYPE_F32, weights["output_norm"])
    if not shape.tied:
        add("output", file.output, weights["output"])
    g.write(path, metadata, tensors, file.version)


# ------------------------------------------------------------------------------------------------------- plan

GARBAGE = bytes(range(0xA1, 0xA1 + 28))
# The "i2" writer of bitnet.cpp fills the pad with copies of the scale; here it is plain garbage, which says more.

GQA1 = Shape("gqa1", 256, 2, 512, 4, 4, tied=True, seed=11, bf16_embedding=True,
             intermediates=True, clear=72)
GQA2 = Shape("gqa2-untied", 256, 2, 768, 4, 2, tied=False, seed=12)
GQA4 = Shape("gqa4-hd128", 512, 3, 768, 4, 1, tied=True, theta=500000.0, seed=13, clear=16, clear_margin=2.5e-4)
ODD = Shape("gqa3-dim384", 384, 1, 640, 3, 1, tied=True, theta=500000.0, seed=14, linear="bitlinear")
TINY = Shape("tiny", 128, 1, 128, 2, 1, tied=True, seed=15, bf16_embedding=True, clear=80)
SILU = Shape("tiny-silu", 128, 1, 128, 2, 1, tied=True, seed=15, bf16_embedding=True, act="silu")
MASTER = Shape("tiny-master", 128, 1, 128, 2, 1, tied=True, seed=16, linear="autobitlinear online")

MIXED_FLOATS = dict(attn_q=g.TYPE_F32, attn_k=g.TYPE_F32, attn_v=g.TYPE_F16, attn_output=g.TYPE_F16,
                    ffn_gate=g.TYPE_BF16, ffn_up=g.TYPE_BF16, ffn_down=g.TYPE_F32)

PLAN = [
    (GQA1, [
        File("gqa1-i2_s", g.TYPE_I2_S, pad=GARBAGE, pre=None, template=vocabulary.WRONG_TEMPLATE,
             note="as the published file: no tokenizer.ggml.pre, the wrong template; nonzero garbage in the I2_S pad"),
        File("gqa1-tq1_0", g.TYPE_TQ1_0, embedding=g.TYPE_BF16, note="bf16 embedding"),
        File("gqa1-tq2_0", g.TYPE_TQ2_0),
    ]),
    (GQA2, [File("gqa2-untied-i2_s", g.TYPE_I2_S, arch="bitnet-25", note="output.weight; architecture bitnet-25")]),
    (GQA4, [File("gqa4-hd128-tq1_0", g.TYPE_TQ1_0)]),
    (ODD, [File("gqa3-dim384-i2_s", g.TYPE_I2_S, note="K is a multiple of 128 but not of 256")]),
    (TINY, [
        File("tiny-f32", g.TYPE_F32, embedding=g.TYPE_F32, note="ternary weights in f32, f32 embedding"),
        File("tiny-f16", g.TYPE_F16),
        File("tiny-bf16", g.TYPE_BF16),
        File("tiny-i2_s", g.TYPE_I2_S),
        File("tiny-i2_s-v2", g.TYPE_I2_S, version=2, note="GGUF version 2"),
        File("tiny-i2_s-arm", g.TYPE_I2_S, group=64, note="64/16 layout: right only when the option forces it"),
        File("tiny-i2_s-scale", g.TYPE_I2_S, separate_scales=True, note="scales in *.scale tensors, 1.0 in the weights"),
        File("tiny-i2_s-bitnet-relu2", g.TYPE_I2_S, arch="bitnet",
             extra=[("bitnet.hidden_activation", g.STR, "relu2")], note="architecture bitnet with hidden_activation relu2"),
    ]),
    (SILU, [File("tiny-silu-i2_s", g.TYPE_I2_S, arch="bitnet", note="architecture bitnet, so SiLU")]),
    (MASTER, [File("tiny-master", MIXED_FLOATS,
                   note="master weights in f32, f16 and bf16, to be ternarized by absmean; scales are no powers of two")]),
]


def make(out):
    vocab = vocabulary.small(320)
    os.makedirs(out, exist_ok=True)
    for shape, files in PLAN:
        weights = make_weights(shape)
        model = make_model(shape, weights)
        watch = Watch(model)
        rng = np.random.default_rng(1000 + shape.seed)
        sequences = [{"kind": "clear", "tokens": choose_clear(model, watch, shape, rng)}]
        for length in shape.free:
            sequences.append({"kind": "free", "tokens": rng.integers(0, shape.vocab, length).tolist()})
        rows = []
        for sequence in sequences:
            logits, _, margins = watch.run(model, [sequence["tokens"]])
            sequence["margins"] = [float(f"{m:.3g}") for m in margins[0].tolist()]
            rows.append(logits[0].numpy())
        study = flip_study(model, watch, [s["tokens"] for s in sequences])
        bound = 2 * study["flipped_max"]
        np.concatenate(rows).astype("<f4").tofile(f"{out}/{shape.name}.logits.f32")
        record = {
            "name": shape.name,
            "config": {"dim": shape.dim, "n_layers": shape.n_layers, "ffn_dim": shape.ffn, "n_heads": shape.n_heads,
                       "n_kv_heads": shape.n_kv_heads, "head_dim": shape.head_dim, "vocab_size": shape.vocab,
                       "context_length": shape.context, "rope_theta": shape.theta, "rms_norm_eps": shape.eps,
                       "activation": shape.act, "tied": shape.tied},
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
    import re

    text = json.dumps(record, indent=1)
    return re.sub(r"\[[-\d\s.,e+]+\]", lambda m: re.sub(r"\s+", " ", m.group()), text) + "\n"


if __name__ == "__main__":
    make(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/models"))
