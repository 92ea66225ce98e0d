"""Which models are made, and as which files."""

from dataclasses import dataclass, field

import gguf_file as g
import vocabulary

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
    "bitnet": {
        "attn_norm": "input_layernorm",
        "attn_sub_norm": "self_attn.attn_sub_norm",
        "ffn_norm": "post_attention_layernorm",
        "ffn_sub_norm": "mlp.ffn_sub_norm",
    },
    "llama": {
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
    },
    "qwen3": {
        "attn_norm": "input_layernorm",
        "attn_q_norm": "self_attn.q_norm",
        "attn_k_norm": "self_attn.k_norm",
        "ffn_norm": "post_attention_layernorm",
    },
    "gemma3": {
        "attn_norm": "input_layernorm",
        "attn_q_norm": "self_attn.q_norm",
        "attn_k_norm": "self_attn.k_norm",
        "post_attention_norm": "post_attention_layernorm",
        "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
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
    # "autobitlinear offline" (as 2B4T), "autobitlinear online" (master weights), "bitlinear" (packed, exact integers);
    # "float": transformers' own layers, of a model whose inputs were never rounded
    linear: str = "autobitlinear offline"
    seed: int = 0
    # Embeddings that bf16, f16 and f32 all hold exactly (else all that f16 holds).
    bf16_embedding: bool = False
    # Quantized types of embedding and head: random blocks, of which the model gets what they decode to.
    tables: dict = field(default_factory=dict)
    groups: int = 0  # columns that share a scale; 0: a matrix has one
    codes: tuple = (-1, 0, 1)  # of such matrices
    intermediates: bool = False
    free: tuple = (12, 8, 6, 4)
    clear: int = 24  # 72 and 80 for two shapes: longer than one prefill batch
    family: str = "bitnet"  # one of NORMS
    own_head_dim: int = 0  # 0: dim / n_heads
    rope: dict = field(default_factory=dict)  # transformers' rope_parameters beside rope_theta
    input_norms: bool = False  # an RMSNorm before each linear layer
    f16_norms: bool = False  # the weights of norms are numbers that f16 holds
    window: int = 0  # gemma3: positions that most layers look at; 0: all
    window_pattern: int = 6  # gemma3: each so many-th layer looks at all
    theta_of_windows: float = 10000.0
    pooling: bool = False  # an embedding model: what comes of the last token
    # An activation code is round(127 * x / max|x|). Its margin is how far the value before rounding lies from the
    # nearest half: float32 noise below the margin cannot flip it. The sequences marked "clear" are chosen so that
    # no code of any of their tokens has a smaller margin than this, and check.py shows that the noise stays below.
    clear_margin: float = 4e-4

    @property
    def head_dim(self):
        return self.own_head_dim or self.dim // self.n_heads

    @property
    def norms(self):
        inputs = {f"{name}_norm_in": f"{path}.rms_norm" for name, path in LINEARS.items()} if self.input_norms else {}
        return NORMS[self.family] | inputs

    @property
    def config(self):
        """What the record of the model says of it."""
        return {"dim": self.dim, "n_layers": self.n_layers, "ffn_dim": self.ffn, "n_heads": self.n_heads,
                "n_kv_heads": self.n_kv_heads, "head_dim": self.head_dim, "vocab_size": self.vocab,
                "context_length": self.context, "rope_theta": self.theta, "rms_norm_eps": self.eps,
                "activation": self.act, "tied": self.tied} | ({"rope": self.rope} if self.rope else {})

    def norm_size(self, name):
        q_dim = self.n_heads * self.head_dim
        sizes = {"ffn_sub_norm": self.ffn, "attn_sub_norm": q_dim, "attn_q_norm": self.head_dim, "attn_k_norm": self.head_dim,
                 "attn_output_norm_in": q_dim, "ffn_down_norm_in": self.ffn}
        return sizes.get(name, self.dim)


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
    sentence_piece: object = None  # options of a SentencePiece vocabulary, in place of the byte-level one
    ids: dict = field(default_factory=dict)  # type ids that the file gives to types
    note: str = ""


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
LLAMA_CPP = Shape("q4_k-q6_k", 256, 1, 256, 4, 2, tied=False, seed=17, free=(8, 4),
                  tables={"token_embd": g.TYPE_Q4_K, "output": g.TYPE_Q6_K})
BITNET_CPP = Shape("tied-q6_k", 256, 1, 256, 2, 1, tied=True, seed=18, free=(8, 4), tables={"token_embd": g.TYPE_Q6_K})
# The 3.3B reproduction in small: heads of 100, rows that are multiples of 32 and no more.
SILU_3B = Shape("silu-hd100", 200, 1, 328, 2, 2, tied=True, act="silu", seed=25, free=(8, 4), clear=12)
QWEN3 = Shape("qwen3", 128, 2, 256, 4, 2, tied=False, theta=1000000.0, act="silu", eps=1e-6, seed=26, clear=12, family="qwen3",
              own_head_dim=64, linear="bitlinear")
QWEN3_YARN = Shape("qwen3-yarn", 128, 1, 256, 2, 1, tied=True, theta=1000000.0, act="silu", eps=1e-6, seed=27, clear=12,
                   family="qwen3", linear="bitlinear", context=2048,
                   rope={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512})
QWEN3_EMBEDDING = Shape("qwen3-embedding", 128, 1, 256, 2, 1, tied=True, theta=1000000.0, act="silu", eps=1e-6, seed=28,
                        clear=12, family="qwen3", own_head_dim=128, linear="bitlinear", input_norms=True, f16_norms=True,
                        pooling=True)
# Six layers, of which the last one looks at all positions.
GEMMA3 = Shape("gemma3-embedding", 128, 6, 128, 2, 1, tied=True, theta=1000000.0, act="gelu_pytorch_tanh", eps=1e-6, seed=29,
               clear=12, clear_margin=1.5e-4, family="gemma3", own_head_dim=128, linear="bitlinear", input_norms=True,
               f16_norms=True, window=4, pooling=True)
LLAMA = Shape("llama", 128, 2, 256, 4, 2, tied=True, act="silu", seed=21, family="llama", own_head_dim=96,
              bf16_embedding=True, linear="bitlinear", clear=16)
LLAMA3 = Shape("llama-llama3", 256, 1, 256, 4, 1, tied=False, theta=500000.0, act="silu", seed=22, clear=12, family="llama",
               linear="autobitlinear offline",
               rope={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                     "original_max_position_embeddings": 128})
LINEAR = Shape("llama-linear", 128, 1, 256, 2, 1, tied=True, act="silu", seed=23, clear=12, family="llama", linear="bitlinear",
               rope={"rope_type": "linear", "factor": 4.0})
YARN = Shape("llama-yarn", 128, 1, 256, 2, 1, tied=True, act="silu", seed=24, clear=12, family="llama", linear="bitlinear", context=2048,
             rope={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512})


# Bonsai in small: every matrix with a scale for each group of columns, embedding and head included.
def bonsai(name, seed, groups, table, **more):
    tables = {"token_embd": table} | ({} if more["tied"] else {"output": table})
    return Shape(name, 128, act="silu", theta=1000000.0, eps=1e-6, seed=seed, family="qwen3", linear="float", clear=0,
                 free=(24, 12, 8, 4), groups=groups, tables=tables, **more)


GROUPS_64 = bonsai("qwen3-groups64", 31, 64, g.TYPE_Q2_0, n_layers=2, ffn=192, n_heads=4, n_kv_heads=2, own_head_dim=64,
                   tied=False, codes=(-1, 0, 1) * 20 + (2,))
GROUPS_128 = bonsai("qwen3-groups128", 32, 128, g.TYPE_PQ2_0, n_layers=1, ffn=256, n_heads=2, n_kv_heads=1, own_head_dim=128,
                    tied=True, context=2048,
                    rope={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 512})
BINARY = bonsai("qwen3-binary", 33, 128, g.TYPE_Q1_0, n_layers=1, ffn=128, n_heads=1, n_kv_heads=1, own_head_dim=128, tied=True,
                codes=(-1, 1))
TRILM = Shape("trilm", 256, 1, 512, 2, 2, tied=False, act="silu", seed=34, family="llama", linear="float", clear=0,
              free=(24, 12, 8, 4), groups=256)

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
    (LLAMA_CPP, [
        File("q4_k-q6_k-tq2_0", g.TYPE_TQ2_0, embedding=g.TYPE_Q4_K, output=g.TYPE_Q6_K,
             note="as llama.cpp's quantizer makes TQ1_0 and TQ2_0: embedding Q4_K, head Q6_K"),
    ]),
    (BITNET_CPP, [
        File("tied-q6_k-i2_s", g.TYPE_I2_S, embedding=g.TYPE_Q6_K,
             note="as bitnet.cpp makes I2_S with --token-embedding-type Q6_K"),
    ]),
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
    (SILU_3B, [
        File("silu-hd100-f16", g.TYPE_F16, arch="bitnet", sentence_piece={}, template=None,
             extra=[("bitnet.rope.scaling.type", g.STR, "linear"), ("bitnet.rope.scaling.factor", g.F32, 1.0)],
             note="as llama.cpp's converter writes the first BitNet models: ternary weights in f16, a SentencePiece vocabulary"),
    ]),
    (QWEN3, [File("qwen3-i2_s", g.TYPE_I2_S, arch="qwen3", note="output.weight; norms of queries and keys")]),
    (QWEN3_YARN, [File("qwen3-yarn-i2_s", g.TYPE_I2_S, arch="qwen3", note="rope.scaling.type yarn")]),
    (QWEN3_EMBEDDING, [
        File("qwen3-embedding-i2_s", g.TYPE_I2_S, arch="qwen3", extra=[("tokenizer.ggml.add_eos_token", g.BOOL, True)],
             note="an embedding model as bitnet.cpp's converter writes it: norms before linear layers, in f16"),
    ]),
    (GEMMA3, [
        File("gemma3-embedding-i2_s", g.TYPE_I2_S, arch="gemma3", sentence_piece={"space_prefix": False, "add_eos": True},
             template=None, note="windows of 4 positions in five of six layers"),
    ]),
    (GROUPS_64, [
        File("qwen3-groups64-q2_0", g.TYPE_Q2_0, arch="qwen3", embedding=g.TYPE_Q2_0, output=g.TYPE_Q2_0, pre="qwen2",
             note="as Ternary-Bonsai: all in Q2_0; a sixtieth of the codes is 3, which is twice the scale"),
    ]),
    (GROUPS_128, [
        File("qwen3-groups128-pq2_0", g.TYPE_PQ2_0, arch="qwen3", embedding=g.TYPE_PQ2_0, note="YaRN, as Bonsai 8B"),
        File("qwen3-groups128-q2_0", g.TYPE_PQ2_0, arch="qwen3", embedding=g.TYPE_PQ2_0, ids={g.TYPE_PQ2_0: g.TYPE_Q2_0},
             note="the first files of Ternary-Bonsai: groups of 128 under the id of Q2_0"),
        File("qwen3-groups128-ptq1_0", g.TYPE_PTQ1_0, arch="qwen3", embedding=g.TYPE_PQ2_0),
    ]),
    (BINARY, [
        File("qwen3-binary-q1_0", g.TYPE_Q1_0, arch="qwen3", embedding=g.TYPE_Q1_0, note="as Bonsai: -1 and 1 only"),
    ]),
    (TRILM, [
        File("trilm-tq2_0", g.TYPE_TQ2_0, arch="llama", note="TriLM in the types of llama.cpp's quantizer, scales of blocks"),
        File("trilm-tq1_0", g.TYPE_TQ1_0, arch="llama"),
    ]),
    (LLAMA, [
        File("llama-i2_s", g.TYPE_I2_S, arch="llama", note="heads of 96, which is not 128 / 4"),
        File("llama-f16", g.TYPE_F16, arch="llama", separate_scales=True,
             note="ternary weights in f16, their scales in *.scale tensors"),
    ]),
    (LLAMA3, [File("llama-llama3-tq2_0", g.TYPE_TQ2_0, arch="llama", note="output.weight; rope_freqs.weight")]),
    (LINEAR, [File("llama-linear-i2_s", g.TYPE_I2_S, arch="llama", note="rope.scaling.type linear")]),
    (YARN, [File("llama-yarn-i2_s", g.TYPE_I2_S, arch="llama", note="rope.scaling.type yarn")]),
    (MASTER, [File("tiny-master", MIXED_FLOATS,
                   note="master weights in f32, f16 and bf16, to be ternarized by absmean; scales are no powers of two")]),
]
