#include "text/grammar/grammar.h"

#include <mutex>
#include <utility>

#include "base/error.h"
#include "text/grammar/expression.h"
#include "text/grammar/machine.h"
#include "text/grammar/program.h"

namespace swift::text {

struct Grammar::Machines {
  std::mutex mutex;
  std::vector<std::shared_ptr<grammar::Machine>> known;
};

Grammar::Grammar(grammar::Program program)
    : program_(std::make_shared<const grammar::Program>(std::move(program))),
      machines_(std::make_unique<Machines>()) {}

Grammar::~Grammar() = default;

std::shared_ptr<grammar::Machine> Grammar::machine(
    const std::shared_ptr<const Vocabulary>& vocabulary) const {
  const std::lock_guard lock(machines_->mutex);
  for (const auto& known : machines_->known) {
    if (&known->vocabulary() == vocabulary.get()) return known;
  }
  machines_->known.push_back(std::make_shared<grammar::Machine>(program_, vocabulary));
  return machines_->known.back();
}

namespace {

class GrammarMatcher final : public TokenMatcher {
 public:
  explicit GrammarMatcher(std::shared_ptr<grammar::Machine> machine)
      : machine_(std::move(machine)), position_(machine_->start()) {}

  std::unique_ptr<TokenMatcher> clone() const override { return std::make_unique<GrammarMatcher>(*this); }
  void allowed(std::span<uint64_t> words) override { machine_->mask(position_, words); }
  bool may_end() const override { return machine_->may_end(position_); }
  bool accept(int32_t token) override {
    const std::string_view bytes = machine_->vocabulary().bytes(token);
    return !bytes.empty() && machine_->advance(position_, bytes);
  }

 private:
  std::shared_ptr<grammar::Machine> machine_;
  grammar::Machine::Position position_;
};

}  // namespace

std::unique_ptr<TokenMatcher> matcher(std::shared_ptr<const Grammar> grammar,
                                      std::shared_ptr<const Vocabulary> vocabulary) {
  return std::make_unique<GrammarMatcher>(grammar->machine(vocabulary));
}

std::shared_ptr<const Grammar> compile_choice(const std::vector<std::string>& choices,
                                              const CompileLimits& limits) {
  if (choices.empty())
    throw base::Error(base::ExitCode::usage, "the list of choices is empty", {}, "name one");
  std::vector<grammar::ExpressionPtr> parts;
  for (const std::string& text : choices) {
    if (!base::is_utf8(text))
      throw base::Error(base::ExitCode::usage, "a choice is not valid UTF-8", {}, "choices are texts");
    parts.push_back(grammar::literal(text));
  }
  grammar::Budget budget(limits);
  return std::make_shared<const Grammar>(
      grammar::link({automaton_of(grammar::choice(std::move(parts)), budget)}, {"choice"}));
}

}  // namespace swift::text
