#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

namespace swift::config {
namespace {

constexpr const char* kTooMany = "more than 20000 values, aliases written out";
constexpr const char* kTooDeep = "nested deeper than 32 levels";

// Ends the parse; carries a problem for the report.
struct Fault {
  YAML::Mark mark;
  std::string message;
};

struct Extent {
  size_t nodes = 1;
  int depth = 1;
};

Extent extent(const YamlNode& node) {
  Extent total;
  const auto add = [&](const YamlNode& child) {
    const Extent inner = extent(child);
    total.nodes += inner.nodes;
    total.depth = std::max(total.depth, 1 + inner.depth);
  };
  for (const YamlNode& item : node.items) add(item);
  for (const YamlEntry& entry : node.entries) add(entry.key), add(entry.value);
  return total;
}

// Columns of yaml-cpp count bytes; ours count characters.
class Places {
 public:
  Places(const std::string& text, std::string file) : text_(text), file_(std::move(file)) {
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines_.push_back(std::move(line));
  }

  // yaml-cpp 0.7 takes a quote that is still open at the end of the file for a whole scalar.
  bool unclosed_quote(const YAML::Mark& mark) const {
    if (mark.pos < 0 || mark.pos >= static_cast<int>(text_.size())) return false;
    const char quote = text_[mark.pos];
    if (quote != '"' && quote != '\'') return false;
    for (size_t i = mark.pos + 1; i < text_.size(); ++i) {
      const bool escape = quote == '"' ? text_[i] == '\\' : text_.compare(i, 2, "''") == 0;
      if (escape)
        ++i;
      else if (text_[i] == quote)
        return false;
    }
    return true;
  }

  base::Location at(const YAML::Mark& mark) const {
    if (mark.line < 0) return {file_};
    int column = mark.column + 1;
    if (mark.line < static_cast<int>(lines_.size())) {
      const std::string before = lines_[mark.line].substr(0, std::max(0, mark.column));
      column = 1 + static_cast<int>(std::count_if(before.begin(), before.end(), [](char byte) {
                 return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
               }));
    }
    return {file_, mark.line + 1, column};
  }

 private:
  const std::string& text_;
  std::string file_;
  std::vector<std::string> lines_;
};

int characters(const std::string& text) {
  return static_cast<int>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

// Builds the tree from yaml-cpp's events. Nodes under construction stand on a stack.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(const Places& places) : places_(places) {}

  // What was read up to a fault is kept, so that its own faults are reported in the same run.
  YamlNode take() {
    while (!stack_.empty()) close();
    return std::move(root_);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (started_) throw Fault{mark, "a second document; one task is one document"};
    started_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { finish(node(mark), anchor); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (places_.unclosed_quote(mark)) throw Fault{mark, "malformed YAML: a quote that is not closed"};
    YamlNode scalar = node(mark);
    scalar.plain = tag != "!";
    scalar.kind = YamlNode::Kind::scalar;
    const bool null = scalar.plain && (value.empty() || value == "~" || value == "null" || value == "Null" ||
                                       value == "NULL");
    if (null) scalar.kind = YamlNode::Kind::null;
    scalar.length = std::max(1, characters(value.substr(0, value.find('\n'))) + (scalar.plain ? 0 : 2));
    scalar.text = value;
    finish(std::move(scalar), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Fault{mark, "an alias inside its own anchor"};
    YamlNode copy = found->second;
    const Extent added = extent(copy);
    nodes_ += added.nodes;
    if (nodes_ > kYamlMaxNodes) throw Fault{mark, kTooMany};
    if (static_cast<int>(stack_.size()) + added.depth > kYamlMaxDepth) throw Fault{mark, kTooDeep};
    place(std::move(copy));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::list, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::map, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    bool has_key = false;
    YamlNode key;
  };

  YamlNode node(const YAML::Mark& mark) {
    if (++nodes_ > kYamlMaxNodes) throw Fault{mark, kTooMany};
    YamlNode made;
    made.where = places_.at(mark);
    return made;
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
    if (static_cast<int>(stack_.size()) >= kYamlMaxDepth) throw Fault{mark, kTooDeep};
    Open opened{node(mark), anchor};
    opened.node.kind = kind;
    stack_.push_back(std::move(opened));
  }

  void close() {
    Open closed = std::move(stack_.back());
    stack_.pop_back();
    finish(std::move(closed.node), closed.anchor);
  }

  void finish(YamlNode done, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = done;
    place(std::move(done));
  }

  void place(YamlNode done) {
    if (stack_.empty()) {
      root_ = std::move(done);
    } else if (Open& parent = stack_.back(); parent.node.kind == YamlNode::Kind::list) {
      parent.node.items.push_back(std::move(done));
    } else if (!parent.has_key) {
      parent.key = std::move(done), parent.has_key = true;
    } else {
      parent.node.entries.push_back({std::move(parent.key), std::move(done)}), parent.has_key = false;
    }
  }

  const Places& places_;
  YamlNode root_;
  bool started_ = false;
  size_t nodes_ = 0;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
};

void check_keys(const YamlNode& node, Report& report) {
  std::map<std::string, base::Location> seen;
  for (const YamlEntry& entry : node.entries) {
    const Origin origin = Origin::in_file(entry.key.where);
    if (entry.key.kind == YamlNode::Kind::list || entry.key.kind == YamlNode::Kind::map) {
      report.add({origin, 1, "a key must be plain text"});
    } else if (const auto [first, fresh] = seen.emplace(entry.key.text, entry.key.where); !fresh) {
      report.add({origin, entry.key.length,
                  "duplicate key '" + entry.key.text + "'; first given on line " +
                      std::to_string(first->second.line)});
    }
    check_keys(entry.value, report);
  }
  for (const YamlNode& item : node.items) check_keys(item, report);
}

// The first line that is not UTF-8 or holds a zero byte, as UTF-16 does; 0: none.
int foreign_line(const std::string& text) {
  std::istringstream stream(text);
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.find('\0') != std::string::npos || !base::is_utf8(line)) return number;
  }
  return 0;
}

base::Json typed_scalar(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* end = text.data() + text.size();
  int64_t integer = 0;
  if (const auto read = std::from_chars(text.data(), end, integer);
      read.ec == std::errc() && read.ptr == end) {
    return integer;
  }
  double number = 0;
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec == std::errc() && read.ptr == end && std::isfinite(number)) return number;
  return text;
}

}  // namespace

YamlNode parse_yaml(const std::string& text, const std::string& file, Report& report) {
  const auto fail = [&](const base::Location& where, const std::string& message) {
    report.add({Origin::in_file(where), 1, message});
  };
  if (text.size() > kYamlMaxBytes) {
    fail({file}, "larger than 1 MiB; this is no task file");
    return {};
  }
  if (const int line = foreign_line(text); line > 0) {
    fail({file, line}, "not UTF-8 text");
    return {};
  }
  const Places places(text, file);
  Builder builder(places);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Fault& fault) {
    fail(places.at(fault.mark), fault.message);
  } catch (const YAML::Exception& fault) {
    fail(places.at(fault.mark), "malformed YAML: " + fault.msg);
  }
  YamlNode root = builder.take();
  check_keys(root, report);
  return root;
}

base::Json to_json(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return nullptr;
    case YamlNode::Kind::scalar:
      return node.plain ? typed_scalar(node.text) : base::Json(node.text);
    case YamlNode::Kind::list: {
      base::Json list = base::Json::array();
      for (const YamlNode& item : node.items) list.push_back(to_json(item));
      return list;
    }
    case YamlNode::Kind::map: {
      base::Json map = base::Json::object();
      for (const YamlEntry& entry : node.entries) map[entry.key.text] = to_json(entry.value);
      return map;
    }
  }
  return nullptr;
}

}  // namespace swift::config
