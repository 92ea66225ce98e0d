"""LoRA adapters of the fixture models, as PEFT saves them and as llama.cpp's converter writes them, and the logits that
transformers with PEFT computes with them.

The base models are the folders of checkpoints.py, loaded by transformers and wrapped by PEFT's own PeftModel, so that A and B are
computed by PEFT beside transformers' BitLinear.
"""

import dataclasses
import json
import os
import shutil

import models  # first: it switches torch.compile off

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from transformers.integrations.bitnet import AutoBitLinear, BitLinear

import gguf_file as g
import observation
import shapes

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "../fixtures/adapters")
FOLDERS = os.path.join(HERE, "../fixtures/checkpoints")

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# name: (base folder, settings of PEFT)
ADAPTERS = {
    "tiny-all": ("tiny-multiply", dict(r=4, lora_alpha=8, target_modules=ALL)),
    "tiny-some": ("tiny-multiply", dict(r=3, lora_alpha=6, target_modules=["q_proj", "down_proj"], use_rslora=True,
                                        rank_pattern={"down_proj": 5}, alpha_pattern={r"layers\.0\.mlp\.down_proj": 2})),
    "llama-all": ("llama-divide", dict(r=4, lora_alpha=4, target_modules=ALL)),
}
# Which adapters with which weights, on which base, and a GGUF file of the same weights.
CASES = [
    ("tiny-multiply", "tiny-i2_s.gguf", {"tiny-all": 1.0}),
    ("tiny-multiply", "tiny-i2_s.gguf", {"tiny-some": 1.0}),
    ("tiny-multiply", "tiny-i2_s.gguf", {"tiny-all": 0.5, "tiny-some": -1.25}),
    ("llama-divide", "llama-i2_s.gguf", {"llama-all": 1.0}),
]
SHAPES = {"tiny-multiply": shapes.TINY, "llama-divide": shapes.LLAMA}


def base(folder):
    model = AutoModelForCausalLM.from_pretrained(f"{FOLDERS}/{folder}", dtype=torch.float32, attn_implementation="eager").eval()
    torch.nn.Module.float(model)
    for module in model.modules():
        if isinstance(module, BitLinear):
            module.dtype = torch.float32
    return model


class Plain(torch.nn.Linear):
    """A BitLinear as a Linear, which is the class that PEFT has a LoRA layer for; it computes as before."""

    def __init__(self, inner):
        super().__init__(inner.in_features, inner.out_features, bias=False)
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


def replace_layers(model):
    for name, module in list(model.named_modules()):
        if isinstance(module, (BitLinear, AutoBitLinear)):
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, Plain(module))
    model.hf_quantizer = None
    model.config.quantization_config = None
    for flag in ("is_quantized", "quantization_method"):
        if hasattr(model, flag):
            setattr(model, flag, None)
    return model


def make_adapter(name, folder, settings):
    torch.manual_seed(sum(map(ord, name)))
    out = f"{OUT}/{name}"
    shutil.rmtree(out, ignore_errors=True)
    model = get_peft_model(replace_layers(base(folder)), LoraConfig(task_type="CAUSAL_LM", **settings))
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                # Steps that f16 holds, of a size that changes the logits and does not drown them.
                values = torch.randn(parameter.shape) * (0.25 if "lora_A" in key else 0.06)
                parameter.copy_((values * 256).round() / 256)
    model.save_pretrained(out)
    config = json.load(open(f"{out}/adapter_config.json"))
    config["base_model_name_or_path"] = folder
    with open(f"{out}/adapter_config.json", "w") as sink:
        json.dump(config, sink, indent=1, sort_keys=True)
    for file in os.listdir(out):
        if file not in ("adapter_config.json", "adapter_model.safetensors"):
            os.remove(f"{out}/{file}")
    if not settings.get("use_rslora"):
        write_gguf(name, folder, settings)


def write_gguf(name, folder, settings):
    """As `convert_lora_to_gguf.py` of llama.cpp: the names and the order of rows of a model's converter, F32 for A and F16 for B
    where F16 holds it."""
    shape = SHAPES[folder]
    arch = "llama" if shape.llama else "bitnet-b1.58"
    metadata = [
        ("general.architecture", g.STR, arch),
        ("general.type", g.STR, "adapter"),
        ("adapter.type", g.STR, "lora"),
        ("adapter.lora.alpha", g.F32, float(settings["lora_alpha"])),
    ]
    tensors = []
    names = {place: gguf for gguf, place in shapes.LINEARS.items()}
    for key, value in sorted(load_file(f"{OUT}/{name}/adapter_model.safetensors").items()):
        path = key.removeprefix("base_model.model.model.layers.")
        layer, _, rest = path.partition(".")
        place, _, which = rest.removesuffix(".weight").rpartition(".")
        values = value.float().numpy()
        if shape.llama and which == "lora_B" and names[place] in ("attn_q", "attn_k"):
            values = models.permute(values, shape.n_heads if names[place] == "attn_q" else shape.n_kv_heads)
        kind = g.TYPE_F32 if which == "lora_A" else g.TYPE_F16
        data = models.float_bytes(kind, values)
        tensors.append((f"blk.{layer}.{names[place]}.weight.{which.lower()}", list(values.shape[::-1]), kind, data))
    g.write(f"{OUT}/{name}.gguf", metadata, tensors)


def run(folder, weights):
    """Tokens of which no code comes close to a flip, their logits with adapters of these weights, by PEFT, and the margins."""
    model = replace_layers(base(folder))
    watch = observation.Watch(model)
    names = list(weights)
    peft = PeftModel.from_pretrained(model, f"{OUT}/{names[0]}", adapter_name=names[0])
    for name in names[1:]:
        peft.load_adapter(f"{OUT}/{name}", adapter_name=name)
    peft.base_model.set_adapter(names)
    for module in peft.modules():
        for name in names:
            if isinstance(getattr(module, "scaling", None), dict) and name in module.scaling:
                module.scaling[name] *= weights[name]
    shape = dataclasses.replace(SHAPES[folder], clear=12)
    tokens = observation.choose_clear(peft.eval(), watch, shape, np.random.default_rng(31))
    logits, _, margins = watch.run(peft, [tokens])
    return tokens, logits[0], margins[0]


def make():
    os.makedirs(OUT, exist_ok=True)
    for name, (folder, settings) in ADAPTERS.items():
        make_adapter(name, folder, settings)
    cases, rows, offset = [], [], 0
    for folder, file, weights in CASES:
        tokens, logits, margins = run(folder, weights)
        plain = base(folder)
        with torch.no_grad():
            without = plain(torch.tensor([tokens]), use_cache=False).logits[0]
        change = float(observation.relative_rms(logits, without).median())
        print(folder, weights, f"changes the logits by {change:.2f}; least margin {float(margins.min()):.1e}")
        assert change > 0.1
        cases.append({"folder": folder, "file": file, "adapters": weights, "tokens": tokens, "offset": offset})
        rows.append(logits.numpy().astype("<f4"))
        offset += rows[-1].size
    np.concatenate([row.ravel() for row in rows]).tofile(f"{OUT}/logits.f32")
    with open(f"{OUT}/adapters.json", "w") as sink:
        sink.write(models.json_compact({"logits": "logits.f32", "cases": cases}))


if __name__ == "__main__":
    make()
