#include "infer/chat.h"

#include <csignal>
#include <sstream>

#include "base/signals.h"
#include "fake_model.h"

using namespace swift;
using namespace swift::infer;

namespace {

struct Fixture {
  text::Tokenizer tokenizer = fake::byte_tokenizer();
  PromptBuilder prompts{tokenizer, fake::chat_template()};
  std::vector<std::string> seen;  // each prompt, once
  // Answers with the number of user messages so far.
  fake::Model model{fake::replying([this](const std::string& prompt) {
    if (seen.empty() || seen.back() != prompt) seen.push_back(prompt);
    int users = 0;
    for (size_t at = 0; (at = prompt.find("user:", at)) != std::string::npos; ++at) ++users;
    return "answer " + std::to_string(users);
  })};
  std::ostringstream out, err;
  ChatOptions options{.sampling = {.temperature = 0},
                      .engine = {.eos_token_ids = {fake::kEnd}, .scheduler = {.max_num_seqs = 1}}};

  int run(const std::string& typed) {
    std::istringstream in(typed);
    return chat(model, tokenizer, prompts, options, in, out, err);
  }
};

}  // namespace

TEST_CASE("answers go to the output and the conversation is remembered") {
  Fixture f;
  CHECK(f.run("hi\nmore\n") == 0);
  CHECK(f.out.str() == "answer 1\nanswer 2\n");
  CHECK(
      f.seen.back() ==
      "<|im_start|>user:hi<|im_end|><|im_start|>assistant:answer 1<|im_end|><|im_start|>user:more<|im_end|>");
  CHECK(f.err.str().find("<<< ") != std::string::npos);
}

TEST_CASE("clear forgets the conversation and keeps the system text") {
  Fixture f;
  f.options.system = "short";
  f.run("hi\nclear\nmore\nquit\nnever\n");
  CHECK(f.out.str() == "answer 1\nanswer 1\n");
  CHECK(f.seen.back() == "<|im_start|>system:short<|im_end|><|im_start|>user:more<|im_end|>");
}

TEST_CASE("reset-system asks for the system text and starts anew") {
  Fixture f;
  f.run("hi\nreset-system\nbe kind\nmore\nexit\nnever\n");
  CHECK(f.seen.back() == "<|im_start|>system:be kind<|im_end|><|im_start|>user:more<|im_end|>");
  CHECK(f.out.str() == "answer 1\nanswer 1\n");
}

TEST_CASE("multi-line reads to a line that ends with #") {
  Fixture f;
  f.run("multi-line\none\n\ntwo#\nsingle-line\nthree\n");
  REQUIRE(f.seen.size() == 2);
  CHECK(f.seen[0] == "<|im_start|>user:one\n\ntwo<|im_end|>");
  CHECK(f.seen[1].ends_with("<|im_start|>user:three<|im_end|>"));
  CHECK(f.err.str().find("<<<[M] ") != std::string::npos);
}

TEST_CASE("empty lines ask nothing") {
  Fixture f;
  CHECK(f.run("\n\r\n\n") == 0);
  CHECK(f.model.calls.empty());
}

TEST_CASE("a question too long is reported and forgotten") {
  Fixture f;
  f.model = fake::Model(fake::replying([](const std::string&) { return std::string("ok"); }), 100);
  CHECK(f.run(std::string(120, 'x') + "\nhi\n") == 0);
  CHECK(f.out.str() == "ok\n");
  CHECK(f.err.str().find("context of 100 tokens") != std::string::npos);
}

TEST_CASE("Ctrl-C stops the answer and the conversation goes on, SIGTERM ends it") {
  base::install_stop_handlers();
  Fixture f;
  int number = SIGINT;
  f.model.on_forward = [&] {
    if (f.model.calls.size() == 3) std::raise(number);
  };
  CHECK(f.run("hi\nmore\n") == 0);
  CHECK(f.out.str() == "ans\nanswer 2\n");
  CHECK(f.seen.back().find("assistant:ans<|im_end|>") != std::string::npos);

  f.model.calls.clear();
  number = SIGTERM;
  CHECK(f.run("hi\nmore\n") == 143);
  base::clear_stop_signal();
}

TEST_CASE("without a template each text stands alone") {
  Fixture f;
  const PromptBuilder plain(f.tokenizer, std::nullopt);
  std::vector<std::string> prompts;
  fake::Model model([&prompts](const auto& sequence, std::span<float> logits) {
    prompts.push_back(fake::text_of(sequence));
    logits[fake::kEnd] = 9;
  });
  std::istringstream in("once\nupon\n");
  CHECK(chat(model, f.tokenizer, plain, f.options, in, f.out, f.err) == 0);
  CHECK(prompts == std::vector<std::string>{"once", "upon"});
}
