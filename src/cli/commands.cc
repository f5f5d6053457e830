#include "cli/command.h"
#include "config/field.h"
#include "config/help.h"

namespace swift::cli {
namespace {

using config::kDeploy;
using config::kExport;
using config::kInfer;
using config::kTrain;

constexpr Command kCommands[] = {
    {"train", "Fine-tune or pretrain a model", run_compute, kTrain, "[TASK.yaml] [--key value …]",
     "  swift train task.yaml\n  swift train --model DIR --dataset data.jsonl --output_dir out\n"
     "  swift train task.yaml --resume_from_checkpoint auto\n"},
    {"infer", "Answer prompts, a file of them, or chat", run_compute, kInfer, "[TASK.yaml] [--key value …]",
     "  swift infer --model DIR --prompt \"Hello\"\n  swift infer --adapters out/v0-…/checkpoint-100\n"
     "  swift infer --model DIR --infer_input in.jsonl --result_path out.jsonl\n"},
    {"deploy", "Serve the OpenAI API, or print Kubernetes manifests", run_deploy, kDeploy,
     "[TASK.yaml] [--emit-manifests] [--key value …]",
     "  swift deploy --model DIR --port 8000\n"
     "  swift deploy --adapters out/v0-…/checkpoint-100 --served_model_name support\n"
     "  swift deploy task.yaml --emit-manifests | kubectl apply -f -\n"
     "  swift deploy task.yaml --emit-manifests --kind cronjob --namespace llm\n"
     "  swift deploy task.yaml --emit-manifests --output manifests/\n"
     "  swift deploy task.yaml --explain\n",
     "  --emit-manifests      Print Kubernetes YAML; nothing is printed after an error\n"
     "  --explain             One line an object: why it is there, and which setting\n"
     "                        governs it\n"
     "  --kind KIND           deployment, job, cronjob or all (default)\n"
     "  --namespace NAME      Instead of deploy.namespace\n"
     "  --name NAME           Instead of deploy.name\n"
     "  --output PATH         A file, or a directory: a file an object and a\n"
     "                        kustomization.yaml\n"
     "  --kube-version 1.N    Version of the cluster, 1.29 to 1.37 (default 1.33)\n"
     "  --set deploy.KEY=V    Change one setting; swift config explain deploy.KEY\n"
     "                        tells what it means\n"},
    {"export", "Merge an adapter into its model, quantize a model, or write GGUF", run_compute, kExport,
     "[--key value …]",
     "  swift export --adapters out/v0-…/checkpoint-100 --merge_lora true \\\n"
     "      --output_dir merged\n"
     "  swift export --model DIR --export_format gguf --gguf_type q4_k\n"},
    {"eval", "Measure a model over a file", run_later},
    {"web", "The web interface", run_later},
    {"estimate", "Memory plan of a training task", run_estimate, kTrain, "TASK.yaml [--key value …] [--json]",
     "  swift estimate task.yaml\n  swift estimate task.yaml --optim adamw_8bit --json\n",
     "  --json                Print one JSON object\n"},
    {"config", "Check, show and explain settings", run_config, 0, "validate|show|schema|init|explain …",
     "  swift config validate task.yaml\n  swift config show task.yaml --lora_rank 16\n"
     "  swift config schema > swift.schema.json\n  swift config init > task.yaml\n  swift config explain "
     "lora_rank\n"},
    {"models", "The registry of models", run_later},
    {"tokenize", "Text to token ids and back", run_tokenize, 0, "--model DIR [FILE]",
     "  swift tokenize --model DIR text.txt\n  swift tokenize --model DIR --decode ids.jsonl\n"
     "  swift tokenize --train corpus.jsonl --vocab_size 2048 --output_dir DIR\n",
     "  --model DIR       Directory that holds the tokenizer.json\n"
     "  --decode          Ids to text: one JSON array a line\n"
     "  --whole           The input is one text, not one a line\n"
     "  --train FILE ...  Learn a byte-level BPE tokenizer from these files\n"
     "  --vocab_size N    Its size, special tokens included\n"
     "  --output_dir DIR  Where it is written\n"},
    {"template", "Render a conversation", run_template, 0, "--model DIR | --chat_template FILE  CHAT.json",
     "  swift template --model DIR chat.json --add_generation_prompt true\n"
     "  swift template --model DIR chat.json --ids true\n",
     "  --model DIR              Directory of the template and the tokenizer\n"
     "  --chat_template FILE     A Jinja file instead of the model's template\n"
     "  --add_generation_prompt  Begin the assistant's turn at the end\n"
     "  --enable_thinking BOOL   Given to the template\n"
     "  --ids                    Print token ids, and the labels of training\n"
     "  --loss_scale NAME        For --ids: default, last_round or all, with +NAME\n"
     "                           weights of parts\n"},
    {"bench", "Prefill and decode speed of a model", run_later},
    {"doctor", "What this machine offers", run_doctor, 0, "[--json]"},
    {"completion", "Completions for a shell", run_completion, 0, "bash|zsh|fish"},
    {"version", "Version and build", run_version, 0, "[--json]"},
    {"pt", "Pretrain: train with method pt", run_compute, kTrain, "[TASK.yaml] [--key value …]", "", "",
     true},
    {"sft", "Instruction tuning: train with method sft", run_compute, kTrain, "[TASK.yaml] [--key value …]",
     "", "", true},
    {"rlhf", "Alignment: train with a preference method", run_compute, kTrain, "--rlhf_type X", "", "", true},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::string overview() {
  std::string text =
      "swift: fine-tune, run and ship language models from one YAML\n\n"
      "usage: swift <command> [TASK.yaml] [--key value …]\n\n"
      "examples:\n  swift train task.yaml\n  swift infer --adapters output/v0-…/checkpoint-100\n"
      "  swift config explain learning_rate\n\ncommands:\n";
  for (const Command& command : kCommands) {
    if (command.hidden) continue;
    std::string line = "  " + std::string(command.name);
    line.resize(14, ' ');
    text += line + std::string(command.summary) + (command.run == run_later ? " (later)" : "") + "\n";
  }
  return text +
         "\nlater: not in this build. swift <command> --help lists its settings.\n"
         "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 data, 4 model,\n"
         "5 memory or device, 75 try again, 130 interrupted, 143 terminated.\n";
}

std::string help_of(const Command& command) {
  std::string text = std::string(command.summary) + "\n\nusage: swift " + std::string(command.name) + " " +
                     std::string(command.usage) + "\n";
  if (!command.examples.empty()) text += "\nexamples:\n" + std::string(command.examples);
  if (!command.flags.empty()) text += "\nflags:\n" + std::string(command.flags);
  if (command.readers != 0) text += config::settings_help(command.readers);
  return text;
}

}  // namespace swift::cli
