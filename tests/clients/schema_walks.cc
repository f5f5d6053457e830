// Random walks through the token masks of JSON schemas, for a validator made by others to judge.
// usage: schema_walks TOKENIZER WALKS < schemas, one a line
// Writes a line of JSON for each: {"texts": […]} or {"refused": "why"}.
#include <cstdlib>
#include <iostream>
#include <map>
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
      : vocabulary_(std::move(vocabulary)), stream_(seed, base::Purpose::sampling) {}

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
  // of text. closing: tokens that end something, then short ones.
  int32_t choose(const std::vector<uint64_t>& words, bool closing) {
    std::map<char, std::vector<int32_t>> by_byte;
    std::vector<int32_t> all;
    for (size_t i = 0; i < vocabulary_->size(); ++i) {
      if ((words[i / 64] >> (i % 64) & 1) == 0) continue;
      all.push_back(static_cast<int32_t>(i));
      by_byte[vocabulary_->bytes(all.back()).front()].push_back(all.back());
    }
    if (all.empty()) return -1;
    if (closing) {
      for (const char mark : {'"', '}', ']', ','}) {
        const auto found = by_byte.find(mark);
        if (found != by_byte.end()) return found->second[draw(found->second.size())];
      }
    }
    if (draw(2) == 0) return all[draw(all.size())];
    const auto group = std::next(by_byte.begin(), static_cast<std::ptrdiff_t>(draw(by_byte.size())));
    return group->second[draw(group->second.size())];
  }

  std::shared_ptr<const text::Vocabulary> vocabulary_;
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
