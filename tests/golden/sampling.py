"""Makes sampling.json: what transformers' logits processors keep and compute, on small random logits.

python tests/golden/sampling.py > tests/golden/sampling.json
"""
import json

import torch
import transformers
from transformers.generation import logits_process as lp

VOCAB = 48
FILTERS = [  # temperature, top_k, top_p, min_p
    (1.0, 0, 0.9, 0.0), (0.7, 0, 0.5, 0.0), (1.0, 5, 1.0, 0.0), (1.5, 20, 0.8, 0.0), (1.0, 0, 1.0, 0.1),
    (0.6, 20, 0.95, 0.0), (0.8, 40, 0.9, 0.05), (2.0, 1, 0.1, 0.5), (1.3, 0, 0.999, 0.0), (1.0, 0, 0.01, 0.0),
]


def kept(logits, temperature, top_k, top_p, min_p):
    scores = lp.TemperatureLogitsWarper(temperature)(None, logits[None]) if temperature != 1 else logits[None]
    if top_k:
        scores = lp.TopKLogitsWarper(top_k)(None, scores)
    if top_p < 1:
        scores = lp.TopPLogitsWarper(top_p)(None, scores)
    if min_p:
        scores = lp.MinPLogitsWarper(min_p)(None, scores)
    probabilities = torch.softmax(scores[0].double(), -1)
    ids = torch.nonzero(scores[0] > -torch.inf)[:, 0].tolist()
    return ids, [round(probabilities[i].item(), 9) for i in ids]


def main():
    torch.manual_seed(0)
    filters = []
    for temperature, top_k, top_p, min_p in FILTERS:
        for scale in (1.0, 3.0):
            # Multiples of 1/256 are the same number in float32 and in the JSON text.
            logits = torch.round(torch.randn(VOCAB) * scale * 256) / 256
            ids, probabilities = kept(logits, temperature, top_k, top_p, min_p)
            filters.append({"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p,
                            "logits": logits.tolist(), "ids": ids, "probabilities": probabilities})
    penalties = []
    for penalty in (1.1, 1.3, 0.8):
        logits = torch.round(torch.randn(VOCAB) * 3 * 256) / 256
        seen = torch.randint(0, VOCAB, (20,))
        scores = lp.RepetitionPenaltyLogitsProcessor(penalty)(seen[None], logits[None])[0]
        penalties.append({"penalty": penalty, "seen": seen.tolist(), "logits": logits.tolist(),
                          "scores": scores.tolist()})
    made_by = {"script": "tests/golden/sampling.py", "torch": torch.__version__.split("+")[0],
               "transformers": transformers.__version__, "seed": 0}
    print("{\"made_by\": " + json.dumps(made_by) + ",\n\"filters\": [")
    print(",\n".join(json.dumps(item) for item in filters))
    print("],\n\"penalties\": [")
    print(",\n".join(json.dumps(item) for item in penalties))
    print("]}")


main()
