"""transformers' Trainer: full fine-tuning in bf16.

    hf_full.py MODEL DATA.jsonl [--steps 8] [--batch 4] [--max-length 512]

Rows hold `messages` and are rendered with the chat template; every token is trained. They are taken in the
file's order, so that another trainer sees the same batches. Prints one JSON line. tokens_per_second: input
tokens that are not padding, per second, from the end of the first step to the end of the last; peak_rss_gib:
the process's whole peak, loading included.
"""
import argparse
import itertools
import json
import os
import resource
import tempfile
import time

import torch
from datasets import Dataset
from transformers import (AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling, Trainer,
                          TrainerCallback, TrainingArguments)

import machine


class Clock(TrainerCallback):
    def __init__(self):
        self.ticks = []

    def on_step_end(self, *_, **__):
        self.ticks.append(time.perf_counter())


def encoded(given, tokenizer):
    with open(given.data) as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, given.batch * given.steps)]
    texts = [tokenizer.apply_chat_template(row["messages"], tokenize=False) for row in rows]
    ids = tokenizer(texts, truncation=True, max_length=given.max_length, add_special_tokens=False)["input_ids"]
    return [dict(input_ids=row) for row in ids]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("data")
    options.add_argument("--steps", type=int, default=8)
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--max-length", type=int, default=512)
    given = options.parse_args()
    torch.set_num_threads(os.cpu_count())
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    rows = encoded(given, tokenizer)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder, per_device_train_batch_size=given.batch, gradient_accumulation_steps=1,
            max_steps=given.steps, learning_rate=1e-5, weight_decay=0.0, train_sampling_strategy="sequential",
            logging_steps=1, save_strategy="no", report_to=[], bf16=True, use_cpu=True,
            dataloader_pin_memory=False)
        trainer = Trainer(AutoModelForCausalLM.from_pretrained(given.model, dtype=torch.bfloat16), args=settings,
                          train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
                          data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False), callbacks=[clock])
        trainer.train()
    later = sum(len(row["input_ids"]) for row in rows[given.batch:])
    seconds = clock.ticks[-1] - clock.ticks[0]
    machine.emit(dict(peer="transformers Trainer", steps=given.steps, batch=given.batch, max_length=given.max_length,
                      tokens_per_second=later / seconds,
                      peak_rss_gib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                      losses=[entry["loss"] for entry in trainer.state.log_history if "loss" in entry]),
                 "transformers", "torch")


if __name__ == "__main__":
    main()
