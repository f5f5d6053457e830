// swift deploy and what happens to its files: damage while it runs, adapters that come and go.
#include "base/file.h"
#include "server.h"

using namespace swift;
using namespace swift::tests;

namespace {

// A copy that a test may damage.
fs::path copied_model(const std::string& name) {
  const fs::path to = fixture().root / name;
  fs::copy(fixture().model, to, fs::copy_options::recursive);
  return to;
}

// An adapter of the fixture's model.
const fs::path& adapter() {
  static const fs::path made = [] {
    const fs::path output = fixture().root / "adapter";
    const Outcome trained = run({.words = train_words(output, {"--max_steps", "1"})});
    INFO(trained.err);
    REQUIRE(trained.code == 0);
    return output / "checkpoint-1";
  }();
  return made;
}

Reply load(uint16_t port, const std::string& name, const fs::path& path, const std::string& headers = "") {
  return ask(port, "/v1/load_lora_adapter",
             base::Json({{"lora_name", name}, {"lora_path", path.string()}}).dump(), headers);
}

template <class Condition>
bool eventually(Condition holds) {
  for (int i = 0; i < 3000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return holds();
}

}  // namespace

TEST_CASE("weights cut short under a running server are a fault of every request, never a crash") {
  const fs::path model = copied_model("cut");
  Deployed server(model);
  CHECK(ask(server.port(), "/v1/chat/completions", question().dump()).status == 200);
  fs::resize_file(model / "model.safetensors", 512);
  // At once, by the pages that are gone; a second later, by looking at the file.
  const Reply first = ask(server.port(), "/v1/chat/completions", question().dump());
  CHECK((first.status == 500 || first.status == 503));
  CHECK(eventually([&] { return ask(server.port(), "/health").status == 503; }));
  const Reply after = ask(server.port(), "/v1/chat/completions", question().dump());
  CHECK(after.status == 503);
  CHECK(after.json()["error"]["type"] == "service_unavailable_error");
  CHECK(ask(server.port(), "/ready").status == 503);
  CHECK(ask(server.port(), "/metrics").status == 200);
  server.signal(SIGTERM);
  CHECK(server.wait() == 0);
}

TEST_CASE("a model replaced or removed as a whole is served on as it was") {
  const fs::path model = copied_model("replaced");
  Deployed server(model);
  const std::string before =
      ask(server.port(), "/v1/chat/completions", question().dump()).json()["choices"].dump();
  base::write_file_atomic(model / "model.safetensors", "something else");
  CHECK(ask(server.port(), "/v1/chat/completions", question().dump()).json()["choices"].dump() == before);
  fs::remove_all(model);
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));  // past a look at the files
  CHECK(ask(server.port(), "/health").status == 200);
  CHECK(ask(server.port(), "/v1/chat/completions", question().dump()).json()["choices"].dump() == before);
}

TEST_CASE("adapters come and go, those of another base or cut short are refused, and a key guards them") {
  const fs::path other = fixture().root / "other", cut = fixture().root / "cut-adapter";
  fs::copy(adapter(), other, fs::copy_options::recursive);
  fs::copy(adapter(), cut, fs::copy_options::recursive);
  fs::resize_file(cut / "adapter_model.safetensors", 300);
  Deployed server(fixture().model, {"--api_key", "key"});
  const std::string key = "Authorization: Bearer key\r\n";
  CHECK(load(server.port(), "mine", adapter()).status == 401);
  CHECK(load(server.port(), "mine", adapter(), "Authorization: Bearer kez\r\n").status == 401);
  CHECK(load(server.port(), "mine", adapter(), key).status == 200);
  CHECK(load(server.port(), "cut", cut, key).status == 400);
  CHECK(load(server.port(), "none", "/nowhere", key).status == 400);
  const Reply answer = ask(server.port(), "/v1/chat/completions", question({{"model", "mine"}}).dump(), key);
  CHECK(answer.status == 200);
  CHECK(ask(server.port(), "/v1/models", "", key).json()["data"][1]["parent"] == "tiny");
  CHECK(ask(server.port(), "/v1/unload_lora_adapter", R"({"lora_name":"mine"})", key).status == 200);
  CHECK(ask(server.port(), "/v1/chat/completions", question({{"model", "mine"}}).dump(), key).status == 404);
  CHECK(ask(server.port(), "/v1/chat/completions", question().dump(), key).status == 200);
}

TEST_CASE("an adapter of another base is a 400 that says so") {
  Deployed server(fs::path(SWIFT_SOURCE_DIR) / "assets/demo/base",
                  {"--adapter_dir", adapter().parent_path()});
  const Reply refused = load(server.port(), "other", adapter());
  INFO(refused.text);
  CHECK(refused.status == 400);
  CHECK(refused.json()["error"]["param"] == "lora_path");
  CHECK(refused.json()["error"]["message"].get<std::string>().find("base") != std::string::npos);
  CHECK(load(server.port(), "outside", fixture().model).status == 400);
  CHECK(ask(server.port(), "/v1/chat/completions", question().dump()).status == 200);
}

TEST_CASE("adapter_dir must be a directory") {
  const Outcome outcome = swift::tests::swift(
      {"deploy", "--model", fixture().model, "--port", "0", "--adapter_dir", fixture().root / "none"});
  CHECK(outcome.code == 2);
  CHECK(outcome.err.find("adapter_dir") != std::string::npos);
}
