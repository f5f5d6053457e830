// Random walks through the token masks of JSON schemas, for a validator made by others to judge.
// usage: schema_walks TOKENIZER WALKS < schemas, one a line
// Writes a line of JSON for each: {"texts": […]} or {"refused": "why"}.
#include <array>
#include <cstdlib>
#include <iostream>
#include <string>

#include "base/error.h"
#include "base/rng.h"
#include "text/grammar/grammar.h"

namespace {

using namespace swift;
using base::Json;

constexpr int kLong = 40;      // tokens after which a walk heads for the end
constexpr int kLongest = 400;  // a walk that is not there by then is given up

class Walker {
 public:
  Walker(std::shared_ptr<const text::Vocabulary> vocabulary, uint64_t seed)
      : vocabulary_(std::move(vocabulary)),
        all_(vocabulary_->sorted_tokens()),
        stream_(seed, base::Purpose::sampling) {
    for (const int32_t token : all_)
      by_byte_[static_cast<uint8_t>(vocabulary_->bytes(token).front())].push_back(token);
  }

  // Empty when it did not come to an end.
  std::string walk(const std::shared_ptr<const text::Grammar>& grammar) {
    const auto state = text::matcher(grammar, vocabulary_);
    std::vector<uint64_t> words(vocabulary_->words());
    std::string text;
    for (int step = 0; step < kLongest; ++step) {
      if (state->may_end() && (step > kLong || draw(3) == 0)) return text;
      state->allowed(words);
      const int32_t token = choose(words, step > kLong);
      if (token < 0) {
        if (!state->may_end()) throw std::logic_error("a mask leaves no token after " + text);
        return text;
      }
      if (!state->accept(token)) throw std::logic_error("a mask allows what accept() refuses after " + text);
      text += vocabulary_->bytes(token);
    }
    return "";
  }

 private:
  uint64_t draw(uint64_t below) { return stream_.bits(at_++) % below; }

  // Half of the time by the first byte, so that the few tokens of JSON's own marks have a chance among those
  // of text. closing: first what ends something.
  int32_t choose(const std::vector<uint64_t>& words, bool closing) {
    if (closing) {
      for (const char mark : {'"', '}', ']', ','}) {
        const int32_t token = one_of(by_byte_[static_cast<uint8_t>(mark)], words);
        if (token >= 0) return token;
      }
    }
    if (draw(2) == 0) return one_of(all_, words);
    const uint64_t first = draw(by_byte_.size());
    for (uint64_t i = 0; i < by_byte_.size(); ++i) {
      const int32_t token = one_of(by_byte_[(first + i) % by_byte_.size()], words);
      if (token >= 0) return token;
    }
    return -1;
  }

  // The first that is allowed from a random place on, or -1.
  int32_t one_of(const std::vector<int32_t>& tokens, const std::vector<uint64_t>& words) {
    const uint64_t first = tokens.empty() ? 0 : draw(tokens.size());
    for (uint64_t i = 0; i < tokens.size(); ++i) {
      const auto token = static_cast<size_t>(tokens[(first + i) % tokens.size()]);
      if ((words[token / 64] >> (token % 64) & 1) != 0) return static_cast<int32_t>(token);
    }
    return -1;
  }

  std::shared_ptr<const text::Vocabulary> vocabulary_;
  std::array<std::vector<int32_t>, 256> by_byte_;  // first byte
  std::vector<int32_t> all_;
  base::Stream stream_;
  uint64_t at_ = 0;
};

Json walks_of(const Json& schema, int walks, Walker& walker) {
  std::shared_ptr<const text::Grammar> grammar;
  try {
    grammar = text::compile_json_schema(schema, {.indented = true});
  } catch (const base::Error& error) {
    return {{"refused", error.message()}};
  }
  Json texts = Json::array();
  for (int i = 0; i < walks; ++i) {
    const std::string text = walker.walk(grammar);
    if (!text.empty()) texts.push_back(text);
  }
  return {{"texts", texts}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Walker walker(text::Vocabulary::of(text::Tokenizer::load(argv[1])), 11);
  for (std::string line; std::getline(std::cin, line);)
    std::cout << walks_of(Json::parse(line), std::atoi(argv[2]), walker).dump() << std::endl;
}
