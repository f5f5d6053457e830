"""TRL + PEFT: LoRA GRPO (rank 8, every linear layer but the head) in bf16 with transformers' generate.

    trl_grpo.py MODEL PROMPTS.jsonl [--steps 6] [--prompts 2] [--group 8] [--new 64]

Rows hold `messages`, the prompt. The reward is the completion's length in characters modulo 7. Prints one JSON line:
seconds_per_step from the end of the first step to the end of the last, peak_rss_gib of the whole process.
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
from trl import GRPOConfig, GRPOTrainer

import machine


class Clock(TrainerCallback):
    def __init__(self):
        self.ticks = []

    def on_step_end(self, *_, **__):
        self.ticks.append(time.perf_counter())


def length_mod_7(completions, **_):
    return [float(len(completion[0]["content"]) % 7) for completion in completions]


def build(given, clock, folder):
    with open(given.data) as lines:
        rows = [dict(prompt=json.loads(line)["messages"]) for line in lines]
    settings = GRPOConfig(output_dir=folder, per_device_train_batch_size=given.prompts * given.group,
                          num_generations=given.group, max_steps=given.steps, max_completion_length=given.new,
                          learning_rate=1e-5, beta=0.04, temperature=1.0, logging_steps=1, save_strategy="no",
                          report_to=[], bf16=True, use_cpu=True, gradient_checkpointing=False,
                          dataloader_pin_memory=False, shuffle_dataset=False)
    return GRPOTrainer(AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.bfloat16), args=settings,
                       reward_funcs=length_mod_7, train_dataset=Dataset.from_list(rows),
                       peft_config=LoraConfig(r=8, lora_alpha=32, target_modules="all-linear"),
                       processing_class=AutoTokenizer.from_pretrained(given.model), callbacks=[clock])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("data")
    for key, default in (("steps", 6), ("prompts", 2), ("group", 8), ("new", 64)):
        options.add_argument(f"--{key}", type=int, default=default)
    given = options.parse_args()
    torch.set_num_threads(os.cpu_count())
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = build(given, clock, folder)
        trainer.train()
    lengths = [entry["completions/mean_length"] for entry in trainer.state.log_history
               if "completions/mean_length" in entry]
    seconds = (clock.ticks[-1] - clock.ticks[0]) / (given.steps - 1)
    machine.emit(dict(peer="trl", steps=given.steps, prompts=given.prompts, group=given.group, new=given.new,
                      seconds_per_step=seconds, steps_per_second=1 / seconds,
                      mean_length=sum(lengths) / max(1, len(lengths)),
                      peak_rss_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20),
                 "trl", "peft", "transformers", "torch")


if __name__ == "__main__":
    main()
