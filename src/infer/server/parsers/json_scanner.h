// JSON checked byte by byte, as it comes.
#pragma once
#include <string>
#include <vector>

namespace swift::infer::server {

// Follows one object or array (RFC 8259). Beyond 256 levels it fails.
class JsonScanner {
 public:
  enum class State { more, done, failed };
  // Takes the next byte. After `done` or `failed` nothing more may come.
  State push(char c);
  size_t depth() const { return stack_.size(); }

  // About the byte taken last, in an object at depth 1.
  bool in_key() const { return in_key_; }            // part of a member's name, quotes included
  bool in_value() const { return in_value_; }        // part of a member's value
  bool value_ended() const { return value_ended_; }  // it, or the byte before a number or literal's end

 private:
  enum class Expect { value, value_or_end, key, key_or_end, colon, comma_or_end };
  State take(char c);
  State structural(char c);
  State open(char c);
  State close(char c);
  bool string_byte(char c);
  bool scalar_complete() const;
  void after_value();

  std::vector<char> stack_;  // '{' and '['
  Expect expect_ = Expect::value;
  bool in_string_ = false;
  bool string_is_key_ = false;
  bool escaped_ = false;
  int hex_left_ = 0;
  std::string scalar_;  // number or literal being read
  bool in_key_ = false, in_value_ = false, value_ended_ = false;
  bool member_ = false;  // inside of a value at depth 1
};

}  // namespace swift::infer::server
