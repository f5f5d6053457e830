"""Writes tests/golden/trajectory: ten optimizer steps of fp32 training on the models of make_models.py.

    python tests/golden/make_trajectory.py    (needs torch, transformers, peft, accelerate, bitsandbytes,
                                               galore-torch; under a minute)

samples.json          [{"input_ids", "labels"}, ...]; labels are not shifted, -100 is not trained
start/<model>/        the adapter both sides start from, as PEFT initialises it (lora_A Kaiming, lora_B zero);
                      a run with a `variant` takes its A and B, and PEFT's own start for what else it trains
<run>.json            settings, per step {loss, grad_norm (before clipping), learning_rate}, and the L2 norm
                      of every trained tensor after the last step

The numbers come from the plain loop below, which states the semantics. Every run is repeated with the real
transformers Trainer on the same samples; the script stops unless the two agree, and each file records by how
much they differ (the Trainer's optimizer is the fused AdamW, so the last bits do).

Semantics: batches in file order; the loss of a step is the sum of the cross-entropy of its trained tokens over
all its micro-batches, divided by their number; the last step of an epoch may have fewer micro-batches; the
schedule is a linear warm-up from 0 and then half a cosine; decay is decoupled and spares norms and biases.
"""
import importlib.metadata
import json
import math
import shutil
import tempfile

import torch
from peft import LoraConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from peft.optimizers import create_loraplus_optimizer
from safetensors.torch import load_file
from transformers import Trainer, TrainingArguments

import oracle

SEED = 20240609
OUT = oracle.HERE / "trajectory"
START = OUT / "start"
COMMON = dict(per_device_train_batch_size=2, gradient_accumulation_steps=2, max_steps=10, warmup_steps=2,
              learning_rate=1e-3, adam_beta1=0.9, adam_beta2=0.95, adam_epsilon=1e-8, weight_decay=0.1,
              max_grad_norm=1.0, lr_scheduler_type="cosine", samples=40)
RUNS = {
    "qwen3_lora": dict(model="qwen3", tuner="lora"),
    "llama_lora": dict(model="llama", tuner="lora"),
    "qwen3_lora_unclipped": dict(model="qwen3", tuner="lora", max_grad_norm=1000.0),
    # 22 samples are eleven batches: each epoch ends with a step of one batch, and the run crosses two epochs.
    "llama_lora_epochs": dict(model="llama", tuner="lora", samples=22),
    "qwen3_full": dict(model="qwen3", tuner="full"),
    "llama_full": dict(model="llama", tuner="full", max_grad_norm=0.2),
    # PEFT's variants; PiSSA starts from the weights themselves and needs no file.
    "qwen3_rslora": dict(model="qwen3", tuner="lora", start="qwen3", variant=dict(use_rslora=True)),
    "qwen3_dora": dict(model="qwen3", tuner="lora", start="qwen3", variant=dict(use_dora=True)),
    "qwen2_dora": dict(model="qwen2", tuner="lora", start="qwen2", variant=dict(use_dora=True, bias="all")),
    "llama_pissa": dict(model="llama", tuner="lora", variant=dict(init_lora_weights="pissa")),
    "qwen3_pissa_dora": dict(model="qwen3", tuner="lora", variant=dict(init_lora_weights="pissa", use_dora=True)),
    "llama_lora_plus": dict(model="llama", tuner="lora", lorap_lr_ratio=8.0),
    "qwen3_dora_plus": dict(model="qwen3", tuner="lora", start="qwen3", variant=dict(use_dora=True),
                            lorap_lr_ratio=4.0),
    "qwen3_lora_fa": dict(model="qwen3", tuner="lora", lora_fa=True),
    # QLoRA: PEFT over a model whose linears have the values that bitsandbytes' quantized weights unpack to.
    "qwen3_qlora": dict(model="qwen3", tuner="lora", quant="nf4"),
    "llama_qlora_fp4": dict(model="llama", tuner="lora", quant="fp4"),
    "llama_qlora_int8": dict(model="llama", tuner="lora", quant="int8"),
    "qwen3_qlora_dora": dict(model="qwen3", tuner="lora", start="qwen3", variant=dict(use_dora=True), quant="nf4"),
    # The two ends as targets, initialised by PEFT's start of that name.
    "llama_ends": dict(model="llama", tuner="lora", start="llama_ends", variant=dict(
        target_modules=["q_proj", "embed_tokens", "lm_head"])),
    # galore_torch's AdamW on every matrix of the blocks, in full rank moments elsewhere; no clipping, no decay.
    "qwen3_galore": dict(model="qwen3", tuner="full", galore=dict(rank=8, update_proj_gap=4, scale=0.25), weight_decay=0.0),
    "qwen3_moe_full": dict(model="qwen3_moe", tuner="full"),
    # Steps of one sample: in some, experts have no token.
    "qwen3_moe_single": dict(model="qwen3_moe", tuner="full", per_device_train_batch_size=1,
                             gradient_accumulation_steps=1, samples=10),
    "llama_freeze": dict(model="llama", tuner="full", freeze=["model.embed_tokens", "model.layers.0"]),
}
LORA = dict(r=8, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")


def make_samples():
    """40 samples of 6 to 24 tokens; a prompt that is not trained, then a continuation that follows a rule
    (next id = 3 id + 1 modulo 126, plus 2), so that the loss falls."""
    source = torch.Generator().manual_seed(SEED)
    number = lambda low, high: int(torch.randint(low, high, (1,), generator=source))
    samples = []
    for _ in range(40):
        length = number(6, 25)
        untrained = number(1, length - 2)
        ids = [number(2, 128)]
        while len(ids) < length:
            ids.append((3 * (ids[-1] - 2) + 1) % 126 + 2)
        samples.append(dict(input_ids=ids, labels=[-100] * untrained + ids[untrained:]))
    return samples


def collate(samples):
    width = max(len(sample["input_ids"]) for sample in samples)
    pad = lambda key, value: torch.tensor([s[key] + [value] * (width - len(s[key])) for s in samples])
    mask = torch.tensor([[1] * len(s["input_ids"]) + [0] * (width - len(s["input_ids"])) for s in samples])
    return dict(input_ids=pad("input_ids", 1), labels=pad("labels", -100), attention_mask=mask)


def windows(samples, run):
    """The micro-batches of each optimizer step, epoch after epoch."""
    size, accumulation = run["per_device_train_batch_size"], run["gradient_accumulation_steps"]
    batches = [samples[at:at + size] for at in range(0, len(samples), size)]
    epoch = [batches[at:at + accumulation] for at in range(0, len(batches), accumulation)]
    return [epoch[step % len(epoch)] for step in range(run["max_steps"])]


def learning_rate(step, run):
    """For the step counted from 0."""
    warmup, steps = run["warmup_steps"], run["max_steps"]
    if step < warmup:
        return run["learning_rate"] * step / warmup
    return run["learning_rate"] * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))


def four_bit(weight, kind):
    """The values of bitsandbytes' 4-bit codes with double quantization. Scales get the nearest code and unpacking is
    written out: the CPU kernels of bitsandbytes 0.50 find scale codes in a table that misses some near a border, and
    unpack wrongly where a row is no multiple of 64 (96 here)."""
    import bitsandbytes.functional as bnb
    packed, state = bnb.quantize_4bit(weight, blocksize=64, quant_type=kind)
    codes = torch.stack([packed.flatten() >> 4, packed.flatten() & 15], 1).flatten().long()
    table = bnb.create_dynamic_map()
    offset = state.absmax.mean()
    scales = torch.cat([table[torch.bucketize(part * (1 / part.abs().max()), (table[1:] + table[:-1]) / 2)]
                        * part.abs().max() for part in (state.absmax - offset).split(256)]) + offset
    return (state.code[codes] * scales.repeat_interleave(64)[:codes.numel()])[:weight.numel()].reshape(weight.shape)


@torch.no_grad()
def quantize(model, kind):
    """Rounds the linears of the blocks as bitsandbytes stores them: blocks of 64 with double quantization, or rows of
    8 bits."""
    import bitsandbytes.functional as bnb
    for name, module in model.named_modules():
        if not isinstance(module, torch.nn.Linear) or name == "lm_head":
            continue
        weight = module.weight.data
        if kind == "int8":
            codes, scales, _ = bnb.int8_vectorwise_quant(weight)
            module.weight.data = codes.float() * (scales / 127)[:, None]
        else:
            module.weight.data = four_bit(weight, kind)


def trainable(run):
    model = oracle.load(oracle.MODELS / run["model"]).train()
    if "quant" in run:
        quantize(model, run["quant"])
    if run["tuner"] == "full":
        for name, value in model.named_parameters():
            value.requires_grad_(not name.startswith(tuple(run.get("freeze", ["-"]))))
    elif "variant" not in run:
        model = PeftModel.from_pretrained(model, START / run["model"], is_trainable=True).train()
    else:
        model = get_peft_model(model, LoraConfig(**{**LORA, **run["variant"]})).train()
        if "start" in run:
            set_peft_model_state_dict(model, load_file(START / run["start"] / "adapter_model.safetensors"))
    for name, value in model.named_parameters():
        if run.get("lora_fa") and "lora_A" in name:
            value.requires_grad_(False)
    return model


def trained(model):
    """Names as saved: PEFT's adapter name "default" does not appear in files."""
    return {name.replace(".default", "").replace("magnitude_vector.weight", "magnitude_vector"): value
            for name, value in model.named_parameters() if value.requires_grad}


def norms_of(named):
    """By name; the experts of a layer, which transformers trains as one tensor, each by itself as in files."""
    norms = {}
    for name, value in named.items():
        stem, _, part = name.rpartition(".")
        parts = {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}.get(part)
        if not stem.endswith(".experts") or parts is None:
            norms[name] = value.detach().double().norm().item()
            continue
        for index, expert in enumerate(value.detach().double()):
            for one, weight in zip(parts, expert.chunk(len(parts)), strict=True):
                norms[f"{stem}.{index}.{one}.weight"] = weight.norm().item()
    return norms


def faster(name, value):
    """What LoRA+ trains with the larger learning rate."""
    return "lora_B" in name or value.ndim == 1


def galore_optimizer(named, run):
    import galore_torch
    import optimizers
    # Singular vectors have no sign of their own: the largest component positive, as ours.
    galore_torch.adamw.GaLoreProjector = optimizers.SignedProjector
    inside = lambda name, value: ".layers." in name and value.ndim == 2
    settings = run["galore"]
    return galore_torch.GaLoreAdamW(
        [dict(params=[v for k, v in named.items() if not inside(k, v)], scale=1.0),
         dict(params=[v for k, v in named.items() if inside(k, v)], rank=settings["rank"],
              update_proj_gap=settings["update_proj_gap"], scale=settings["scale"], proj_type="std")],
        lr=0.0, betas=(run["adam_beta1"], run["adam_beta2"]), eps=run["adam_epsilon"], weight_decay=run["weight_decay"],
        no_deprecation_warning=True)


def plain_loop(samples, run):
    model = trainable(run)
    named = trained(model)
    decayed = lambda name: not (name.endswith("bias") or "norm" in name)
    ratio = run.get("lorap_lr_ratio", 1.0)
    optimizer = galore_optimizer(named, run) if "galore" in run else torch.optim.AdamW(
        [dict(params=[v], weight_decay=run["weight_decay"] if decayed(k) else 0.0,
              scale=ratio if faster(k, v) else 1.0) for k, v in named.items()],
        lr=0.0, betas=(run["adam_beta1"], run["adam_beta2"]), eps=run["adam_epsilon"], foreach=False)
    steps = []
    for step, window in enumerate(windows(samples, run)):
        batches = [collate(batch) for batch in window]
        tokens = sum(int((batch["labels"][:, 1:] != -100).sum()) for batch in batches)
        loss = 0.0
        for batch in batches:
            labels = batch.pop("labels")[:, 1:]
            logits = model(**batch, use_cache=False).logits[:, :-1]
            part = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum") / tokens
            part.backward()
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(named.values(), run["max_grad_norm"]).item()
        for group in optimizer.param_groups:
            # GaLore's "scale" is its own.
            group["lr"] = learning_rate(step, run) * (1.0 if "galore" in run else group["scale"])
        optimizer.step()
        optimizer.zero_grad()
        steps.append(dict(loss=loss, grad_norm=norm, learning_rate=learning_rate(step, run), tokens=tokens))
    return steps, norms_of(named)


def hf_trainer(samples, run):
    """The same run by transformers' Trainer; returns its log and the final norms."""
    ours = ("model", "tuner", "samples", "start", "variant", "lorap_lr_ratio", "lora_fa", "freeze", "quant", "galore")
    options = {key: value for key, value in run.items() if key not in ours}
    model = trainable(run)
    optimizer = None
    if "lorap_lr_ratio" in run:
        optimizer = create_loraplus_optimizer(
            model, torch.optim.AdamW, lr=run["learning_rate"], loraplus_lr_ratio=run["lorap_lr_ratio"],
            betas=(run["adam_beta1"], run["adam_beta2"]), eps=run["adam_epsilon"],
            loraplus_weight_decay=run["weight_decay"])
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(model, args=TrainingArguments(
            output_dir=folder, use_cpu=True, logging_steps=1, save_strategy="no", report_to=[], disable_tqdm=True,
            train_sampling_strategy="sequential", remove_unused_columns=False, dataloader_pin_memory=False,
            **options), train_dataset=samples, data_collator=collate, optimizers=(optimizer, None))
        trainer.train()
    steps = [entry for entry in trainer.state.log_history if "grad_norm" in entry]
    return steps, norms_of(trained(model))


def compare(mine, theirs):
    """Largest relative differences; what the two sides compute differently is only the order of additions."""
    (steps, norms), (their_steps, their_norms) = mine, theirs
    relative = lambda a, b: abs(a - b) / max(abs(b), 1e-12)
    found = {key: max(relative(a[key], b[key]) for a, b in zip(steps, their_steps, strict=True))
             for key in ("loss", "grad_norm", "learning_rate")}
    found["final_norms"] = max(relative(norms[name], their_norms[name]) for name in norms)
    if norms.keys() != their_norms.keys() or max(found.values()) > 2e-5:
        raise SystemExit(f"the loop and transformers' Trainer disagree: {found}")
    return {key: float(f"{value:.1e}") for key, value in found.items()}


def write_start(name, seed, **variant):
    torch.manual_seed(seed)
    base = name.split("_")[0]
    model = get_peft_model(oracle.load(oracle.MODELS / base), LoraConfig(**{**LORA, **variant}))
    model.save_pretrained(START / name)
    (START / name / "README.md").unlink(missing_ok=True)
    path = START / name / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = f"../../../models/{base}"
    config["target_modules"].sort()
    oracle.write_json(path, config)


def main():
    torch.set_num_threads(1)
    shutil.rmtree(OUT, ignore_errors=True)
    START.mkdir(parents=True)
    samples = make_samples()
    (OUT / "samples.json").write_text("[\n" + ",\n".join(json.dumps(sample) for sample in samples) + "\n]\n")
    for offset, name in enumerate(("qwen3", "llama", "qwen2")):
        write_start(name, SEED + offset)
    write_start("llama_ends", SEED + 3, target_modules=["q_proj", "embed_tokens", "lm_head"])
    for name, options in RUNS.items():
        run = dict(COMMON, **options)
        used = samples[:run["samples"]]
        steps, norms = plain_loop(used, run)
        agreement = {} if "galore" in run else compare((steps, norms), hf_trainer(used, run))
        galore = {"galore-torch": importlib.metadata.version("galore-torch")} if "galore" in run else {}
        quantizer = {"bitsandbytes": importlib.metadata.version("bitsandbytes")} if "quant" in run else {}
        about = oracle.provenance("make_trajectory.py", SEED, relative_difference_to_hf_trainer=agreement, **quantizer, **galore)
        oracle.write_json(OUT / f"{name}.json", dict(about=about, settings=run, steps=steps, final_norms=norms))
        clipped = sum(step["grad_norm"] > run["max_grad_norm"] for step in steps)
        print(f"{name}: loss {steps[0]['loss']:.3f} to {steps[-1]['loss']:.3f}, grad norm {steps[0]['grad_norm']:.2f} "
              f"to {steps[-1]['grad_norm']:.2f}, {clipped} steps clipped, Trainer differs by {agreement}")


if __name__ == "__main__":
    main()
