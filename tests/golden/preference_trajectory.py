"""Ten steps of trl's DPOTrainer on the tiny qwen3 model from trajectory/start/qwen3, full precision, 2 pairs a step and
2 micro-batches an update; the reference is the starting adapter. Kept: loss, gradient norm and rewards of each step,
norms of the trained tensors at the end, and the pairs.
usage: python tests/golden/preference_trajectory.py
"""
import tempfile

import torch
import trl
from datasets import Dataset
from peft import PeftModel
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer

import oracle

SEED = 20250114
SETTINGS = dict(per_device_train_batch_size=2, gradient_accumulation_steps=2, max_steps=10, learning_rate=1e-3,
                warmup_steps=2, lr_scheduler_type="cosine", adam_beta1=0.9, adam_beta2=0.95, adam_epsilon=1e-8,
                weight_decay=0.1, max_grad_norm=1.0)
RUNS = {"sigmoid": dict(loss_type=["sigmoid"], beta=0.1), "mixed": dict(loss_type=["apo_down", "nca_pair", "sft"],
                                                                       loss_weights=[0.5, 1.0, 0.2], beta=0.3)}


def pairs():
    source = torch.Generator().manual_seed(SEED)
    number = lambda low, high: int(torch.randint(low, high, (1,), generator=source))
    rows = []
    for _ in range(40):
        prompt = [number(2, 128) for _ in range(number(2, 14))]
        chosen, rejected = [number(2, 128)], [number(2, 128)]
        while len(chosen) < number(2, 12):
            chosen.append((3 * (chosen[-1] - 2) + 1) % 126 + 2)
        while len(rejected) < number(2, 12):
            rejected.append(number(2, 128))
        rows.append(dict(prompt_ids=prompt, chosen_ids=chosen, rejected_ids=rejected))
    return rows


class Trainer(DPOTrainer):
    """Rows are tokens already; batches come in their order."""
    def _prepare_dataset(self, dataset, *_):
        return dataset

    def _set_signature_columns_if_needed(self):
        self._signature_columns = ["prompt_ids", "chosen_ids", "rejected_ids"]

    def _get_train_sampler(self, *_):
        return torch.utils.data.SequentialSampler(self.train_dataset)


def run(rows, options):
    model = PeftModel.from_pretrained(oracle.load(oracle.MODELS / "qwen3"), oracle.HERE / "trajectory/start/qwen3", is_trainable=True)
    words = Tokenizer(models.WordLevel({f"t{i}": i for i in range(128)}, unk_token="t0"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="t1", eos_token="t0")
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(model, args=DPOConfig(output_dir=folder, use_cpu=True, bf16=False, gradient_checkpointing=False, max_length=None,
                                                logging_steps=1, save_strategy="no", report_to=[], disable_tqdm=True,
                                                dataloader_pin_memory=False, **SETTINGS, **options),
                          train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
        trainer.train()
    steps = [{k: float(v) for k, v in line.items() if k in ("loss", "grad_norm", "learning_rate") or k.startswith(("rewards/", "logps/"))}
             for line in trainer.state.log_history if "grad_norm" in line]
    norms = {name.replace(".default", ""): value.detach().double().norm().item()
             for name, value in trainer.model.named_parameters() if value.requires_grad and ".ref." not in name}
    return steps, norms


def main():
    torch.set_num_threads(1)
    rows = pairs()
    about = oracle.provenance("preference_trajectory.py", SEED, trl=trl.__version__)
    runs = {}
    for name, options in RUNS.items():
        steps, norms = run(rows, options)
        runs[name] = dict(settings=dict(SETTINGS, **options), steps=steps, final_norms=norms)
        print(name, [round(step["loss"], 5) for step in steps])
    oracle.write_json(oracle.HERE / "preference_trajectory.json", dict(about=about, runs=runs, pairs=rows))


if __name__ == "__main__":
    main()
