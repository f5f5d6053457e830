#include "data/encode.h"

#include <catch2/catch.hpp>

#include "byte_tokenizer.h"
#include "data/inspect.h"

using namespace swift::data;
using swift::base::Error;
using swift::base::ExitCode;
using swift::base::Json;
using swift::text::ChatTemplate;
using swift::text::Tokenizer;

namespace {

const std::vector<std::string> kAdded = {"<s>", "</s>", "<|im_start|>", "<|im_end|>"};
constexpr const char* kChatml =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is defined and not "
    "enable_thinking %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}";

ChatTemplate chatml(const std::string& source = kChatml) {
  return ChatTemplate::from_source(source, {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, "test.jinja");
}

EncodeOptions options_of(const std::string& loss_scale = "default") {
  EncodeOptions options;
  options.loss_scale = loss_scale;
  options.eos_token_ids = {257};
  return options;
}

Row chat(std::initializer_list<std::pair<const char*, const char*>> messages) {
  Row row;
  row.where = {"d.jsonl", 3};
  for (const auto& [role, content] : messages) row.messages.push_back({{"role", role}, {"content", content}});
  return row;
}

const Row kTwoTurns = chat({{"user", "u1"}, {"assistant", "a1"}, {"user", "u2"}, {"assistant", "a2"}});

// Decoded ids with trained text between [[ ]], without the line of counts.
std::string masked(const Sample& sample, const Tokenizer& tokenizer) {
  const std::string dump = coloured_dump(sample, tokenizer, false);
  return dump.substr(0, dump.rfind('\n'));
}

std::string encoded(const Row& row, const EncodeOptions& options, const std::string& source = kChatml) {
  const Tokenizer tokenizer = byte_tokenizer(kAdded);
  return masked(Encoder(tokenizer, chatml(source), options).encode(row), tokenizer);
}

Row text_row(const std::string& text, const std::string& file = "d.jsonl") {
  Row row;
  row.text = text;
  row.where = {file, 1};
  return row;
}

}  // namespace

TEST_CASE("only assistant text and its end-of-turn token are trained") {
  CHECK(encoded(kTwoTurns, options_of()) ==
        "<|im_start|>user\nu1<|im_end|>\n<|im_start|>assistant\n[[a1<|im_end|>]]\n"
        "<|im_start|>user\nu2<|im_end|>\n<|im_start|>assistant\n[[a2<|im_end|>]]\n");
}

TEST_CASE("the ids before a turn are those of its prompt") {
  const Tokenizer tokenizer = byte_tokenizer(kAdded);
  const Encoder encoder(tokenizer, chatml(), options_of());
  const Row row = chat({{"system", "s"}, {"user", "u1"}, {"assistant", "a1"}});
  const std::vector<int32_t> prompt = encoder.encode_prompt(row);
  const Sample sample = encoder.encode(row);
  CHECK(tokenizer.decode(prompt) ==
        "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu1<|im_end|>\n<|im_start|>assistant\n");
  CHECK(std::equal(prompt.begin(), prompt.end(), sample.input_ids.begin()));
  CHECK(sample.labels[prompt.size() - 1] == kIgnore);
  CHECK(sample.labels[prompt.size()] == sample.input_ids[prompt.size()]);
}

TEST_CASE("loss_scale and loss flags choose the turns") {
  const std::string first = "<|im_start|>user\nu1<|im_end|>\n<|im_start|>assistant\n";
  const std::string second = "\n<|im_start|>user\nu2<|im_end|>\n<|im_start|>assistant\n";
  CHECK(encoded(kTwoTurns, options_of("last_round")) ==
        first + "a1<|im_end|>" + second + "[[a2<|im_end|>]]\n");
  CHECK(encoded(kTwoTurns, options_of("all")) == "[[" + first + "a1<|im_end|>" + second + "a2<|im_end|>\n]]");
  Row row = kTwoTurns;
  row.messages[3]["loss"] = false;
  CHECK(encoded(row, options_of()) == first + "[[a1<|im_end|>]]" + second + "a2<|im_end|>\n");
  row = chat({{"user", "u1"}, {"assistant", " "}, {"user", "u2"}, {"assistant", "a2"}});
  CHECK(encoded(row, options_of()) == first + " <|im_end|>" + second + "[[a2<|im_end|>]]\n");
  row = chat({{"user", "u1"}, {"assistant", "<think>\n\n</think>\n\na1"}});
  CHECK(encoded(row, options_of("default+ignore_empty_think")) ==
        first + "<think>\n\n</think>\n\n[[a1<|im_end|>]]\n");
  CHECK_THROWS_AS(encoded(row, options_of("hermse")), Error);
}

TEST_CASE("a system text and template variables come from the options and the row") {
  EncodeOptions options = options_of();
  options.system = "S";
  options.template_variables = {{"enable_thinking", false}};
  const Tokenizer tokenizer = byte_tokenizer(kAdded);
  const Encoder encoder(tokenizer, chatml(), options);
  Row row = chat({{"user", "u"}});
  const std::string prompt =
      "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n";
  CHECK(encoder.prompt_text(row) == prompt + "<think>\n\n</think>\n\n");
  row.columns["chat_template_kwargs"] = {{"enable_thinking", true}};
  CHECK(encoder.prompt_text(row) == prompt);
  CHECK(
      encoder.prompt_text(chat({{"system", "own"}, {"user", "u"}})).starts_with("<|im_start|>system\nown<"));
  CHECK_THROWS_AS(encoder.prompt_text(chat({{"assistant", "a"}})), Error);
}

TEST_CASE("a template without an end of turn gets one behind the last turn") {
  const std::string source =
      "{% for m in messages %}{{ '### ' + m.role + ': ' + m.content + '\n' }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '### assistant: ' }}{% endif %}";
  CHECK(encoded(kTwoTurns, options_of(), source) ==
        "### user: u1\n### assistant: [[a1]]\n### user: u2\n### assistant: [[a2</s>]]");
}

TEST_CASE("without a template contents follow one another, each answer closed by eos") {
  EncodeOptions options = options_of();
  options.use_chat_template = false;
  const Tokenizer tokenizer = byte_tokenizer(kAdded);
  const Encoder encoder(tokenizer, std::nullopt, options);
  CHECK(masked(encoder.encode(kTwoTurns), tokenizer) == "u1[[a1</s>]]u2[[a2</s>]]");
  CHECK(encoder.prompt_text(kTwoTurns) == "u1a1u2");
  options.use_chat_template = true;
  try {
    Encoder(tokenizer, std::nullopt, options);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::model);
  }
}

TEST_CASE("pt trains all of the text and one eos behind it") {
  EncodeOptions options = options_of();
  options.pretrain = true;
  const Tokenizer tokenizer = byte_tokenizer(kAdded);
  CHECK(masked(Encoder(tokenizer, std::nullopt, options).encode(text_row("hello")), tokenizer) ==
        "[[hello</s>]]");
  CHECK(masked(Encoder(tokenizer, std::nullopt, options).encode(text_row("hello</s>")), tokenizer) ==
        "[[hello</s>]]");
  CHECK(masked(Encoder(tokenizer, chatml(), options).encode(chat({{"user", "u"}})), tokenizer) ==
        "[[<|im_start|>user\nu<|im_end|>\n</s>]]");
  options.bos_token_id = 256;
  CHECK(masked(Encoder(tokenizer, std::nullopt, options).encode(text_row("hello")), tokenizer) ==
        "[[<s>hello</s>]]");
}

TEST_CASE("samples above max_length are dropped, cut or split") {
  EncodeOptions options = options_of();
  options.max_length = 4;
  options.pretrain = true;
  const Tokenizer tokenizer = byte_tokenizer(kAdded);
  const auto parts = [&](const std::string& strategy, const Row& row) {
    options.truncation_strategy = strategy;
    std::vector<std::string> texts;
    for (const Sample& sample : Encoder(tokenizer, std::nullopt, options).encode_to_length(row)) {
      CHECK(sample.truncated == (strategy == "left" || strategy == "right"));
      texts.push_back(tokenizer.decode(sample.input_ids));
    }
    return texts;
  };
  using Texts = std::vector<std::string>;
  const Row row = text_row("abcdef");
  CHECK(parts("delete", row).empty());
  CHECK(parts("left", row) == Texts{"def</s>"});
  CHECK(parts("right", row) == Texts{"abcd"});
  CHECK(parts("split", row) == Texts{"abcd", "ef</s>"});
  CHECK(parts("split", text_row("abcd")) == Texts{"abcd"});  // a lone token has nothing to predict
  CHECK(parts("delete", text_row("abcdef", "d.txt")) == Texts{"abcd", "ef</s>"});
  options.pretrain = false;
  CHECK_THROWS_AS(parts("split", row), Error);
  CHECK_THROWS_AS(parts("middle", row), Error);
}

TEST_CASE("a template that raises is an error at the row") {
  const std::string source =
      "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" +
      std::string(kChatml);
  try {
    encoded(chat({{"system", "s"}, {"user", "u"}, {"assistant", "a"}}), options_of(), source);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::data);
    CHECK(error.where().str() == "d.jsonl:3");
    CHECK_THAT(error.message(), Catch::Contains("no system"));
  }
}
