#include "text/pretokenizer.h"

#include <algorithm>

#include "text/unicode.h"

namespace swift::text {
namespace {

using Part = std::pair<Match, bool>;  // a stretch of the text, and whether the pattern matched it

// Matches and what lies between them, in order; `invert` swaps the two.
void parts_of(const Match& piece, const std::vector<Match>& matches, bool invert, std::vector<Part>& parts) {
  parts.clear();
  size_t from = piece.begin;
  for (const Match& match : matches) {
    const Match here{piece.begin + match.begin, piece.begin + match.end};
    if (from != here.begin) parts.push_back({{from, here.begin}, invert});
    parts.push_back({here, !invert});
    from = here.end;
  }
  if (from != piece.end) parts.push_back({{from, piece.end}, invert});
}

void number_matches(std::string_view text, std::vector<Match>& matches) {
  matches.clear();
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    if (is_number(next_code_point(text, at))) matches.push_back({start, at});
  }
}

// Joins parts into words as the reference does: a match joins its neighbour unless a match came just before.
void join(const std::vector<Part>& parts, SplitBehavior behavior, std::vector<Match>& out) {
  const size_t first = out.size();
  bool before = false;
  const auto step = [&](const Part& part, bool forward) {
    const bool contiguous = behavior == SplitBehavior::contiguous;
    const bool joins = contiguous ? part.second == before : part.second && !before;
    if (joins && out.size() > first) {
      (forward ? out.back().end : out.back().begin) = forward ? part.first.end : part.first.begin;
    } else {
      out.push_back(part.first);
    }
    before = part.second;
  };
  if (behavior == SplitBehavior::merged_with_next) {
    for (size_t i = parts.size(); i > 0; --i) step(parts[i - 1], false);
    std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
  } else {
    for (const Part& part : parts) step(part, true);
  }
}

void collect(const std::vector<Part>& parts, SplitBehavior behavior, std::vector<Match>& out) {
  if (behavior == SplitBehavior::isolated || behavior == SplitBehavior::removed) {
    for (const Part& part : parts) {
      if (behavior == SplitBehavior::isolated || !part.second) out.push_back(part.first);
    }
    return;
  }
  join(parts, behavior, out);
}

SplitBehavior behavior_of(const Node& node) {
  const std::string name = node.string();
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "Removed") return SplitBehavior::removed;
  if (name == "MergedWithPrevious") return SplitBehavior::merged_with_previous;
  if (name == "MergedWithNext") return SplitBehavior::merged_with_next;
  if (name == "Contiguous") return SplitBehavior::contiguous;
  node.fail("unknown behavior \"" + name + "\"",
            "known: Isolated, Removed, MergedWithPrevious, MergedWithNext, Contiguous");
}

}  // namespace

void PreTokenizer::add_split(const Node& node) {
  Step step{Kind::split};
  const Node pattern = node.at("pattern");
  step.pattern = Regex::from_node(pattern);
  step.behavior = behavior_of(node.at("behavior"));
  step.invert = node.boolean("invert", false);
  if (step.behavior == SplitBehavior::isolated && pattern.find("Regex")) {
    step.scanner = WordScanner::for_pattern(step.pattern->pattern());
  }
  steps_.push_back(std::move(step));
}

void PreTokenizer::add(const Node& node) {
  const std::string type = node.type();
  if (type == "Sequence") {
    for (const Node& child : node.at("pretokenizers").items()) add(child);
  } else if (type == "Split") {
    add_split(node);
  } else if (type == "ByteLevel") {
    Step step{Kind::byte_level};
    step.add_prefix_space = node.boolean("add_prefix_space", true);
    if (node.boolean("use_regex", true)) step.scanner = WordScanner::for_pattern(kGpt2Pattern);
    steps_.push_back(std::move(step));
  } else if (type == "Digits") {
    Step step{Kind::digits};
    if (!node.boolean("individual_digits", false)) step.behavior = SplitBehavior::contiguous;
    steps_.push_back(std::move(step));
  } else if (type == "Whitespace" || type == "WhitespaceSplit") {
    Step step{Kind::split, SplitBehavior::removed};
    step.invert = type == "Whitespace";
    step.pattern = Regex::compile(
        type == "Whitespace" ? R"([\w\x{200c}\x{200d}]+|[^\w\x{200c}\x{200d}\s]+)" : R"(\s)", false, node);
    steps_.push_back(std::move(step));
  } else {
    node.fail("unsupported pre_tokenizer \"" + type + "\"",
              "supported: Split, ByteLevel, Digits, Whitespace, WhitespaceSplit, Sequence");
  }
}

PreTokenizer PreTokenizer::from_node(const Node& node) {
  PreTokenizer pre_tokenizer;
  pre_tokenizer.add(node);
  return pre_tokenizer;
}

void PreTokenizer::cut(const Step& step, Words& words, RegexScratch& scratch) {
  words.next_ranges.clear();
  for (const Match& piece : words.ranges) {
    if (step.scanner) {
      step.scanner->split(words.text, piece.begin, piece.end, words.next_ranges);
      continue;
    }
    const std::string_view text = words.text.substr(piece.begin, piece.end - piece.begin);
    if (step.kind == Kind::digits)
      number_matches(text, words.matches);
    else
      step.pattern->find_all(text, scratch, words.matches);
    parts_of(piece, words.matches, step.invert, words.parts);
    collect(words.parts, step.behavior, words.next_ranges);
  }
  std::erase_if(words.next_ranges, [](const Match& range) { return range.begin == range.end; });
  words.ranges.swap(words.next_ranges);
}

// ByteLevel's changes to the text: a space before every piece that has none, and the alphabet.
void PreTokenizer::rewrite(const Step& step, bool map_bytes, Words& words) {
  std::string out;
  out.reserve(words.text.size() * (map_bytes ? 2 : 1) + words.ranges.size());
  for (Match& range : words.ranges) {
    const std::string_view piece = words.text.substr(range.begin, range.end - range.begin);
    range.begin = out.size();
    if (step.add_prefix_space && !piece.starts_with(' ')) out += ' ';
    out += map_bytes ? bytes_to_chars(piece) : piece;
    range.end = out.size();
  }
  words.storage = std::move(out);
  words.text = words.storage;
}

void PreTokenizer::run(std::string_view text, Words& words, RegexScratch& scratch) const {
  words.text = text;
  words.ranges.clear();
  if (text.empty()) return;
  words.ranges.push_back({0, text.size()});
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (step.kind != Kind::byte_level) {
      cut(step, words, scratch);
      continue;
    }
    if (step.add_prefix_space) rewrite(step, false, words);
    if (step.scanner) cut(step, words, scratch);
    if (i + 1 < steps_.size()) {
      Step only_map{Kind::byte_level};
      rewrite(only_map, true, words);
    }
  }
}

}  // namespace swift::text
