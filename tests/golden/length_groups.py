"""Makes length_groups.json: transformers' get_length_grouped_indices over items in their own order.

torch.randperm is replaced by the identity, so that only the grouping is recorded.
Run: python tests/golden/length_groups.py > tests/golden/length_groups.json
"""
import json

import torch
import transformers
from transformers.trainer_pt_utils import get_length_grouped_indices

torch.randperm = lambda n, generator=None: torch.arange(n)
CASES = []
for count, batch in [(1, 1), (7, 2), (8, 2), (40, 2), (100, 1), (300, 2), (230, 3)]:
    lengths = [1 + (i * 7919 + i * i * 31) % 97 for i in range(count)]
    CASES.append({"batch": batch, "lengths": lengths, "order": get_length_grouped_indices(lengths, batch)})
print(json.dumps({"made_by": "tests/golden/length_groups.py", "torch": torch.__version__,
                  "transformers": transformers.__version__, "cases": CASES}, indent=None))
