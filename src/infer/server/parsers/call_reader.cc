#include "infer/server/parsers/call_reader.h"

#include "base/json.h"

namespace swift::infer::server {

using base::Json;

namespace {

std::string text_of(const std::string& json) {
  const Json parsed = Json::parse(json, nullptr, false);
  return parsed.is_string() ? parsed.get<std::string>() : std::string();
}

}  // namespace

CallReader::State CallReader::feed(std::string_view text, size_t& used, ToolSink& sink) {
  for (used = 0; used < text.size();) {
    const char c = text[used++];
    if (!begun_) raw_ += c;
    const auto state = scanner_.push(c);
    if (state == JsonScanner::State::failed) {
      give(pending_, sink);
      return State::failed;
    }
    if (scanner_.in_key()) {
      if (!key_open_) key_.clear();
      key_open_ = true;
      key_ += c;
    } else {
      key_open_ = false;
    }
    if (scanner_.in_value()) member_byte(c, sink);
    if (scanner_.value_ended()) member_ended(sink);
    if (state == JsonScanner::State::done) return finished(sink);
  }
  give(pending_, sink);
  return State::more;
}

void CallReader::member_byte(char c, ToolSink&) {
  if (key_ == "\"name\"") {
    name_ += c;
  } else if (key_ == "\"arguments\"" || key_ == "\"parameters\"") {
    if (!seen_ && value_.empty()) is_text_ = c != '{';
    if (begun_ && !is_text_) {
      pending_ += c;
    } else {
      value_ += c;
    }
    seen_ = true;
  }
}

// The name makes the call begin; arguments that are no object are given when they are complete.
void CallReader::member_ended(ToolSink& sink) {
  if (key_ == "\"name\"" && !begun_) {
    const std::string name = text_of(name_);
    if (name.empty()) return;
    sink.begin_call(name);
    begun_ = true;
    if (seen_ && !is_text_) {
      pending_ += value_;
      value_.clear();
    }
  }
}

void CallReader::give(std::string_view arguments, ToolSink& sink) {
  if (begun_ && !arguments.empty()) sink.arguments(arguments);
  pending_.clear();
}

CallReader::State CallReader::finished(ToolSink& sink) {
  if (!begun_) return State::failed;
  if (!seen_) {
    pending_ = "{}";
  } else if (is_text_) {
    const Json inner = Json::parse(text_of(value_), nullptr, false);
    pending_ = inner.is_object() ? text_of(value_) : value_ == "null" ? "{}" : value_;
  }
  give(pending_, sink);
  return State::done;
}

void CallListParser::push(std::string_view text, ToolSink& sink) {
  while (!text.empty() && state_ != State::ended) {
    if (state_ == State::call) {
      size_t used = 0;
      const auto state = reader_.feed(text, used, sink);
      text.remove_prefix(used);
      if (state == CallReader::State::more) return;
      if (state == CallReader::State::failed && !reader_.begun()) sink.content(reader_.raw());
      state_ = state == CallReader::State::failed || !list_ ? State::ended : State::between;
      continue;
    }
    const char c = text.front();
    if (c == '{') {
      reader_ = CallReader();
      state_ = State::call;
      continue;
    }
    text.remove_prefix(1);
    if (c == '[' && state_ == State::start) list_ = true;
    if (c == ']') state_ = State::ended;
    if (c == '[') state_ = State::between;
  }
}

void CallListParser::finish(ToolSink& sink) {
  if (state_ == State::call && !reader_.begun()) sink.content(reader_.raw());
  state_ = State::ended;
}

}  // namespace swift::infer::server
