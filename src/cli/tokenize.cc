// swift tokenize: text to ids, ids to text, and training a tokenizer.
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer.h"

namespace swift::cli {
namespace fs = std::filesystem;
using base::Error;
using base::ExitCode;
using base::Json;
namespace {

// ChatML, as the Qwen models speak it.
constexpr const char* kChatMl =
    "{%- for message in messages %}\n"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "{{- '<|im_start|>assistant\\n' }}\n"
    "{%- endif %}\n";

std::string read_input(const Options& options) {
  if (options.words.size() > 1) throw Error(ExitCode::usage, "tokenize takes one file");
  if (options.words.empty() || options.words[0] == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  return base::read_file(options.words[0], ExitCode::data);
}

template <class F>
void each_line(const std::string& text, F&& f) {
  for (size_t begin = 0, number = 1; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    f(std::string_view(text).substr(begin, end - begin), static_cast<int>(number));
    begin = end + 1;
  }
}

std::string decode_line(const text::Tokenizer& tokenizer, std::string_view line, const std::string& file,
                        int number) {
  const Json ids = base::parse_json(line, file, ExitCode::data, number);
  if (!ids.is_array()) throw Error(ExitCode::data, "ids must stand in a JSON array", {file, number});
  std::vector<text::TokenId> values;
  for (const Json& id : ids) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= tokenizer.vocab_size()) {
      throw Error(ExitCode::data, id.dump() + " is not a token id of this model", {file, number});
    }
    values.push_back(id.get<text::TokenId>());
  }
  return tokenizer.decode(values);
}

// Every string of a JSONL row that holds text: "text", and the contents of "messages".
void collect(const Json& row, std::vector<std::string>& texts) {
  if (row.contains("text") && row.at("text").is_string()) texts.push_back(row.at("text").get<std::string>());
  if (!row.contains("messages") || !row.at("messages").is_array()) return;
  for (const Json& message : row.at("messages")) {
    if (message.is_object() && message.contains("content") && message.at("content").is_string())
      texts.push_back(message.at("content").get<std::string>());
  }
}

int train_tokenizer(const Options& options) {
  std::vector<std::string> files = options.values.at("train");
  files.insert(files.end(), options.words.begin(), options.words.end());
  std::vector<std::string> texts;
  for (const std::string& file : files) {
    const std::string bytes = base::read_file(file, ExitCode::data);
    if (!file.ends_with(".jsonl")) {
      texts.push_back(bytes);
      continue;
    }
    each_line(bytes, [&](std::string_view line, int number) {
      if (!line.empty()) collect(base::parse_json(line, file, ExitCode::data, number), texts);
    });
  }
  if (texts.empty()) throw Error(ExitCode::data, "there is no text to train on", {files[0]});
  size_t vocab_size = 0;
  const std::string wanted = options.value("vocab_size");
  if (std::from_chars(wanted.data(), wanted.data() + wanted.size(), vocab_size).ec != std::errc() ||
      vocab_size == 0) {
    throw Error(ExitCode::usage, "--vocab_size: a positive number is needed");
  }
  const fs::path directory = options.value("output_dir");
  if (directory.empty()) throw Error(ExitCode::usage, "--output_dir is needed");
  const std::vector<std::string> special = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
  const std::string tokenizer = text::train_bpe(texts, vocab_size, special);
  base::ensure_writable_directory(directory);
  base::write_file_atomic(directory / "tokenizer.json", tokenizer);
  const Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                       {"add_prefix_space", false},
                       {"eos_token", "<|im_end|>"},
                       {"pad_token", "<|endoftext|>"},
                       {"clean_up_tokenization_spaces", false},
                       {"chat_template", kChatMl}};
  base::write_file_atomic(directory / "tokenizer_config.json", config.dump(2) + "\n");
  return 0;
}

}  // namespace

int run_tokenize(std::string_view /*verb*/, const std::vector<std::string>& words) {
  const Options options =
      parse_options(words, {"model", "train", "vocab_size", "output_dir"}, {"decode", "whole"});
  if (options.values.contains("train")) return train_tokenizer(options);
  if (options.value("model").empty()) throw Error(ExitCode::usage, "tokenize needs --model DIR");
  const auto tokenizer = text::Tokenizer::load(options.value("model"));
  const std::string input = read_input(options);
  const std::string file = options.words.empty() ? "standard input" : options.words[0];
  std::string output;
  if (options.on("decode") && options.on("whole")) {
    output = decode_line(tokenizer, input, file, 1);
  } else if (options.on("decode")) {
    each_line(input, [&](std::string_view line, int number) {
      output += decode_line(tokenizer, line, file, number) + "\n";
    });
  } else if (options.on("whole")) {
    output = Json(tokenizer.encode(input)).dump() + "\n";
  } else {
    each_line(input,
              [&](std::string_view line, int) { output += Json(tokenizer.encode(line)).dump() + "\n"; });
  }
  std::cout << output;
  return 0;
}

}  // namespace swift::cli
