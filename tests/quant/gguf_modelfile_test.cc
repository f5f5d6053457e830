// What is found of chat templates by rendering them, and the Modelfile made of it.
#include <catch2/catch.hpp>

#include "../model/golden.h"
#include "quant/gguf/modelfile.h"

using namespace swift;
namespace gguf = quant::gguf;
using base::Json;
using Catch::Matchers::Contains;

namespace {

text::ChatTemplate chat(const std::string& source) {
  return text::ChatTemplate::from_source(source, {{"bos_token", "<s>"}, {"eos_token", "</s>"}}, "test");
}

std::string go(const std::string& source) {
  const auto parts = gguf::parts_of(chat(source), Json::object());
  return parts ? gguf::go_template(*parts) : "none";
}

const std::string kChatml =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor "
    "%}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

}  // namespace

TEST_CASE("a template that puts texts around messages becomes one of Go") {
  CHECK(go(kChatml) ==
        "{{ range .Messages }}"
        "{{ if eq .Role \"system\" }}<|im_start|>system\n{{ .Content }}<|im_end|>\n"
        "{{ else if eq .Role \"user\" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n"
        "{{ else if eq .Role \"assistant\" }}<|im_start|>assistant\n{{ .Content }}<|im_end|>\n"
        "{{ end }}{{ end }}<|im_start|>assistant\n");
}

TEST_CASE("a default system text appears where the conversation has none") {
  const std::string found = go(
      "{% if messages[0].role != 'system' %}<|im_start|>system\nBe kind.<|im_end|>\n{% endif %}" + kChatml);
  CHECK_THAT(found, Contains("{{ if ne (index .Messages 0).Role \"system\" }}<|im_start|>system\nBe "
                             "kind.<|im_end|>\n{{ end }}{{ range"));
}

TEST_CASE("a template that ends a conversation without an answer differently is explained too") {
  CHECK(go("{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
           "{% if add_generation_prompt %}<|assistant|>{% else %}{{ eos_token }}{% endif %}") != "none");
}

TEST_CASE("braces of a template stay texts in Go's") {
  CHECK_THAT(go("{{ '{{' }}" + kChatml), Contains(R"({{ "{{" }})"));
}

TEST_CASE("no template is claimed where parts do not explain it") {
  // Numbers its turns.
  CHECK(go("{% for m in messages %}{{ loop.index }}{{ m.role }}{{ m.content }}{% endfor %}") == "none");
  CHECK(go("{{ strftime_now('%d') }}" + kChatml) == "none");
  CHECK(go("{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}" + kChatml) ==
        "none");
  CHECK(go("{{ messages[-1].content }}") == "none");
}

TEST_CASE("the Modelfile has the file, the template without bos, sampling, stops and the system text") {
  auto text = text::load_model_text(tests::golden("gguf/llama"), std::nullopt);
  text.generation_config = {{"do_sample", true}, {"temperature", 0.7}, {"repetition_penalty", 1.1}};
  gguf::ModelfileSource source{"model-Q4_0.gguf", text, "Answer \"briefly\"."};
  source.bos = "<s>";
  const std::string made = gguf::modelfile(source);
  CHECK_THAT(made, Contains("FROM ./model-Q4_0.gguf\n"));
  CHECK_THAT(made, Contains("TEMPLATE \"\"\"{{ range .Messages }}"));
  CHECK_THAT(made, Contains("[INST] {{ .Content }} [/INST]"));
  CHECK_THAT(made, Contains("PARAMETER temperature 0.7\n"));
  CHECK_THAT(made, Contains("PARAMETER repeat_penalty 1.1\n"));
  CHECK_THAT(made, Contains("PARAMETER stop \"</s>\"\n"));
  CHECK_THAT(made, Contains("SYSTEM \"\"\"Answer \"briefly\".\"\"\"\n"));
  text.chat_template = chat("{{ messages[-1].content }}");
  CHECK_THAT(gguf::modelfile(source), Contains("# No TEMPLATE"));
}
