#include "text/jinja/globals.h"

#include <unordered_map>

#include "text/jinja/callables.h"
#include "text/jinja/iterate.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

Value range(Runtime& rt, const Value&, Args& args) {
  const Parameters p("range", args, {"start", "stop", "step"}, 1);
  if (!args.named.empty()) throw Fault("range() takes no keyword arguments");
  rt.step();
  auto out = std::make_shared<Range>();
  out->start = p.has(1) ? index_of(p[0]) : 0;
  out->stop = index_of(p.has(1) ? p[1] : p[0]);
  out->step = p.integer(2, 1);
  if (out->step == 0) throw Fault("range() arg 3 must not be zero");
  if (out->size() > kMaxRange) {
    throw Fault("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
  }
  return Value::of(Kind::range, std::move(out));
}

// dict(mapping or pairs, **named).
std::shared_ptr<Dict> build_dict(Runtime& rt, const char* function, Args& args) {
  if (args.positional.size() > 1) {
    throw Fault(std::string(function) + " expected at most 1 argument, got " +
                std::to_string(args.positional.size()));
  }
  auto out = std::make_shared<Dict>();
  if (!args.positional.empty()) {
    const Value& source = args.positional[0];
    if (source.is(Kind::dict)) {
      for (const auto& [key, value] : source.as<Dict>().entries) out->set(rt, key, value);
    } else {
      const auto items = iterate(rt, source);
      Value item;
      while (items->next(rt, item)) {
        const std::vector<Value> pair = to_vector(rt, item);
        if (pair.size() != 2) throw Fault("dictionary update sequence element has not length 2");
        out->set(rt, pair[0], pair[1]);
      }
    }
  }
  for (auto& [name, value] : args.named) out->set(rt, make_text(rt, name), value);
  return out;
}

Value dict(Runtime& rt, const Value&, Args& args) {
  return make_dict(rt, build_dict(rt, "dict", args));
}

Value name_space(Runtime& rt, const Value&, Args& args) {
  const auto attributes = build_dict(rt, "namespace", args);
  auto out = std::make_shared<Namespace>();
  rt.allocate(sizeof(Namespace) + attributes->entries.size() * 2 * sizeof(Value));
  for (const auto& [key, value] : attributes->entries) {
    out->set(key.is(Kind::string) ? key.as_text() : to_text(rt, key), value);
  }
  rt.keep(out);
  return Value::of(Kind::name_space, std::move(out));
}

struct Cycler : Object {
  std::vector<Value> items;
  size_t at = 0;
};

Value cycler_next(Runtime&, const Value& self, Args& args) {
  Parameters("next", args, {});
  auto& cycler = self.as<Cycler>();
  const Value item = cycler.items[cycler.at];
  cycler.at = (cycler.at + 1) % cycler.items.size();
  return item;
}

Value cycler_reset(Runtime&, const Value& self, Args& args) {
  Parameters("reset", args, {});
  self.as<Cycler>().at = 0;
  return Value::none();
}

// What cycler() returns: an object whose members are next(), reset() and current.
struct CyclerHandle : Callable {
  Value cycler;
  Value call(Runtime&, Args&) override { throw Fault("'Cycler' object is not callable"); }
  std::string repr() const override { return "<jinja2.utils.Cycler object>"; }
  Value attribute(std::string_view name) const override {
    const auto& state = cycler.as<Cycler>();
    if (name == "current") return state.items[state.at];
    if (name == "next") return bind_method("next", cycler, cycler_next);
    if (name == "reset") return bind_method("reset", cycler, cycler_reset);
    return Value();
  }
};

Value cycler(Runtime& rt, const Value&, Args& args) {
  if (args.positional.empty()) throw Fault("at least one item has to be provided");
  if (!args.named.empty()) throw Fault("cycler() takes no keyword arguments");
  auto state = std::make_shared<Cycler>();
  const Value items = make_tuple(rt, args.positional);
  state->items = items.as<Sequence>().items;
  state->depth = deeper(items.depth());
  auto handle = std::make_shared<CyclerHandle>();
  handle->depth = deeper(state->depth);
  handle->cycler = Value::of(Kind::object, std::move(state));
  return Value::of(Kind::callable, std::move(handle));
}

struct Joiner : Callable {
  Value separator;
  bool used = false;
  Value call(Runtime&, Args& args) override {
    Parameters("joiner", args, {});
    if (used) return separator;
    used = true;
    return Value::text("");
  }
  std::string repr() const override { return "<jinja2.utils.Joiner object>"; }
};

Value joiner(Runtime& rt, const Value&, Args& args) {
  const Parameters p("joiner", args, {"sep"});
  auto out = std::make_shared<Joiner>();
  out->separator = p.has(0) ? p[0] : make_text(rt, ", ");
  out->depth = deeper(out->separator.depth());
  return Value::of(Kind::callable, std::move(out));
}

Value raise_exception(Runtime& rt, const Value&, Args& args) {
  const Parameters p("raise_exception", args, {"message"}, 1);
  throw Fault(to_text(rt, p[0]));
}

// datetime.now().strftime(format), of a time without zone.
Value strftime_now(Runtime& rt, const Value&, Args& args) {
  const Parameters p("strftime_now", args, {"format"}, 1);
  const std::string& wanted = p.text(0);
  if (wanted.size() > 1000) throw Fault("the format of strftime_now is too long");
  std::string format;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const char next = wanted[i] == '%' && i + 1 < wanted.size() ? wanted[i + 1] : '\0';
    if (next == 'f') {
      format += "000000";
    } else if (next && next != 'z' && next != 'Z') {
      format += wanted.substr(i, 2);
    } else if (!next) {
      format += wanted[i];
    }
    if (next) ++i;
  }
  if (format.empty()) return make_text(rt, "");
  const std::tm now = rt.clock();
  std::string out(format.size() * 128 + 1, '\0');
  out.resize(std::strftime(out.data(), out.size(), format.c_str(), &now));
  return make_text(rt, std::move(out));
}

Value lipsum(Runtime&, const Value&, Args&) {
  throw Fault("lipsum() is not supported in chat templates");
}

}  // namespace

Value find_global(const std::string& name) {
  static const std::unordered_map<std::string_view, MethodFn> kGlobals = {
      {"range", range},          {"dict", dict},
      {"namespace", name_space}, {"cycler", cycler},
      {"joiner", joiner},        {"raise_exception", raise_exception},
      {"lipsum", lipsum},        {"strftime_now", strftime_now},
  };
  const auto found = kGlobals.find(name);
  return found == kGlobals.end() ? Value() : bind_method(found->first, Value::none(), found->second);
}

}  // namespace swift::text::jinja
