"""Continue a text: python demo.py "def read(" (needs torch and transformers, and nothing else)."""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = Path(__file__).resolve().parent
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
prompt = sys.argv[1] if len(sys.argv) > 1 else "import "
tokens = tokenizer(prompt, return_tensors="pt").input_ids
new = model.config.max_position_embeddings - tokens.shape[1]

torch.manual_seed(0)
written = model.generate(tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=new, do_sample=True)
print(tokenizer.decode(written[0]))
