"""Writes tests/golden/quantized.safetensors: weights in 4 and 8 bits as bitsandbytes makes them on the CPU.

    python tests/golden/quantized.py          (needs torch and bitsandbytes; a second)

<case>.weight                 the matrix
<case>.<code>.codes           two codes a byte, for nf4 and fp4
<case>.<code>.scales          fp32 magnitude of each block of 64
<case>.<code>.decoded         dequantize_4bit without double quantization
<case>.<code>.double.codes    codes of the scales, <case>.<code>.double.magnitudes and .offset with them
<case>.<code>.double.decoded  dequantize_4bit with double quantization
<case>.int8.codes, .scales    rows of int8_vectorwise_quant, value = code * scale / 127
"""
import bitsandbytes
import bitsandbytes.functional as bnb
import torch

import oracle

SEED = 20240611
# The last block of a case may be short; `large` has two magnitudes of scales, and nf4 alone to keep the file small.
CASES = {"small": (3, 50), "tail": (7, 30), "large": (130, 130)}


def four_bit(name, weight, kind):
    codes, state = bnb.quantize_4bit(weight, blocksize=64, quant_type=kind)
    double_codes, double = bnb.quantize_4bit(weight, blocksize=64, quant_type=kind, compress_statistics=True)
    assert torch.equal(codes, double_codes)
    return {f"{name}.{kind}.codes": codes.flatten(), f"{name}.{kind}.scales": state.absmax,
            f"{name}.{kind}.decoded": bnb.dequantize_4bit(codes, state),
            f"{name}.{kind}.double.codes": double.absmax, f"{name}.{kind}.double.magnitudes": double.state2.absmax,
            f"{name}.{kind}.double.offset": double.offset.reshape(1),
            f"{name}.{kind}.double.decoded": bnb.dequantize_4bit(double_codes, double)}


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    found = {}
    for name, shape in CASES.items():
        weight = torch.randn(shape) * torch.logspace(-2, 0, shape[0])[:, None]
        weight[0, :3] = torch.tensor([0.0, 1e-12, -1e-12])
        found[f"{name}.weight"] = weight
        if name == "large":
            found.update(four_bit(name, weight, "nf4"))
            continue
        for kind in ("nf4", "fp4"):
            found.update(four_bit(name, weight, kind))
        codes, scales, _ = bnb.int8_vectorwise_quant(weight)
        found.update({f"{name}.int8.codes": codes, f"{name}.int8.scales": scales})
    found = {name: value.contiguous() for name, value in found.items()}
    oracle.write_tensors(oracle.HERE / "quantized.safetensors", found,
                         oracle.provenance("quantized.py", SEED, bitsandbytes=bitsandbytes.__version__))


if __name__ == "__main__":
    main()
