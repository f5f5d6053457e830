"""Writes tests/golden/reward: reward models as transformers and PEFT save them, over the model qwen3 of
make_models.py, with their scores.

    python tests/golden/make_reward.py          (needs torch, transformers and peft; some seconds)

    full/      Qwen3ForSequenceClassification with one label
    adapter/   LoRA with task_type SEQ_CLS over models/qwen3; lora_A, lora_B and the head are random
Each holds golden.safetensors: ids (4, 9) int64, scores (4) f32 at the last token.
"""
import shutil

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForSequenceClassification

import oracle

SEED = 20261201
OUT = oracle.HERE / "reward"


def fresh(name):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def base_model():
    model = AutoModelForSequenceClassification.from_pretrained(
        oracle.MODELS / "qwen3", num_labels=1, dtype=torch.float32, attn_implementation="eager")
    model.config.pad_token_id = 0
    torch.nn.init.normal_(model.score.weight, std=0.5)
    return model.eval()


@torch.no_grad()
def write_golden(model, folder):
    ids = torch.randint(1, 100, (4, 9))
    scores = model(ids).logits[:, 0].float()
    oracle.write_tensors(folder / "golden.safetensors", {"ids": ids, "scores": scores},
                         oracle.provenance("make_reward.py", SEED))


def main():
    torch.manual_seed(SEED)
    folder = fresh("full")
    model = base_model()
    model.save_pretrained(folder)
    write_golden(model, folder)
    folder = fresh("adapter")
    tuned = get_peft_model(base_model(), LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj"],
                                                    task_type="SEQ_CLS")).eval()
    for name, value in tuned.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(value, std=0.2)
    tuned.peft_config["default"].base_model_name_or_path = "../../models/qwen3"
    tuned.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    write_golden(tuned, folder)


if __name__ == "__main__":
    main()
