"""Writes tests/golden/quantization.safetensors and tests/golden/models/{qwen3_awq,qwen3_gptq}: packed weights, GPTQ and
AWQ as the programs that made these formats compute them.

    pip download --no-deps autoawq==0.2.9 auto-gptq==0.7.1 compressed-tensors==0.20.1, unpacked into one directory
    pip install gptqmodel==7.7.0
    python tests/golden/quantization.py DIRECTORY          (a minute; what lies there is read, not installed)

pack.awq.*              codes (out, in), zeros (out, groups) uint8, qweight, qzeros, scales by AutoAWQ's WQLinear_GEMM
pack.gptq<bits>.*       the same by AutoGPTQ's QuantLinear, with g_idx for 4 bits; <bits> 2, 3, 4, 8; qzeros_v2 and equal
                        qweight, qzeros and scales by GPTQModel's TorchLinear
pack.ct<bits>.*         codes and zeros with packed, packed_zeros by compressed-tensors' pack_to_int32
gptq.weight, .inputs    one linear (48, 256) and its inputs (512, 256); gptq.hessian as GPTQ.add_batch makes it
gptq.<case>.*           codes, scales, zeros, g_idx of AutoGPTQ's GPTQ.fasterquant (IST's algorithm)
awq.weight, .inputs     one linear (64, 128) with inputs of unequal size; awq.scale of _search_best_scale,
                        awq.clip of _compute_best_clip
"""
import importlib.util
import pathlib
import sys
import types
from unittest import mock

import gptqmodel
import torch
import transformers
from gptqmodel.nn_modules.qlinear.torch import TorchLinear
from safetensors.torch import load_file, save_file

import oracle

SEED = 20241124
GROUP = 32


def module_at(path, **stubs):
    """A module from its file, with these modules in place of what it imports."""
    with mock.patch.dict(sys.modules, stubs):
        spec = importlib.util.spec_from_file_location(path.stem + "_golden", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def stub(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members)
    return module


def awq_modules(root):
    awq = root / "autoawq-0.2.9" / "awq"
    nothing = lambda *args, **kwargs: None
    utils = stub("awq.utils.utils", get_best_device=lambda: "cpu", clear_memory=nothing)
    packing = module_at(awq / "utils" / "packing_utils.py")
    gemm = module_at(awq / "modules" / "linear" / "gemm.py", **{
        "awq.utils.module": stub("m", try_import=lambda name: (None, "")), "awq.utils.utils": utils,
        "awq.utils.packing_utils": packing, "awq.modules.triton.gemm": None})
    names = ["append_str_prefix", "get_named_linears", "set_op_by_name", "exclude_layers_to_not_quantize"]
    linears = ["WQLinear_GEMM", "WQLinear_GEMV", "WQLinear_Marlin", "WQLinear_GEMVFast"]
    quantizer = module_at(awq / "quantize" / "quantizer.py", **{
        "awq.utils.calib_data": stub("c", get_calib_dataset=nothing), "awq.utils.utils": utils,
        "awq.quantize.scale": stub("s", apply_scale=nothing, apply_clip=nothing),
        "awq.modules.linear": stub("l", **{n: nothing for n in linears}),
        "awq.utils.module": stub("u", get_op_name=nothing, **{n: nothing for n in names})})
    return gemm.WQLinear_GEMM, packing, quantizer.AwqQuantizer


def gptq_modules(root):
    auto = root / "auto_gptq"
    quantizer = module_at(auto / "quantization" / "quantizer.py")
    package = stub("golden_gptq", __path__=[])
    with mock.patch.dict(sys.modules, {"golden_gptq": package, "golden_gptq.quantizer": quantizer}):
        spec = importlib.util.spec_from_file_location("golden_gptq.gptq", auto / "quantization" / "gptq.py")
        gptq = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(gptq)
    linear = module_at(auto / "nn_modules" / "qlinear" / "qlinear_cuda.py", autogptq_cuda_64=None)
    torch.cuda.synchronize = lambda: None
    return gptq.GPTQ, linear.QuantLinear


def linear_of(weight, bias=None):
    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    linear.weight.data = weight
    if bias is not None:
        linear.bias.data = bias
    return linear.requires_grad_(False)


def grid(weight, bits, group, sym):
    """Codes (out, in), scales fp16 and zeros (out, groups) of rounding to nearest."""
    top = 2 ** bits - 1
    parts = weight.view(weight.shape[0], -1, group)
    low, high = parts.amin(-1).clamp(max=0), parts.amax(-1).clamp(min=0)
    if sym:
        high = torch.maximum(-low, high)
        low = -high
    scales = ((high - low) / top).half().float()
    zeros = torch.full_like(scales, (top + 1) // 2) if sym else torch.round(-low / scales).clamp(1, top)
    codes = (torch.round(parts / scales[..., None]) + zeros[..., None]).clamp(0, top)
    values = ((codes - zeros[..., None]) * scales[..., None]).view_as(weight)
    return codes.view_as(weight).byte(), scales, zeros.byte(), values


def pack_awq(gemm, values, scales, zeros, bias=None):
    made = gemm.from_linear(linear_of(values, bias), 4, GROUP, scales=scales.t().contiguous(),
                            zeros=zeros.float().t().contiguous())
    return {"qweight": made.qweight, "qzeros": made.qzeros, "scales": made.scales}


def pack_gptq(quant_linear, values, scales, zeros, bits, g_idx=None):
    out, inner = values.shape
    made = quant_linear(bits, GROUP, inner, out, False, weight_dtype=torch.float32)
    index = torch.arange(inner, dtype=torch.int32) // GROUP if g_idx is None else g_idx
    made.pack(linear_of(values), scales.clone(), zeros.float(), index)
    return {"qweight": made.qweight, "qzeros": made.qzeros, "scales": made.scales.half(), "g_idx": made.g_idx}


def pack_gptqmodel(values, scales, zeros, bits, expected, g_idx=None):
    """GPTQModel's packing of the same, which must be `expected`; its zero points of version 2."""
    out, inner = values.shape
    made = TorchLinear(bits=bits, group_size=GROUP, sym=False, desc_act=g_idx is not None, in_features=inner,
                       out_features=out)
    index = torch.arange(inner, dtype=torch.int32) // GROUP if g_idx is None else g_idx
    made.pack_original(linear_of(values.clone()), scales.clone(), zeros.int(), index)
    second = made.qzeros.clone()
    with torch.inference_mode():
        gptqmodel.utils.model.convert_gptq_v2_to_v1_format_module(made, types.SimpleNamespace(bits=bits, pack_dtype=torch.int32))
    for key in ("qweight", "qzeros", "scales"):
        assert torch.equal(getattr(made, key), expected[key]), (bits, key)
    return second


def packing_cases(gemm, packing, quant_linear, pack_to_int32):
    found = {}
    def keep(name, **tensors):
        found.update({f"pack.{name}.{key}": value.contiguous().clone() for key, value in tensors.items()})
    for bits in (2, 3, 4, 8):
        weight = torch.randn(64, 96)
        codes, scales, zeros, values = grid(weight, bits, GROUP, False)
        g_idx = None
        if bits == 4:
            awq = pack_awq(gemm, values, scales, zeros)
            decoded = packing.dequantize_gemm(awq["qweight"], awq["qzeros"], awq["scales"].float(), 4, GROUP)
            assert torch.allclose(decoded.t(), values, atol=1e-6)
            keep("awq", codes=codes, zeros=zeros, **awq)
            g_idx = (torch.arange(96) // GROUP)[torch.randperm(96)].int()
            wide = (codes.float() - zeros.float()[:, g_idx.long()]) * scales[:, g_idx.long()]
            ordered = pack_gptq(quant_linear, wide, scales, zeros, 4, g_idx)
            pack_gptqmodel(wide, scales, zeros, 4, ordered, g_idx)
            keep("gptq4_order", codes=codes, zeros=zeros, **ordered)
        packed = pack_gptq(quant_linear, values, scales, zeros, bits)
        keep(f"gptq{bits}", codes=codes, zeros=zeros, **packed,
             qzeros_v2=pack_gptqmodel(values, scales, zeros, bits, packed))
        if bits in (4, 8):
            signed = lambda t: (t.int() - 2 ** (bits - 1)).to(torch.int8)
            keep(f"ct{bits}", codes=codes, zeros=zeros, packed=pack_to_int32(signed(codes), bits),
                 packed_zeros=pack_to_int32(signed(zeros), bits, packed_dim=0))
    return found


GPTQ_CASES = {
    "plain": dict(bits=4, sym=True, group=64),
    "asym": dict(bits=4, sym=False, group=64),
    "static": dict(bits=4, sym=True, group=64, actorder=True, static_groups=True),
    "order": dict(bits=4, sym=False, group=128, actorder=True),
    "mse": dict(bits=3, sym=False, group=64, mse=True),
    "rows": dict(bits=8, sym=True, group=-1),
    "two": dict(bits=2, sym=False, group=32),
}


def gptq_cases(solver):
    weight = torch.randn(48, 256) * 0.05
    mixing = torch.randn(256, 256) * torch.logspace(-1.5, 0.5, 256)[torch.randperm(256)]
    inputs = torch.randn(512, 256) @ mixing
    inputs[:, 17] = 0
    found = {"gptq.weight": weight, "gptq.inputs": inputs.half()}
    inputs = inputs.half().float()
    for name, case in GPTQ_CASES.items():
        one = solver(linear_of(weight.clone()))
        one.add_batch(inputs[None], None)
        if "gptq.hessian" not in found:
            found["gptq.hessian"] = one.H.clone()
        one.quantizer.configure(case["bits"], perchannel=True, sym=case["sym"], mse=case.get("mse", False))
        scales, zeros, g_idx = one.fasterquant(group_size=case["group"], actorder=case.get("actorder", False),
                                               static_groups=case.get("static_groups", False))
        spread = g_idx.long()
        codes = torch.round(one.layer.weight / scales[:, spread]) + zeros[:, spread]
        found.update({f"gptq.{name}.codes": codes.byte(), f"gptq.{name}.scales": scales,
                      f"gptq.{name}.zeros": zeros.byte(), f"gptq.{name}.g_idx": g_idx.int()})
    return {key: value.contiguous().clone() for key, value in found.items()}


def awq_cases(quantizer):
    weight, inputs = torch.randn(64, 128) * 0.05, torch.randn(256, 128) * torch.logspace(-1, 1, 128)[torch.randperm(128)]
    self = types.SimpleNamespace(group_size=GROUP, w_bit=4, zero_point=True, duo_scaling=True, max_chunk_memory=2 ** 30,
                                 n_parallel_calib_samples=None, _sanitize_kwargs=lambda kwargs, module: {})
    for name in ("pseudo_quantize_tensor", "_module_forward", "_compute_best_scale", "_compute_loss",
                 "_compute_best_clip", "_search_best_scale"):
        setattr(self, name, types.MethodType(getattr(quantizer, name), self))
    linear = linear_of(weight.clone())
    # AutoAWQ puts the weight back after each ratio from state_dict().cpu(), a copy on a GPU and none on the CPU.
    own = weight.clone()
    linear.state_dict = lambda: {"weight": own}
    _, _, scale = self._search_best_scale(linear, linear, [linear], inputs[None])
    clip = self._compute_best_clip(weight * scale, inputs / scale)
    return {"awq.weight": weight, "awq.inputs": inputs, "awq.scale": scale, "awq.clip": clip.squeeze(-1).contiguous()}


def packed_model(kind, pack, sym, config):
    """A packed copy of models/qwen3, with the logits of its dequantized weights in transformers."""
    source = oracle.MODELS / "qwen3"
    target = oracle.MODELS / f"qwen3_{kind}"
    target.mkdir(exist_ok=True)
    model = oracle.load(source)
    tensors = {}
    for name, tensor in load_file(source / "model.safetensors").items():
        if not name.endswith("_proj.weight"):
            tensors[name] = tensor
            continue
        codes, scales, zeros, values = grid(tensor, 4, GROUP, sym)
        module = name.removesuffix(".weight")
        tensors.update({f"{module}.{part}": t.contiguous() for part, t in pack(values, scales, zeros).items()})
        model.get_submodule(module).weight.data = values
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    written = oracle.json.loads((source / "config.json").read_text())
    written["quantization_config"] = config
    oracle.write_json(target / "config.json", written)
    about = oracle.provenance("quantization.py", SEED, autoawq="0.2.9", auto_gptq="0.7.1")
    ids = load_file(source / "golden.safetensors")["ids_b"]
    oracle.write_tensors(target / "golden.safetensors", {"ids": ids, "logits": oracle.logits(model, ids)}, about)
    transformers.AutoConfig.from_pretrained(target)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    root = pathlib.Path(sys.argv[1])
    gemm, packing, quantizer = awq_modules(root)
    solver, quant_linear = gptq_modules(root)
    helpers = module_at(root / "compressed_tensors" / "compressors" / "pack_quantized" / "helpers.py")
    found = packing_cases(gemm, packing, quant_linear, helpers.pack_to_int32)
    found.update(gptq_cases(solver))
    found.update(awq_cases(quantizer))
    oracle.write_tensors(oracle.HERE / "quantization.safetensors", found,
                         oracle.provenance("quantization.py", SEED, autoawq="0.2.9", auto_gptq="0.7.1",
                                           gptqmodel="7.7.0", compressed_tensors="0.20.1"))
    packed_model("awq", lambda *parts: pack_awq(gemm, *parts), False,
                 {"quant_method": "awq", "bits": 4, "group_size": GROUP, "zero_point": True, "version": "gemm"})
    packed_model("gptq", lambda *parts: pack_gptq(quant_linear, *parts, 4), True,
                 {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "sym": True, "desc_act": False,
                  "checkpoint_format": "gptq"})


if __name__ == "__main__":
    main()
