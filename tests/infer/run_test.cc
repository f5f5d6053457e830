#include "infer/run.h"

#include <csignal>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/signals.h"
#include "fake_model.h"
#include "infer/prompt.h"

using namespace swift;
using namespace swift::infer;
using base::Json;

namespace {

struct Fixture {
  text::Tokenizer tokenizer = fake::byte_tokenizer();
  std::optional<text::ChatTemplate> chat_template = fake::chat_template();
  fake::Model model{
      fake::replying([](const std::string& prompt) { return "to " + std::to_string(prompt.size()); })};
  std::ostringstream out, err;
  config::Task task;
  Json generation_config = nullptr;

  int run(const std::string& typed = "") {
    std::istringstream in(typed);
    return run_infer(task, model, tokenizer, chat_template, generation_config, in, out, err);
  }
};

}  // namespace

TEST_CASE("a prompt's answer is all of the output, and the speed goes to the error stream") {
  Fixture f;
  f.task.prompt = "hi";
  CHECK(f.run() == 0);
  CHECK(f.out.str() == "to 29\n");
  const std::string notes = f.err.str();
  CHECK(notes.find("infer: prefill 20 tokens in ") == 0);
  CHECK(notes.find("; decode 5 tokens in ") != std::string::npos);
  CHECK(std::count(notes.begin(), notes.end(), '\n') == 1);
}

TEST_CASE("an answer that is no stream comes in one piece") {
  Fixture f;
  f.task.prompt = "hi";
  f.task.stream = false;
  f.task.origins["stream"] = {config::Source::flag};
  f.model.on_forward = [&f] { CHECK(f.out.str().empty()); };
  CHECK(f.run() == 0);
  CHECK(f.out.str() == "to 29\n");
}

TEST_CASE("an answer streams when asked to") {
  Fixture f;
  f.task.prompt = "hi";
  f.task.origins["stream"] = {config::Source::flag};
  size_t seen = 0;
  f.model.on_forward = [&f, &seen] { seen = std::max(seen, f.out.str().size()); };
  CHECK(f.run() == 0);
  CHECK(seen > 2);
}

TEST_CASE("enable_thinking and system reach the template") {
  Fixture f;
  std::string prompt;
  f.model = fake::Model([&prompt](const auto& sequence, std::span<float> logits) {
    prompt = fake::text_of(sequence);
    logits[fake::kEnd] = 9;
  });
  f.task.prompt = "hi";
  f.task.enable_thinking = true;
  f.task.system = "be\\nbrief";
  CHECK(f.run() == 0);
  CHECK(prompt ==
        "<|im_start|>system:be\nbrief<|im_end|><|im_start|>user:hi<|im_end|><|im_start|>assistantT:");
  f.task.use_chat_template = false;
  CHECK(f.run() == 0);
  CHECK(prompt.starts_with("hi"));
}

TEST_CASE("answers end at the template's end of turn and at generation_config's ids") {
  Fixture f;
  CHECK(PromptBuilder(f.tokenizer, f.chat_template).end_of_turn_ids() ==
        std::vector<int32_t>{fake::kEndOfText, fake::kEnd});
  CHECK(PromptBuilder(f.tokenizer, std::nullopt).end_of_turn_ids().empty());
  const auto raising = text::ChatTemplate::from_source("{{ raise_exception('no') }}", Json::object(), "test");
  CHECK(PromptBuilder(f.tokenizer, raising).end_of_turn_ids().empty());

  f.model = fake::Model(fake::answering("hi", "one.two"));
  f.chat_template = std::nullopt;
  f.generation_config = {{"eos_token_id", '.'}};
  f.task.prompt = "hi";
  CHECK(f.run() == 0);
  // The byte 0x2E has text, but as an end of sequence it is no part of the answer.
  CHECK(f.out.str() == "one\n");
}

TEST_CASE("rows go from infer_input to result_path") {
  Fixture f;
  const fake::TemporaryFolder folder;
  std::ofstream(folder.path / "in.jsonl") << "{\"query\": \"hi\", \"response\": \"to 29\"}\n";
  f.task.infer_input = (folder.path / "in.jsonl").string();
  f.task.result_path = (folder.path / "out.jsonl").string();
  f.task.metric = "acc";
  CHECK(f.run() == 0);
  CHECK(f.out.str().empty());
  const Json row = Json::parse(base::read_file(folder.path / "out.jsonl"));
  CHECK(row["response"] == "to 29");
  CHECK(f.err.str().find("infer: acc 1.0000 (1/1)") != std::string::npos);
}

TEST_CASE("without a prompt or rows it is a conversation") {
  Fixture f;
  CHECK(f.run("hi\nquit\n") == 0);
  CHECK(f.out.str() == "to 29\n");
}

TEST_CASE("a prompt that is interrupted ends with what is there") {
  Fixture f;
  f.task.prompt = "hi";
  f.model.on_forward = [&f] {
    if (f.model.calls.size() == 2) std::raise(SIGINT);
  };
  CHECK(f.run() == 130);
  base::clear_stop_signal();
  CHECK(f.out.str() == "to\n");
}

TEST_CASE("settings that exclude each other are usage errors before anything runs") {
  const auto fails = [](const std::function<void(config::Task&)>& change) {
    Fixture f;
    change(f.task);
    try {
      f.run();
    } catch (const base::Error& error) {
      return error.code() == base::ExitCode::usage && f.out.str().empty() && f.model.calls.empty();
    }
    return false;
  };
  CHECK(fails([](auto& task) { task.prompt = "a", task.infer_input = "b"; }));
  CHECK(fails([](auto& task) { task.prompt = "a", task.result_path = "b"; }));
  CHECK(fails([](auto& task) { task.prompt = "a", task.metric = "acc"; }));
  CHECK(fails([](auto& task) { task.infer_input = "a", task.metric = "bleu"; }));
  CHECK(fails([](auto& task) { task.prompt = "a", task.logprobs = true; }));
  CHECK(fails([](auto& task) { task.prompt = "a", task.temperature = -1; }));
  CHECK(fails([](auto& task) { task.prompt = "a", task.max_batch_size = 0; }));
}
