"""TRL + PEFT: LoRA SFT (rank 8, every linear layer but the head) in bf16.

    trl_sft.py MODEL DATA.jsonl [--steps 8] [--batch 4] [--max-length 512]

Rows hold `messages`. They are taken in the file's order, so that another trainer sees the same batches.
Prints one JSON line. tokens_per_second: input tokens that are not padding, per second, from the end of
the first step to the end of the last; peak_rss_gib: the process's whole peak, loading included.
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
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

import machine


class Clock(TrainerCallback):
    def __init__(self):
        self.ticks = []

    def on_step_end(self, *_, **__):
        self.ticks.append(time.perf_counter())


def build(given, clock, folder):
    with open(given.data) as lines:
        rows = [json.loads(next(lines)) for _ in range(given.batch * given.steps)]
    settings = SFTConfig(output_dir=folder, per_device_train_batch_size=given.batch, gradient_accumulation_steps=1,
                         max_steps=given.steps, max_length=given.max_length, learning_rate=1e-4,
                         train_sampling_strategy="sequential", logging_steps=1, save_strategy="no", report_to=[],
                         bf16=True, use_cpu=True, gradient_checkpointing=given.checkpointing,
                         dataloader_pin_memory=False)
    return SFTTrainer(AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.bfloat16), args=settings,
                      train_dataset=Dataset.from_list(rows),
                      peft_config=LoraConfig(r=8, lora_alpha=32, target_modules="all-linear"),
                      processing_class=AutoTokenizer.from_pretrained(given.model), callbacks=[clock])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("data")
    options.add_argument("--steps", type=int, default=8)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--max-length", type=int, default=512)
    options.add_argument("--checkpointing", action="store_true", help="recompute activations: slower, less memory")
    given = options.parse_args()
    torch.set_num_threads(os.cpu_count())
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = build(given, clock, folder)
        trainer.train()
    log = [entry for entry in trainer.state.log_history if "num_tokens" in entry and "loss" in entry]
    tokens = [entry["num_tokens"] for entry in log]
    seconds = clock.ticks[-1] - clock.ticks[0]
    machine.emit(dict(peer="trl", steps=given.steps, batch=given.batch, max_length=given.max_length,
                      tokens=tokens[-1], tokens_per_second=(tokens[-1] - tokens[0]) / seconds,
                      seconds_per_step=seconds / (given.steps - 1),
                      peak_rss_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                      losses=[entry["loss"] for entry in log]),
                 "trl", "peft", "transformers", "torch")


if __name__ == "__main__":
    main()
