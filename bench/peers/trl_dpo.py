"""TRL + PEFT: LoRA DPO (rank 8, every linear layer but the head) in bf16.

    trl_dpo.py MODEL PAIRS.jsonl [--steps 6] [--batch 4] [--max-length 512]

Rows hold `messages` with the chosen answer and `rejected_response`; they are taken in the file's order. Prints one JSON
line: seconds_per_step from the end of the first step to the end of the last, peak_rss_gib of the whole process.
"""
import argparse
import json
import os
import resource
import tempfile
import time

import torch
from datasets import Dataset
from peft import LoraConfig
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer

import machine


class Clock(TrainerCallback):
    def __init__(self):
        self.ticks = []

    def on_step_end(self, *_, **__):
        self.ticks.append(time.perf_counter())


class InOrder(DPOTrainer):
    def _get_train_sampler(self, *_):
        return SequentialSampler(self.train_dataset)


def build(given, clock, folder):
    with open(given.data) as lines:
        rows = [json.loads(next(lines)) for _ in range(given.batch * given.steps)]
    pairs = [dict(prompt=row["messages"][:-1], chosen=row["messages"][-1:],
                  rejected=[dict(role="assistant", content=row["rejected_response"])]) for row in rows]
    settings = DPOConfig(output_dir=folder, per_device_train_batch_size=given.batch, gradient_accumulation_steps=1,
                         max_steps=given.steps, max_length=given.max_length, learning_rate=1e-5, beta=0.1,
                         logging_steps=1, save_strategy="no", report_to=[], bf16=True, use_cpu=True,
                         gradient_checkpointing=False, dataloader_pin_memory=False)
    return InOrder(AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.bfloat16), args=settings,
                   train_dataset=Dataset.from_list(pairs),
                   peft_config=LoraConfig(r=8, lora_alpha=32, target_modules="all-linear"),
                   processing_class=AutoTokenizer.from_pretrained(given.model), callbacks=[clock])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("data")
    options.add_argument("--steps", type=int, default=6)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--max-length", type=int, default=512)
    given = options.parse_args()
    torch.set_num_threads(os.cpu_count())
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = build(given, clock, folder)
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    seconds = (clock.ticks[-1] - clock.ticks[0]) / (given.steps - 1)
    machine.emit(dict(peer="trl", steps=given.steps, batch=given.batch, max_length=given.max_length,
                      seconds_per_step=seconds, steps_per_second=1 / seconds,
                      peak_rss_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, losses=losses),
                 "trl", "peft", "transformers", "torch")


if __name__ == "__main__":
    main()
