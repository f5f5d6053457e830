#include "infer/batch.h"

#include <csignal>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/signals.h"
#include "fake_model.h"
#include "infer/report.h"
#include "infer/rows.h"

using namespace swift;
using namespace swift::infer;
using base::Json;

namespace {

// Answers with the last user's text in capitals.
std::string shout(const std::string& prompt) {
  const size_t begin = prompt.rfind("user:") + 5;
  std::string text = prompt.substr(begin, prompt.find('<', begin) - begin);
  for (char& c : text) c = static_cast<char>(std::toupper(c));
  return text;
}

struct Fixture {
  text::Tokenizer tokenizer = fake::byte_tokenizer();
  PromptBuilder prompts{tokenizer, fake::chat_template()};
  fake::Model model{fake::replying(shout)};
  std::ostringstream out, err;
  fake::TemporaryFolder folder;
  BatchOptions options{.sampling = {.temperature = 0},
                       .engine = {.eos_token_ids = {fake::kEnd}, .scheduler = {.max_num_seqs = 1}}};

  std::vector<data::Row> rows(const std::string& jsonl, const std::string& columns = "") {
    const auto path = folder.path / "in.jsonl";
    std::ofstream(path) << jsonl;
    config::Task task;
    task.infer_input = path.string();
    task.columns = columns;
    return read_rows(task);
  }
  BatchResult run(const std::vector<data::Row>& input) {
    return infer_rows(input, model, tokenizer, prompts, options, out, err);
  }
  std::vector<Json> lines() const {
    std::vector<Json> result;
    std::istringstream text(out.str());
    for (std::string line; std::getline(text, line);) result.push_back(Json::parse(line));
    return result;
  }
};

}  // namespace

TEST_CASE("every row keeps its fields and gets its answer, in the order of the input") {
  Fixture f;
  f.options.engine.scheduler.max_num_seqs = 3;
  const BatchResult result =
      f.run(f.rows("{\"id\": 1, \"query\": \"a long question\"}\n"
                   "{\"messages\": [{\"role\": \"user\", \"content\": \"b\"}], \"id\": 2}\n"
                   "{\"prompt\": \"c\", \"response\": \"C\", \"id\": {\"x\": [3]}}\n"
                   "{\"query\": \"dd\"}\n"));
  CHECK(result.rows == 4);
  CHECK(result.signal == 0);
  const auto lines = f.lines();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].dump() ==
        R"({"id":1,"query":"a long question","response":"A LONG QUESTION","finish_reason":"stop",)"
        R"("usage":{"prompt_tokens":33,"completion_tokens":16,"total_tokens":49}})");
  CHECK(lines[1]["response"] == "B");
  CHECK(lines[1]["messages"].size() == 1);
  CHECK(lines[2]["response"] == "C");
  CHECK(lines[2]["labels"] == "C");
  CHECK(lines[2]["id"] == Json::parse(R"({"x":[3]})"));
  CHECK(lines[3]["response"] == "DD");
  CHECK_FALSE(lines[3].contains("labels"));
  CHECK(f.err.str().find("infer: prefill ") == 0);
}

TEST_CASE("the expected answer is no part of the prompt and scores the answer") {
  Fixture f;
  f.options.accuracy = true;
  const BatchResult result = f.run(f.rows(
      "{\"query\": \"yes\", \"response\": \" YES \\n\"}\n"
      "{\"query\": \"no\", \"response\": \"wrong\"}\n"
      "{\"messages\": [{\"role\": \"user\", \"content\": \"one\"}, {\"role\": \"assistant\", \"content\": "
      "\"x\"},"
      " {\"role\": \"user\", \"content\": \"two\"}, {\"role\": \"assistant\", \"content\": \"TWO\"}]}\n"));
  CHECK(result.correct == 2);
  CHECK(result.answered == 3);
  CHECK(f.lines()[0]["labels"] == " YES \n");
  CHECK(f.lines()[2]["response"] == "TWO");
  CHECK(f.err.str().find("infer: acc 0.6667 (2/3)\n") != std::string::npos);
  CHECK(accuracy_line(65, 80) == "infer: acc 0.8125 (65/80)");
}

TEST_CASE("accuracy without an expected answer is a data error at the row") {
  Fixture f;
  f.options.accuracy = true;
  const auto rows = f.rows("{\"query\": \"a\", \"response\": \"A\"}\n{\"query\": \"b\"}\n");
  CHECK_THROWS_WITH(f.run(rows), Catch::Contains("in.jsonl:2") && Catch::Contains("no answer to compare"));
  CHECK(f.model.calls.empty());
}

TEST_CASE("logprobs and their best alternatives are written when asked for") {
  Fixture f;
  f.options.sampling.logprobs = true;
  f.options.sampling.top_logprobs = 2;
  f.run(f.rows("{\"query\": \"ab\"}\n"));
  const Json logprobs = f.lines()[0]["logprobs"];
  REQUIRE(logprobs.size() == 3);
  CHECK(logprobs[0]["token_id"] == 'A');
  CHECK(logprobs[0]["logprob"].get<double>() < 0);
  CHECK(logprobs[0]["top"].size() == 2);
  CHECK(logprobs[2]["token_id"] == fake::kEnd);
}

TEST_CASE("a system text is for the rows that bring none") {
  Fixture f;
  std::vector<std::string> seen;
  f.model = fake::Model(fake::replying([&seen](const std::string& prompt) {
    if (seen.empty() || seen.back() != prompt) seen.push_back(prompt);
    return std::string();
  }));
  const PromptBuilder prompts(f.tokenizer, fake::chat_template(), {.system = "ours"});
  infer_rows(
      f.rows("{\"query\": \"a\"}\n{\"query\": \"b\", \"system\": \"theirs\"}\n{\"text\": \"just text\"}\n"),
      f.model, f.tokenizer, prompts, f.options, f.out, f.err);
  CHECK(seen ==
        std::vector<std::string>{"<|im_start|>system:ours<|im_end|><|im_start|>user:a<|im_end|>",
                                 "<|im_start|>system:theirs<|im_end|><|im_start|>user:b<|im_end|>",
                                 "<|im_start|>system:ours<|im_end|><|im_start|>user:just text<|im_end|>"});
}

TEST_CASE("a model without a template continues the text of a row") {
  Fixture f;
  const PromptBuilder plain(f.tokenizer, std::nullopt);
  fake::Model model(fake::answering("once", " upon"));
  infer_rows(f.rows("{\"text\": \"once\"}\n{\"query\": \"and once\"}\n"), model, f.tokenizer, plain,
             f.options, f.out, f.err);
  REQUIRE(f.lines().size() == 2);
  CHECK(f.lines()[0]["response"] == " upon");
  CHECK(f.lines()[0]["text"] == "once");
  CHECK(f.lines()[1]["response"] == " upon");
}

TEST_CASE("a row that is too long or malformed is found before anything is answered") {
  Fixture f;
  f.model = fake::Model(fake::replying(shout), 64);
  const auto rows = f.rows("{\"query\": \"a\"}\n\n{\"query\": \"" + std::string(80, 'x') + "\"}\n");
  CHECK_THROWS_WITH(f.run(rows), Catch::Contains("in.jsonl:3") && Catch::Contains("context of 64 tokens"));
  CHECK(f.model.calls.empty());
  CHECK_THROWS_AS(f.rows("{\"query\": \"a\"}\n{broken\n"), base::Error);
  CHECK_THROWS_AS(f.rows(""), base::Error);
  CHECK_THROWS_AS(f.rows("{\"query\": \"a\"}\n", "[]"), base::Error);
  CHECK(f.rows("{\"ask\": \"a\"}\n", R"({"ask": "query"})").size() == 1);
}

TEST_CASE("a template's error names the row") {
  Fixture f;
  const auto strict = text::ChatTemplate::from_source(
      "{% for m in messages %}{% if m.content == 'bad' %}{{ raise_exception('not that') }}{% endif %}{% "
      "endfor %}ok",
      base::Json::object(), "strict");
  const PromptBuilder prompts(f.tokenizer, strict);
  const auto rows = f.rows("{\"query\": \"good\"}\n{\"query\": \"bad\"}\n");
  CHECK_THROWS_WITH(infer_rows(rows, f.model, f.tokenizer, prompts, f.options, f.out, f.err),
                    Catch::Contains("in.jsonl:2") && Catch::Contains("not that"));
}

TEST_CASE("a signal keeps finished rows, marks the running one and leaves the rest out") {
  base::install_stop_handlers();
  Fixture f;
  f.options.result_path = f.folder.path / "out.jsonl";
  f.model.on_forward = [&f] {
    if (f.model.calls.size() == 5) std::raise(SIGINT);
  };
  const BatchResult result =
      f.run(f.rows("{\"query\": \"a\"}\n{\"query\": \"bcdef\"}\n{\"query\": \"g\"}\n"));
  base::clear_stop_signal();
  CHECK(result.signal == SIGINT);
  CHECK(result.rows == 2);
  CHECK(result.answered == 1);
  const std::string text = base::read_file(f.folder.path / "out.jsonl");
  CHECK(text.find(R"("response":"A","finish_reason":"stop")") != std::string::npos);
  CHECK(text.find(R"("response":"BCD","finish_reason":"interrupted")") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("a failure keeps finished rows beside the result and says where") {
  Fixture f;
  f.options.result_path = f.folder.path / "out.jsonl";
  f.model.on_forward = [&f] {
    if (f.model.calls.size() == 4) throw base::Error(base::ExitCode::device, "out of memory");
  };
  const auto rows = f.rows("{\"query\": \"a\"}\n{\"query\": \"bcdef\"}\n");
  CHECK_THROWS_AS(f.run(rows), base::Error);
  CHECK_FALSE(std::filesystem::exists(f.folder.path / "out.jsonl"));
  CHECK(base::read_file(f.folder.path / "out.jsonl.partial").find(R"("response":"A")") != std::string::npos);
  CHECK(f.err.str().find("out.jsonl.partial") != std::string::npos);
}
