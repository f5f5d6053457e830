// The loop of GRPO: ratio 1 before the first update, resuming bit for bit, and what goes wrong.
#include <catch2/catch.hpp>
#include <map>

#include "config/resolve.h"
#include "support.h"

using namespace swift;
using namespace swift::tests;
using base::Json;

namespace {

fs::path problems(const fs::path& folder, int count) {
  fs::create_directories(folder);
  std::ofstream out(folder / "problems.jsonl");
  for (int i = 0; i < count; ++i) {
    const int a = i % 7 + 1, b = i % 5;
    out << Json({{"messages", Json::array({{{"role", "user"},
                                            {"content", "How much is " + std::to_string(a) + " plus " +
                                                            std::to_string(b) + "?"}}})},
                 {"solution", std::to_string(a + b)}})
               .dump()
        << "\n";
  }
  return folder / "problems.jsonl";
}

config::Task task_of(const fs::path& folder, const std::map<std::string, std::string>& more = {}) {
  config::Task task;
  task.method = "grpo";
  task.model = demo_model();
  task.dataset = {problems(folder, 12).string()};
  task.reward_funcs = {"regex:1", "regex:2", "regex:[3-9]", "regex:\\?"};
  task.output_dir = (folder / "run").string();
  task.add_version = false;
  task.lora_rank = 4;
  task.num_generations = 4;
  task.per_device_train_batch_size = 4;
  task.gradient_accumulation_steps = 2;
  task.max_completion_length = 12;
  task.max_steps = 4;
  task.learning_rate = 0.01;
  task.logging_steps = 1;
  task.save_steps = 2;
  task.report_to = {"none"};
  if (more.contains("steps_per_generation"))
    task.steps_per_generation = std::stoi(more.at("steps_per_generation"));
  if (more.contains("num_iterations")) task.num_iterations = std::stoi(more.at("num_iterations"));
  if (more.contains("reward")) task.reward_funcs = {more.at("reward")};
  config::resolve(task, "train");
  return task;
}

struct Run {
  config::Task task;
  Demo demo;
  grpo::PromptData data;
  std::unique_ptr<grpo::GrpoTrainer> trainer;

  explicit Run(config::Task given, const fs::path& checkpoint = {})
      : task(std::move(given)), demo("bfloat16", 0) {
    demo.settings = train::lora_settings(task);
    for (model::LinearLayer* linear : demo.decoder.linears()) linear->lora.reset();
    model::attach_lora(demo.decoder, demo.settings, static_cast<uint64_t>(task.seed));
    if (!checkpoint.empty()) demo.settings = model::restore_adapter(demo.decoder, demo.settings, checkpoint);
    data = grpo::load_prompts(task, *demo.encoder, demo.decoder.spec.max_positions);
    fs::create_directories(task.output_dir);
    trainer = std::make_unique<grpo::GrpoTrainer>(task, demo.decoder, demo.settings, data, *demo.encoder,
                                                  demo.ends(), task.output_dir);
    if (!checkpoint.empty()) trainer->resume(checkpoint);
  }
};

std::vector<Json> lines(const fs::path& file) {
  std::ifstream in(file);
  std::vector<Json> result;
  for (std::string line; std::getline(in, line);) result.push_back(Json::parse(line));
  return result;
}

}  // namespace

TEST_CASE("before the first update the importance ratio is exactly 1") {
  const fs::path folder = scratch("ratio");
  Run run(task_of(folder));
  if (!grpo::rollouts_are_exact(run.demo.decoder)) return;
  run.trainer->run();
  const auto log = lines(folder / "run/logging.jsonl");
  REQUIRE(log.size() == 5);
  for (size_t i = 0; i + 1 < log.size(); ++i) {
    CHECK(log[i].at("sampling/sampling_logp_difference/max") == 0.0);
    CHECK(log[i].at("clip_ratio/region_mean") == 0.0);
  }
  CHECK(log[0].at("kl") == 0.0);  // the policy is the reference
  CHECK(log[3].at("kl").get<double>() > 0);
  for (const char* key :
       {"loss", "grad_norm", "learning_rate", "epoch", "tokens_per_second", "elapsed_seconds", "memory_gib",
        "reward", "reward_std", "completions/mean_length", "completions/clipped_ratio", "rewards/regex/mean",
        "frac_reward_zero_std", "generation_share"})
    CHECK(log[0].contains(key));
  const auto completions = lines(folder / "run/completions.jsonl");
  CHECK(completions.size() == 4 * 8);
  CHECK(completions[0].contains("rewards/regex_2"));
  CHECK(completions[0].at("advantage").is_number());
}

TEST_CASE("a run that is resumed continues bit for bit, also in the middle of a round") {
  for (const char* iterations : {"1", "2"}) {
    CAPTURE(iterations);
    const fs::path folder = scratch(std::string("resume-") + iterations);
    const std::map<std::string, std::string> more = {
        {"steps_per_generation", "2"}, {"num_iterations", iterations == std::string("2") ? "4" : "1"}};
    Run whole(task_of(folder / "whole", more));
    whole.trainer->run();
    fs::create_directories(folder / "parts");
    const config::Task task = task_of(folder / "parts", more);
    fs::create_directories(task.output_dir);
    fs::copy(folder / "whole/run/checkpoint-2", fs::path(task.output_dir) / "checkpoint-2",
             fs::copy_options::recursive);
    Run rest(task, fs::path(task.output_dir) / "checkpoint-2");
    rest.trainer->run();
    CHECK(base::read_file(folder / "whole/run/checkpoint-4/adapter_model.safetensors") ==
          base::read_file(folder / "parts/run/checkpoint-4/adapter_model.safetensors"));
    const auto a = lines(folder / "whole/run/logging.jsonl"), b = lines(folder / "parts/run/logging.jsonl");
    CHECK(a[3].at("loss") == b[b.size() - 2].at("loss"));
    CHECK(a[3].at("reward") == b[b.size() - 2].at("reward"));
  }
}

TEST_CASE("GRPO moves the policy towards the reward") {
  const fs::path folder = scratch("learns");
  config::Task task = task_of(folder);
  task.max_steps = 24;
  task.beta = 0;
  task.learning_rate = 0.003;
  Run run(task);
  run.trainer->run();
  const auto log = lines(folder / "run/logging.jsonl");
  double before = 0, after = 0;
  for (int i = 0; i < 3; ++i) {
    before += log[static_cast<size_t>(i)].at("reward").get<double>();
    after += log[static_cast<size_t>(21 + i)].at("reward").get<double>();
  }
  CHECK(after > before);
}

TEST_CASE("a reward that fails in the middle of a run leaves a checkpoint of what was learnt") {
  const fs::path folder = scratch("failing");
  std::ofstream(folder / "reward.sh")
      << "n=$(cat " << (folder / "count").string() << " 2>/dev/null || echo 0)\n"
      << "echo $((n+1)) > " << (folder / "count").string() << "\n"
      << "while read line; do if [ $n -ge 3 ]; then echo NaN; else echo ${#line}; fi; done\n";
  config::Task task = task_of(folder, {{"reward", "command:sh " + (folder / "reward.sh").string()}});
  task.reward_max_retries = 0;
  task.save_steps = 100;
  Run run(task);
  CHECK_THROWS_WITH(run.trainer->run(),
                    Catch::Contains("problems.jsonl") && Catch::Contains("no finite number"));
  CHECK(fs::exists(folder / "run/checkpoint-3/trainer_state.json"));
  Run rest(
      [&] {
        fs::remove(folder / "count");
        return task;
      }(),
      folder / "run/checkpoint-3");
  rest.trainer->run();
  CHECK(fs::exists(folder / "run/checkpoint-4"));
}

TEST_CASE("a run whose rewards are all equal says that it learns nothing") {
  const fs::path folder = scratch("dull");
  Run run(task_of(folder, {{"reward", "regex:^never this$"}}));
  run.trainer->run();
  const auto log = lines(folder / "run/logging.jsonl");
  CHECK(log[0].at("frac_reward_zero_std") == 1.0);
  CHECK(log[0].at("reward_std") == 0.0);
}

TEST_CASE("prompts that are too long are cut or dropped with a word, and refused when strict") {
  const fs::path folder = scratch("long");
  config::Task task = task_of(folder);
  task.max_length = 8;
  Demo demo("bfloat16", 0);
  auto data = grpo::load_prompts(task, *demo.encoder, 512);
  for (const auto& prompt : data.train) CHECK(prompt.ids.size() == 8);
  task.strict = true;
  CHECK_THROWS_WITH(grpo::load_prompts(task, *demo.encoder, 512), Catch::Contains("problems.jsonl:1"));
  task.strict = false;
  task.truncation_strategy = "delete";
  CHECK_THROWS_WITH(grpo::load_prompts(task, *demo.encoder, 512), Catch::Contains("no prompt is left"));
  task.max_length.reset();
  task.max_completion_length = 512;
  CHECK_THROWS_WITH(grpo::load_prompts(task, *demo.encoder, 512), Catch::Contains("leaves no room"));
}

TEST_CASE("the reference moves towards the policy by its share, and comes back from a checkpoint") {
  const fs::path folder = scratch("reference");
  config::Task task = task_of(folder);
  task.sync_ref_model = true;
  Demo demo("bfloat16", 0);
  grpo::Reference reference(task, demo.decoder, &demo.settings);
  stir(demo.decoder, 0.5, 3);
  reference.sync(demo.decoder, 0.25);
  const auto b = [](const model::Decoder& decoder) { return decoder.blocks[0].q.lora->b; };
  CHECK(at::allclose(b(reference.decoder()), b(demo.decoder) * 0.25));
  reference.save(folder);
  Demo again("bfloat16", 0);
  grpo::Reference loaded(task, again.decoder, &again.settings);
  loaded.load(folder);
  CHECK(at::equal(b(loaded.decoder()), b(reference.decoder())));
}

TEST_CASE("without an adapter to begin with the reference is the bare base") {
  const fs::path folder = scratch("bare");
  Demo demo("bfloat16", 0.02);
  const grpo::Reference reference(task_of(folder), demo.decoder, &demo.settings);
  CHECK_FALSE(reference.decoder().blocks[0].q.lora.has_value());
  CHECK(demo.decoder.blocks[0].q.lora.has_value());
}
