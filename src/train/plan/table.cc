#include <iomanip>
#include <sstream>

#include "train/plan/plan.h"

namespace swift::train {

std::string plan_table(const Plan& plan) {
  std::ostringstream out;
  const auto line = [&out](const std::string& name, const std::string& dtype, int64_t bytes,
                           const std::string& note) {
    out << "  " << std::left << std::setw(13) << name << std::setw(10) << dtype << std::right << std::setw(10)
        << std::fixed << std::setprecision(1) << static_cast<double>(bytes) / (1024.0 * 1024.0) << " MiB";
    if (!note.empty()) out << "  " << note;
    out << "\n";
  };
  for (const PlanItem& item : plan.items()) line(item.name, item.dtype, item.bytes, item.note);
  line("total", "", plan.peak(), "expected peak, in " + plan.largest().name);
  out << "  longest batch: " << plan.batch.tokens << " tokens (" << plan.batch.assumption << ")\n";
  return out.str();
}

base::Json plan_json(const Plan& plan) {
  base::Json items = base::Json::array(), phases = base::Json::array();
  for (const PlanItem& item : plan.items()) {
    items.push_back({{"name", item.name}, {"dtype", item.dtype}, {"bytes", item.bytes}, {"note", item.note}});
  }
  for (const PlanPhase& phase : plan.phases) {
    phases.push_back({{"name", phase.name},
                      {"gradients", phase.gradients},
                      {"activations", phase.activations},
                      {"logits", phase.logits},
                      {"work", phase.work}});
  }
  return {{"peak_bytes", plan.peak()},
          {"parameters", plan.parameters},
          {"trained_parameters", plan.trained},
          {"items", items},
          {"phases", phases},
          {"longest_batch",
           {{"tokens", plan.batch.tokens},
            {"trained", plan.batch.trained},
            {"longest_sample", plan.batch.longest},
            {"assumption", plan.batch.assumption}}}};
}

}  // namespace swift::train
