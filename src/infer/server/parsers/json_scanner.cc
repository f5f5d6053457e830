#include "infer/server/parsers/json_scanner.h"

#include "base/json.h"

namespace swift::infer::server {
namespace {

constexpr size_t kMaxDepth = 256;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_scalar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
}

}  // namespace

JsonScanner::State JsonScanner::push(char c) {
  in_key_ = in_value_ = value_ended_ = false;
  const bool was_member = member_;
  const bool was_scalar = !scalar_.empty() && stack_.size() == 1;
  const State state = take(c);
  if (state == State::failed) return state;
  if (in_string_ ? string_is_key_ && stack_.size() == 1 : expect_ == Expect::colon && c == '"') {
    in_key_ = stack_.size() == 1;
  }
  // The byte that ends a number is no part of it.
  const bool ended = was_member && !member_;
  in_value_ = (was_member || member_) && !(ended && was_scalar);
  value_ended_ = ended;
  return state;
}

JsonScanner::State JsonScanner::take(char c) {
  if (in_string_) return string_byte(c) ? State::more : State::failed;
  if (!scalar_.empty()) {
    if (is_scalar(c)) {
      scalar_ += c;
      return scalar_.size() > 400 ? State::failed : State::more;
    }
    if (!scalar_complete()) return State::failed;
    scalar_.clear();
    after_value();
  }
  if (is_blank(c)) return State::more;
  return structural(c);
}

JsonScanner::State JsonScanner::structural(char c) {
  const bool value = expect_ == Expect::value || expect_ == Expect::value_or_end;
  switch (c) {
    case '{':
    case '[':
      return value ? open(c) : State::failed;
    case '}':
    case ']':
      return close(c);
    case '"':
      if (!value && expect_ != Expect::key && expect_ != Expect::key_or_end) return State::failed;
      if (stack_.empty()) return State::failed;
      in_string_ = true;
      string_is_key_ = !value;
      if (value && stack_.size() == 1 && stack_.back() == '{') member_ = true;
      return State::more;
    case ':':
      if (expect_ != Expect::colon) return State::failed;
      expect_ = Expect::value;
      return State::more;
    case ',':
      if (expect_ != Expect::comma_or_end || stack_.empty()) return State::failed;
      expect_ = stack_.back() == '{' ? Expect::key : Expect::value;
      return State::more;
    default:
      if (!value || stack_.empty() || !is_scalar(c)) return State::failed;
      scalar_ = c;
      if (stack_.size() == 1 && stack_.back() == '{') member_ = true;
      return State::more;
  }
}

JsonScanner::State JsonScanner::open(char c) {
  if (stack_.size() == 1 && stack_.back() == '{') member_ = true;
  if (stack_.size() >= kMaxDepth) return State::failed;
  stack_.push_back(c);
  expect_ = c == '{' ? Expect::key_or_end : Expect::value_or_end;
  return State::more;
}

JsonScanner::State JsonScanner::close(char c) {
  const char opener = c == '}' ? '{' : '[';
  const Expect empty = c == '}' ? Expect::key_or_end : Expect::value_or_end;
  if (stack_.empty() || stack_.back() != opener) return State::failed;
  if (expect_ != Expect::comma_or_end && expect_ != empty) return State::failed;
  stack_.pop_back();
  if (stack_.empty()) return State::done;
  after_value();
  return State::more;
}

bool JsonScanner::string_byte(char c) {
  if (hex_left_ > 0) {
    --hex_left_;
    return is_hex(c);
  }
  if (escaped_) {
    escaped_ = false;
    if (c == 'u') hex_left_ = 4;
    return std::string_view("\"\\/bfnrtu").find(c) != std::string_view::npos;
  }
  if (static_cast<unsigned char>(c) < 0x20) return false;
  escaped_ = c == '\\';
  if (c != '"') return true;
  in_string_ = false;
  if (string_is_key_) {
    expect_ = Expect::colon;
  } else {
    after_value();
  }
  return true;
}

bool JsonScanner::scalar_complete() const {
  return base::Json::accept(scalar_);
}

void JsonScanner::after_value() {
  expect_ = Expect::comma_or_end;
  if (stack_.size() == 1) member_ = false;
}

}  // namespace swift::infer::server
