#include "text/tokenizer_file.h"

#include <cstdio>

#include "base/file.h"

namespace swift::text {
namespace {

using base::Error;
using base::ExitCode;
using base::Json;

constexpr size_t kDeepest = 64;
constexpr size_t kMostKeys = 1000;  // in one object of `rest`; a vocabulary is not one of them

// The ordered tree looks keys up one by one, which a vocabulary of 150,000 tokens would make quadratic; so
// vocabulary and merges go straight into arrays, and sections that encoding does not use are passed over.
class Handler {
 public:
  explicit Handler(TokenizerFile& file) : file_(file) {}

  bool null() { return value(Json(nullptr)); }
  bool boolean(bool flag) { return value(Json(flag)); }
  bool number_integer(int64_t number) { return integer(number); }
  bool number_unsigned(uint64_t number) {
    return integer(number > INT64_MAX ? INT64_MAX : static_cast<int64_t>(number));
  }
  bool number_float(double number, const std::string&) { return value(Json(number)); }
  bool binary(Json::binary_t&) { return false; }

  bool string(std::string& text) {
    if (mode_ == Mode::merges) {
      merge_string(text);
      return true;
    }
    return value(Json(std::move(text)));
  }

  bool start_object(size_t) {
    if (mode_ == Mode::tree && in_model() && key_ == "vocab") {
      mode_ = Mode::vocab;
      file_.vocab_is_object = true;
      return true;
    }
    return open(Json::object());
  }

  bool start_array(size_t) {
    if (mode_ == Mode::tree && in_model() && key_ == "merges") {
      mode_ = Mode::merges;
      file_.has_merges = true;
      return true;
    }
    if (mode_ == Mode::merges && !in_pair_) {
      in_pair_ = true;
      parts_ = 0;
      return true;
    }
    return open(Json::array());
  }

  bool key(std::string& name) {
    if (mode_ == Mode::vocab) {
      token_ = add(name);
      return true;
    }
    key_ = std::move(name);
    return true;
  }

  bool end_object() {
    if (mode_ == Mode::vocab) {
      mode_ = Mode::tree;
      return true;
    }
    return close();
  }

  bool end_array() {
    if (mode_ != Mode::merges) return close();
    if (!in_pair_) {
      mode_ = Mode::tree;
      return true;
    }
    if (parts_ != 2) fail(merge_place() + ": expected two tokens");
    in_pair_ = false;
    return true;
  }

  // nlohmann's text is "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error …".
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& fault) {
    const std::string text = fault.what();
    base::Location where{file_.path};
    std::sscanf(text.c_str(), "%*[^]]] parse error at line %d, column %d", &where.line, &where.column);
    const size_t reason = text.find(": ");
    throw Error(ExitCode::model,
                "malformed JSON: " + (reason == std::string::npos ? text : text.substr(reason + 2)),
                std::move(where));
  }

 private:
  enum class Mode { tree, vocab, merges, skip };

  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ExitCode::model, message, {file_.path});
  }
  std::string merge_place() const {
    return "model.merges[" + std::to_string(file_.merges.size() - (in_pair_ && parts_ > 0)) + "]";
  }
  std::string vocab_place() const { return "model.vocab[\"" + std::string(file_.text(token_)) + "\"]"; }

  bool in_model() const { return stack_.size() == 2 && model_; }

  TextSpan add(std::string_view text) {
    const TextSpan span{static_cast<uint32_t>(file_.texts.size()), static_cast<uint32_t>(text.size())};
    file_.texts += text;
    return span;
  }

  bool integer(int64_t number) {
    if (mode_ != Mode::vocab) return value(Json(number));
    if (number < 0 || number > kLargestTokenId) {
      fail(vocab_place() + ": id out of range, expected 0 to " + std::to_string(kLargestTokenId));
    }
    file_.vocab.push_back({token_, static_cast<int32_t>(number)});
    return true;
  }

  // "a b" in old files, ["a", "b"] in new ones.
  void merge_string(const std::string& text) {
    if (!in_pair_) {
      const size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
        fail(merge_place() + ": expected two tokens with one space between them, got \"" + text + "\"");
      }
      file_.merges.push_back(
          {add(std::string_view(text).substr(0, space)), add(std::string_view(text).substr(space + 1))});
      return;
    }
    if (parts_ == 0)
      file_.merges.push_back({add(text), {}});
    else if (parts_ == 1)
      file_.merges.back().right = add(text);
    ++parts_;
    if (parts_ > 2) fail(merge_place() + ": expected two tokens");
  }

  bool value(Json&& leaf) {
    if (mode_ == Mode::vocab) fail(vocab_place() + ": expected a token id (an integer)");
    if (mode_ == Mode::merges) fail(merge_place() + ": expected a string or a pair of strings");
    if (mode_ == Mode::skip) return true;
    if (stack_.empty()) fail("expected a JSON object at the top of the file");
    if (!keeps(leaf)) return true;
    place(std::move(leaf));
    return true;
  }

  // Of the top level only what encoding, decoding and export use; of the model no list but the merges.
  bool keeps(const Json& child) const {
    if (stack_.size() == 1) {
      return key_ == "added_tokens" || key_ == "normalizer" || key_ == "pre_tokenizer" || key_ == "decoder" ||
             key_ == "post_processor" || key_ == "model";
    }
    return !(in_model() && key_ == "vocab" && child.is_array());
  }

  Json* place(Json&& child) {
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(child));
      return &parent.back();
    }
    if (parent.size() >= kMostKeys) fail("an object with more than " + std::to_string(kMostKeys) + " keys");
    Json& slot = parent[key_];
    slot = std::move(child);
    return &slot;
  }

  bool open(Json&& container) {
    if (mode_ == Mode::vocab || mode_ == Mode::merges) return value(std::move(container));
    if (++depth_ > kDeepest) fail("nested deeper than " + std::to_string(kDeepest) + " levels");
    if (mode_ == Mode::skip) return true;
    if (stack_.empty()) {
      if (!container.is_object()) fail("expected a JSON object at the top of the file");
      file_.rest = std::move(container);
      stack_.push_back(&file_.rest);
      return true;
    }
    if (!keeps(container)) {
      mode_ = Mode::skip;
      skip_until_ = depth_ - 1;
      return true;
    }
    if (stack_.size() == 1) model_ = key_ == "model" && container.is_object();
    stack_.push_back(place(std::move(container)));
    return true;
  }

  bool close() {
    --depth_;
    if (mode_ == Mode::skip) {
      if (depth_ == skip_until_) mode_ = Mode::tree;
    } else {
      stack_.pop_back();
    }
    return true;
  }

  TokenizerFile& file_;
  Mode mode_ = Mode::tree;
  std::vector<Json*> stack_;
  std::string key_;
  TextSpan token_;
  bool model_ = false;
  bool in_pair_ = false;
  int parts_ = 0;
  size_t depth_ = 0;
  size_t skip_until_ = 0;
};

const char* kind_of(const Json& value) {
  return value.is_null() ? "nothing" : value.type_name();
}

}  // namespace

TokenizerFile TokenizerFile::read(const std::filesystem::path& path) {
  TokenizerFile file;
  file.path = path.string();
  const std::string bytes = base::read_file(path, ExitCode::model);
  if (bytes.size() > UINT32_MAX) throw Error(ExitCode::model, "larger than 4 GiB", {file.path});
  file.texts.reserve(bytes.size());
  Handler handler(file);
  if (!Json::sax_parse(bytes, &handler)) throw Error(ExitCode::model, "malformed JSON", {file.path});
  return file;
}

Node Node::at(std::string_view key) const {
  if (auto found = find(key)) return *found;
  fail("missing key \"" + std::string(key) + "\"");
}

std::optional<Node> Node::find(std::string_view key) const {
  if (!value_->is_object()) fail(std::string("expected an object, got ") + kind_of(*value_));
  const auto found = value_->find(std::string(key));
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return Node(*found, place_.empty() ? std::string(key) : place_ + "." + std::string(key), *file_);
}

std::vector<Node> Node::items() const {
  if (!value_->is_array()) fail(std::string("expected a list, got ") + kind_of(*value_));
  std::vector<Node> nodes;
  nodes.reserve(value_->size());
  for (size_t i = 0; i < value_->size(); ++i) {
    nodes.emplace_back((*value_)[i], place_ + "[" + std::to_string(i) + "]", *file_);
  }
  return nodes;
}

std::string Node::string() const {
  if (!value_->is_string()) fail(std::string("expected a string, got ") + kind_of(*value_));
  return value_->get<std::string>();
}

bool Node::boolean() const {
  if (!value_->is_boolean()) fail(std::string("expected true or false, got ") + kind_of(*value_));
  return value_->get<bool>();
}

int64_t Node::integer() const {
  if (!value_->is_number_integer()) fail(std::string("expected an integer, got ") + kind_of(*value_));
  if (value_->is_number_unsigned() && value_->get<uint64_t>() > INT64_MAX) return INT64_MAX;
  return value_->get<int64_t>();
}

bool Node::boolean(std::string_view key, bool otherwise) const {
  const auto found = find(key);
  return found ? found->boolean() : otherwise;
}

void Node::fail(const std::string& message, const std::string& hint) const {
  throw Error(ExitCode::model, place_.empty() ? message : place_ + ": " + message, {*file_}, hint);
}

}  // namespace swift::text
